import Butler
import ButlerModel
import Datastore
import Registry
import StructuredData

/// Changes of datasets, and of the registry, in one transaction.
extension ProbeSession {
    /// One of them; with `catch` an error of it is its answer, and the transaction goes on. The op `fail` ends the
    /// transaction with an error and `nested` has changes of its own.
    static func run(_ command: DocumentReader, _ transaction: ButlerTransaction) throws -> StructuredValue {
        guard try command.optional("catch")?.bool() ?? false else { return try change(command, transaction) }
        do {
            return try change(command, transaction)
        } catch { return describe(error) }
    }

    private static func change(
        _ command: DocumentReader, _ transaction: ButlerTransaction
    ) throws -> StructuredValue {
        let snapshot = transaction.registry.snapshot
        func flag(_ key: String, _ fallback: Bool = false) throws -> Bool {
            try command.optional(key)?.bool() ?? fallback
        }
        switch try command.required("op").string() {
        case "fail": throw command.failure("fails as it should")
        case "nested":
            return try transaction.nested { inner in
                .array(try command.required("changes").items().map { try run($0, inner) })
            }
        case "put":
            let ref = try transaction.put(
                .structured(try command.required("value").value), try command.required("type").string(),
                dataID: try DataCoordinate.mapping(wire: try command.required("data_id")),
                run: try command.required("run").string())
            guard case .structured(let value) = try transaction.read(ref) else { throw command.failure("was lost") }
            return .object(["id": .string(ref.id.description), "value": value])
        case "ingest":
            let files = try files(command, snapshot)
            try transaction.ingest(files, transfer: try transfer(command))
            return .int(Int64(files.count))
        case "prune":
            let ids = try command.required("ids").strings().compactMap { DatasetID($0) }
            try transaction.pruneDatasets(
                try snapshot.datasets(ids), unstore: try flag("unstore"), purge: try flag("purge"),
                disassociate: try flag("disassociate"), tags: try command.optional("tags")?.strings() ?? [],
                keepsFiles: try flag("keeps_files"))
            return .null
        case "remove_runs":
            try transaction.removeRuns(
                try command.required("names").strings(), unlinkFromChains: try flag("unlink"))
            return .null
        default: return try run(command, transaction.registry)
        }
    }
}
