import AstroTime
import Butler
import ButlerModel
import ByteText
import Registry
import StructuredData

/// Changes of the registry, each in a transaction of its own or, with the op `transaction`, several in one.
extension ProbeSession {
    func change(_ command: DocumentReader) async throws -> StructuredValue {
        switch try command.required("op").string() {
        case "transaction":
            let isRehearsal = try command.optional("rehearsal")?.bool() ?? false
            let document = try command.required("changes").value
            return try await butler.transaction(isRehearsal: isRehearsal) { transaction in
                .array(try DocumentReader(document, path: "changes").items().map { try Self.run($0, transaction) })
            }
        case "instrument":
            let outcomes = try await butler.register(
                try Self.instrument(command), updating: try command.optional("update")?.bool() ?? false)
            return .array(outcomes.map { Self.wire($0.outcome) })
        default:
            let document = command.value
            return try await butler.transaction { try Self.run(DocumentReader(document, path: "command"), $0.registry) }
        }
    }

    static func run(_ command: DocumentReader, _ writer: RegistryWriter) throws -> StructuredValue {
        func name() throws -> String { try command.required("name").string() }
        func collection() throws -> String { try command.required("collection").string() }
        func children() throws -> [String] { try command.required("children").strings() }
        func flag(_ key: String) throws -> Bool { try command.optional(key)?.bool() ?? false }
        func refs() throws -> [DatasetRef] {
            let wanted = try command.required("ids").strings().compactMap { DatasetID($0) }
            let found = try writer.snapshot.datasets(wanted)
            return wanted.compactMap { id in found.first { $0.id == id } }
        }
        switch try command.required("op").string() {
        case "collection":
            guard let type = CollectionType(name: try command.required("type").string()) else {
                throw command.failure("has an unknown collection type")
            }
            return .bool(
                try writer.registerCollection(
                    try name(), type: type, documentation: try command.optional("doc")?.string()))
        case "dataset_type":
            return .bool(
                try writer.registerDatasetType(
                    try DatasetType(wire: try command.required("type"), universe: writer.universe)))
        case "document": try writer.setDocumentation(try command.optional("doc")?.string(), of: try name())
        case "remove_collection":
            try writer.removeCollection(
                try name(), unlinking: try flag("unlink"), withDatasets: try flag("with_datasets"))
        case "chain": try writer.setChain(try name(), children: try children())
        case "chain_prepend": try writer.prependToChain(try name(), children: try children())
        case "chain_extend": try writer.extendChain(try name(), children: try children())
        case "chain_remove": try writer.removeFromChain(try name(), children: try children())
        case "chain_pop":
            let places = try command.required("places").items().map { Int(try $0.int64()) }
            return .array(try writer.popFromChain(try name(), at: places).map { .string($0) })
        case "remove_dataset_types":
            let patterns = try command.required("names").strings()
            return .array(try writer.removeDatasetTypes(patterns).map { .string($0) })
        case "associate": try writer.associate(try refs(), with: try collection())
        case "disassociate": return .int(Int64(try writer.disassociate(try refs(), from: try collection())))
        case "certify":
            try writer.certify(
                try refs(), in: try collection(), timespan: try Timespan(wire: try command.required("timespan")))
        case "decertify":
            let type = try writer.snapshot.datasetType(try command.required("type").string())
            let dataIDs = try command.optional("data_ids")?.items().map {
                try writer.snapshot.standardize(try DataCoordinate.mapping(wire: $0), for: type)
            }
            return .int(
                Int64(
                    try writer.decertify(
                        type.name, in: try collection(), timespan: try Timespan(wire: try command.required("timespan")),
                        dataIDs: dataIDs)))
        case "insert_datasets":
            let type = try writer.snapshot.datasetType(try command.required("type").string())
            let dataIDs = try command.required("data_ids").items().map {
                try writer.snapshot.expand(
                    try writer.snapshot.standardize(try DataCoordinate.mapping(wire: $0), for: type))
            }
            let made = try writer.insertDatasets(
                type, run: try command.required("run").string(), dataIDs: dataIDs, ids: .dataIDAndRun)
            return .array(made.map { .string($0.id.description) })
        case "insert": try writer.insert(try records(command, writer), onConflict: try policy(command))
        case "sync":
            return .array(
                try records(command, writer).map { wire(try writer.sync($0, updating: try flag("update"))) })
        case "exposure_regions":
            let regions = try command.required("regions").items().map { item in
                let bytes = Hexadecimal.decode(try item.required("region").string()) ?? []
                return (
                    exposure: try item.required("exposure").int64(), detector: try item.required("detector").int64(),
                    region: try EncodedRegion(bytes: bytes).decoded()
                )
            }
            return .int(
                Int64(
                    try writer.updateExposureRegions(instrument: try command.required("instrument").string(), regions)))
        case "refresh_summaries": return .int(Int64(try writer.refreshCollectionSummaries()))
        case let other: throw command.failure("has the unknown op '\(other)'")
        }
        return .null
    }

    private static func records(_ command: DocumentReader, _ writer: RegistryWriter) throws -> [DimensionRecord] {
        try command.required("records").items().map { try DimensionRecord(wire: $0, universe: writer.universe) }
    }

    private static func policy(_ command: DocumentReader) throws -> RecordConflictPolicy {
        switch try command.optional("policy")?.string() {
        case nil: .fail
        case "skip": .skip
        case "replace": .replace
        case let other?: throw command.failure("has the unknown policy '\(other)'")
        }
    }

    /// True for a new record, false for one that was there, else the values that were replaced.
    private static func wire(_ outcome: RecordSync) -> StructuredValue {
        switch outcome {
        case .inserted: return true
        case .unchanged: return false
        case .updated(let replaced):
            var old = StructuredMapping()
            for (name, value) in replaced.sorted(by: { $0.key < $1.key }) { old[name] = value.wire }
            return .object(old)
        }
    }

    private static func instrument(_ command: DocumentReader) throws -> InstrumentDefinition {
        InstrumentDefinition(
            try command.required("name").string(), className: try command.required("class_name").string(),
            detectors: try command.required("detectors").items().map {
                .init(
                    id: try $0.required("id").int64(), fullName: try $0.required("full_name").string(),
                    purpose: try $0.optional("purpose")?.string())
            },
            filters: try command.required("filters").members().map { .init($0.0, band: try $0.1.string()) })
    }
}
