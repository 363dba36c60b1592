import Butler
import ButlerModel
import Datastore
import ObjectStorage
import Registry
import StructuredData

/// Commands that change datasets and files.
extension ProbeSession {
    /// - Returns: `nil` when there is no such command.
    func write(_ op: String, _ command: DocumentReader) async throws -> StructuredValue? {
        switch op {
        case "put_many": try await putMany(command)
        case "put_ref": try await putRef(command)
        case "ingest": try await ingest(command)
        case "prune": try await prune(command)
        case "remove_runs":
            Self.describe(
                try await butler.removeRuns(
                    try command.required("names").strings(),
                    unlinkFromChains: try command.optional("unlink")?.bool() ?? false,
                    isDryRun: try command.optional("dry_run")?.bool() ?? false))
        case "empty_trash": Self.describe(try await butler.emptyTrash())
        case "forget": try await forget(command)
        case "transfer_from": try await transferFrom(command)
        case "import":
            .int(
                Int64(
                    try await butler.import(
                        .init(directory: try command.required("directory").string(), transfer: try Self.transfer(command)))))
        case "ingest_zip":
            .array(
                try await butler.ingestZip(
                    try command.required("path").string(), transfer: try Self.transfer(command)
                ).map { .string($0.id.description) })
        default: nil
        }
    }

    private static func describe(_ deletion: Deletion) -> StructuredValue {
        .object([
            "datasets": .int(Int64(deletion.datasets)), "files": .int(Int64(deletion.files)),
            "shared": .array(deletion.shared.map { .string($0) }),
            "failures": .array(deletion.failures.map { .string($0) }),
        ])
    }

    /// Puts a dataset that the registry knows, or with all that its reference says.
    private func putRef(_ command: DocumentReader) async throws -> StructuredValue {
        let reader = try command.required("id")
        guard let id = DatasetID(try reader.string()) else { throw reader.failure("must be a UUID") }
        let ref = try await butler.registry.read { snapshot in
            if let known = try snapshot.dataset(id) { return known }
            let type = try snapshot.datasetType(try command.required("type").string())
            let dataID = try snapshot.standardize(
                try DataCoordinate.mapping(wire: try command.required("data_id")), for: type)
            return DatasetRef(id: id, datasetType: type, dataID: dataID, run: try command.required("run").string())
        }
        try await butler.put(.structured(try command.required("value").value), ref)
        return .string(ref.id.description)
    }

    private func putMany(_ command: DocumentReader) async throws -> StructuredValue {
        let datasets = try command.required("datasets").items().map { item in
            DirectButler.NewDataset(
                .structured(try item.required("value").value), try item.required("type").string(),
                try DataCoordinate.mapping(wire: try item.required("data_id")))
        }
        let refs = try await butler.put(datasets, run: try command.required("run").string())
        return .array(refs.map { .string($0.id.description) })
    }

    static func transfer(_ command: DocumentReader) throws -> ArtifactTransfer {
        let name = try command.optional("transfer")?.string() ?? "auto"
        guard let transfer = ArtifactTransfer(rawValue: name) else { throw command.failure("has no transfer '\(name)'") }
        return transfer
    }

    static func files(_ command: DocumentReader, _ snapshot: RegistrySnapshot) throws -> [FileIngest] {
        try command.required("files").items().map { file in
            FileIngest(
                location: try ResourceURI(try file.required("path").string()),
                datasets: try file.required("datasets").items().map { item in
                    let type = try snapshot.datasetType(try item.required("type").string())
                    let reader = try item.required("id")
                    guard let id = DatasetID(try reader.string()) else { throw reader.failure("must be a UUID") }
                    let dataID = try snapshot.standardize(
                        try DataCoordinate.mapping(wire: try item.required("data_id")), for: type)
                    return DatasetRef(
                        id: id, datasetType: type, dataID: dataID, run: try item.required("run").string())
                },
                formatter: try file.optional("formatter")?.string())
        }
    }

    private func ingest(_ command: DocumentReader) async throws -> StructuredValue {
        let files = try await butler.registry.read { try Self.files(command, $0) }
        try await butler.ingest(
            files, transfer: try Self.transfer(command),
            skipsExisting: try command.optional("skip_existing")?.bool() ?? false)
        return .int(Int64(files.count))
    }

    private func refs(_ command: DocumentReader, in butler: DirectButler) async throws -> [DatasetRef] {
        let ids = try command.required("ids").strings().compactMap { DatasetID($0) }
        return try await butler.registry.read { try $0.datasets(ids) }
    }

    private func prune(_ command: DocumentReader) async throws -> StructuredValue {
        Self.describe(
            try await butler.pruneDatasets(
                try await refs(command, in: butler), unstore: try command.optional("unstore")?.bool() ?? false,
                purge: try command.optional("purge")?.bool() ?? false,
                disassociate: try command.optional("disassociate")?.bool() ?? false,
                tags: try command.optional("tags")?.strings() ?? [],
                keepsFiles: try command.optional("keeps_files")?.bool() ?? false,
                isDryRun: try command.optional("dry_run")?.bool() ?? false))
    }

    private func forget(_ command: DocumentReader) async throws -> StructuredValue {
        try await butler.forget(try await refs(command, in: butler))
        return .null
    }

    private func transferFrom(_ command: DocumentReader) async throws -> StructuredValue {
        let source = try await DirectButler.open(try command.required("source").string())
        let refs = try await refs(command, in: source)
        let moved = try await butler.transferFrom(
            source, refs, transfer: try Self.transfer(command),
            skipMissing: try command.optional("skip_missing")?.bool() ?? true,
            registerDatasetTypes: try command.optional("register")?.bool() ?? true,
            transferDimensions: try command.optional("dimensions")?.bool() ?? true,
            isDryRun: try command.optional("dry_run")?.bool() ?? false)
        try await source.close()
        return .array(moved.map { .string($0.id.description) })
    }
}
