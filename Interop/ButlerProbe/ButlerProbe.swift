import AstroTime
import Butler
import ButlerModel
import ByteText
import Crypto
import Datastore
import Foundation
import ObjectStorage
import Registry
import StructuredData

/// Drives a direct Butler from a test in another language: one JSON command a line on standard input, one JSON answer
/// a line on standard output, `{"error": kind, "message": text}` for a failure.
///
///     butler-probe REPOSITORY [--writeable]
@main
struct ButlerProbe {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let repository = arguments.first else {
            print(#"{"error": "usage", "message": "butler-probe REPOSITORY [--writeable]"}"#)
            return
        }
        do {
            let butler = try await DirectButler.open(repository, writeable: arguments.contains("--writeable"))
            let session = ProbeSession(butler: butler)
            while let line = readLine() {
                emit(await session.answer(line))
            }
            try await butler.close()
        } catch {
            emit(ProbeSession.describe(error))
        }
    }

    private static func emit(_ answer: StructuredValue) {
        var writer = JSONWriter(options: .init(nan: .python))
        writer.value(answer)
        writer.endLine()
        FileHandle.standardOutput.write(Data(writer.bytes))
    }
}

struct ProbeSession {
    let butler: DirectButler

    func answer(_ line: String) async -> StructuredValue {
        do {
            let command = DocumentReader(try StructuredValue(json: line, options: [.allowNaN]), path: "command")
            return try await run(command)
        } catch {
            return Self.describe(error)
        }
    }

    static func describe(_ error: any Error) -> StructuredValue {
        let kind = (error as? ButlerError)?.kind.rawValue ?? "\(type(of: error))"
        return .object(["error": .string(kind), "message": .string("\(error)")])
    }

    private func run(_ command: DocumentReader) async throws -> StructuredValue {
        switch try command.required("op").string() {
        case "put": return try await put(command)
        case "find": return try await find(command)
        case "get": return try await get(command)
        case "put_table": return try await putTable(command)
        case "get_table": return try await getTable(command)
        case "list": return try await list(command)
        case "export": return try await export(command)
        case "list_known": return try await listKnown(command)
        case "get_uri": return .string(try await butler.locations(of: try await ref(command)).whole?.description ?? "")
        case "exists_by_id": return try await existsByID(command)
        case "exists": return try await exists(command)
        case "locations": return try await locations(command)
        case "read": return try await read(command)
        case "put_image": return try await putImage(command)
        case "provenance": return try await provenance(command)
        case let other:
            if let answer = try await write(other, command) { return answer }
            return try await change(command)
        }
    }

    // MARK: Exchange

    /// Exports datasets, given by their identifiers, and collections.
    private func export(_ command: DocumentReader) async throws -> StructuredValue {
        let ids = try command.required("ids").strings().compactMap { DatasetID($0) }
        let transfer = ArtifactTransfer(rawValue: try command.required("transfer").string()) ?? .copy
        let collections = try command.required("collections").strings()
        let refs = try await butler.registry.read { try $0.datasets(ids) }
        let count = try await butler.export(
            to: try command.required("directory").string(), transfer: transfer
        ) { export in
            for name in collections { try await export.saveCollection(name) }
            try await export.saveDatasets(refs)
            return export.datasetCount
        }
        return .int(Int64(count))
    }

    // MARK: Writing

    private func put(_ command: DocumentReader) async throws -> StructuredValue {
        let ref = try await butler.put(
            .structured(try command.required("value").value), try command.required("type").string(),
            dataID: try DataCoordinate.mapping(wire: try command.required("data_id")),
            run: try command.required("run").string())
        return ref.wire
    }

    // MARK: Reading

    private func find(_ command: DocumentReader) async throws -> StructuredValue {
        let time = try command.optional("timespan").map { CalibrationTime.during(try Timespan(wire: $0)) } ?? .ofDataID
        let ref = try await butler.findDataset(
            try command.required("type").string(),
            dataID: try DataCoordinate.mapping(wire: try command.required("data_id")),
            collections: try command.required("collections").strings(), time: time)
        return ref?.wire ?? .null
    }

    /// As `list`, and nothing for collections that there are not.
    private func listKnown(_ command: DocumentReader) async throws -> StructuredValue {
        do {
            return try await list(command)
        } catch let error as ButlerError where error.kind == .missingCollection { return .array([]) }
    }

    private func ref(_ command: DocumentReader) async throws -> DatasetRef {
        guard let id = DatasetID(try command.required("id").string()),
            let ref = try await butler.registry.read({ try $0.dataset(id) })
        else { throw command.failure("names no dataset") }
        return ref
    }

    /// The flags of a dataset, as Python counts them.
    private func existsByID(_ command: DocumentReader) async throws -> StructuredValue {
        let flags = try await butler.exists(
            try await ref(command), verifies: try command.optional("full_check")?.bool() ?? true)
        return .int(Int64(flags.rawValue))
    }

    private func list(_ command: DocumentReader) async throws -> StructuredValue {
        let name = try command.required("type").string()
        let collections = try command.required("collections").strings()
        let refs = try await butler.query.datasets(name, in: collections).all()
        return .array(refs.map { .string($0.id.description) })
    }

    /// The value of a dataset, and of every file of it the size and digest.
    private func get(_ command: DocumentReader) async throws -> StructuredValue {
        let ref = try await ref(command)
        let value = try await butler.get(ref, component: try command.optional("component")?.string())
        var answer: StructuredMapping = ["ref": ref.wire]
        switch value {
        case .structured(let structured): answer["value"] = structured
        case .text(let text): answer["text"] = .string(text)
        case .table(let table): answer["table"] = try Self.describe(table)
        case .composite(let components): answer["components"] = .array(components.keys.sorted().map { .string($0) })
        case .image: break
        case .fits(let file): answer["hdus"] = .int(Int64(file.hdus.count))
        case .opaque(let opaque):
            let bytes = try await opaque.bytes()
            answer["size"] = .int(Int64(bytes.count))
            answer["sha256"] = .string(Hexadecimal.encode(SHA256.hash(data: bytes)))
        }
        return .object(answer)
    }
}
