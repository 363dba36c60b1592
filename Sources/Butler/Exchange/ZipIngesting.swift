import ButlerModel
import Datastore
import ObjectStorage
import Registry

extension DirectButler {
    /// Takes in the datasets of a zip archive that `retrieve-artifacts --zip` made, here or in Rubin's software, in one
    /// transaction: all of them or none. The archive itself is kept; its members are never unpacked.
    ///
    /// - Parameters:
    ///   - transfer: how the archive comes into the datastore. `inPlace`: it is there. `direct`: it stays where it is.
    ///   - transferDimensions: whether dimension records of the archive that are missing are inserted.
    ///   - isDryRun: whether nothing is changed; all checks are made.
    /// - Returns: the datasets of the archive.
    /// - Throws: `DatastoreError.malformedZip` for archives that are damaged or contradict themselves; `ButlerError` of kind
    ///   `conflictingDefinition` when one of the datasets has a file already, or means other things here.
    @discardableResult
    public func ingestZip(
        _ path: String, transfer: ArtifactTransfer = .auto, transferDimensions: Bool = false, isDryRun: Bool = false
    ) async throws -> [DatasetRef] {
        if !isDryRun { try requireWriteable(to: "ingest an archive") }
        let datastore = try await presentDatastore()
        let source = path.contains("://") ? try ResourceURI(path) : try ResourceURI(localPath: Self.absolutePath(path))
        let archive = try await DatasetArchive(location: source, universe: universe)
        try checkMeaning(of: archive, name: source.localPath ?? source.description)
        try Self.refuseRepetitions(archive.refs)
        let records = transferDimensions ? archive.records ?? [] : []
        if transferDimensions, archive.records == nil {
            warn("The archive has no dimension records that fit this repository; the repository must have them.")
        }
        let ownFiles = repositoryFiles
        let types = try await ownTypes(of: Set(archive.refs.map(\.datasetType)), areRegistered: false)
        let refs = try await registry.read { snapshot in
            let snapshot = snapshot.including(PendingRecords(records))
            try snapshot.refuseStored(archive.refs, in: datastore)
            try snapshot.refuseOwnFiles([source], .all(transfer), in: datastore, ownFiles)
            let memory = RecordMemory()
            return try archive.refs.map { ref in
                try ref.with(dataID: try snapshot.expand(ref.dataID, remembering: memory, trustingImplied: true))
                    .with(type: types[ref.datasetType] ?? ref.datasetType)
            }
        }
        let (mode, recorded) = try place(source, archive, transfer)
        let byID = Dictionary(refs.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var rows: [(ref: DatasetRef, info: StoredFileInfo)] = []
        for artifact in archive.artifacts {
            var info = artifact.info
            info.path = "\(recorded)#zip-path=\(artifact.member)"
            for id in artifact.ids { if let ref = byID[id] { rows.append((ref, info)) } }
        }
        if isDryRun {
            var foresight = IntakeForesight(self)
            try await foresight.add(refs, records: records)
            try await foresight.add(archive: source, rows, mode)
            try foresight.finish()
            return refs
        }
        let staged = try await datastore.stage(archive: source, rows, transfer: mode)
        try await record(staged) { writer in
            if !records.isEmpty { try writer.insert(records, onConflict: .skip) }
            try writer.makeRoom(for: refs)
        }
        return refs
    }

    /// What an index says of files must mean something here, or nobody could read them.
    private func checkMeaning(of archive: DatasetArchive, name: String) throws {
        let classes = try configuration.storageClasses()
        let types = Dictionary(archive.refs.map { ($0.id, $0.datasetType) }, uniquingKeysWith: { first, _ in first })
        for artifact in archive.artifacts {
            func failure(_ reason: String) -> DatastoreError {
                .malformedZip(path: name, reason: "its index gives '\(artifact.member)' \(reason)")
            }
            guard StoredFileInfo.isClassName(artifact.info.formatter) else {
                throw failure("the formatter '\(artifact.info.formatter)', which is no class name")
            }
            let usage = "'\(artifact.member)' of the archive '\(name)'"
            _ = try classes.definition(named: artifact.info.storageClass, usedBy: usage)
            for id in artifact.ids {
                guard let type = types[id] else { continue }
                let whole = try classes.definition(named: type.storageClass, usedBy: "dataset type '\(type.name)'")
                guard let component = artifact.info.component, whole.component(named: component) == nil else { continue }
                throw failure("the component '\(component)', which '\(type.storageClass)' does not have")
            }
        }
    }

    /// How the archive moves, and the path to record.
    private func place(
        _ source: ResourceURI, _ archive: DatasetArchive, _ transfer: ArtifactTransfer
    ) throws -> (ArtifactTransfer, String) {
        switch transfer {
        case .direct: return (.direct, source.description)
        case .inPlace:
            for files in try datastore().files where try files.contains(source) {
                return (.inPlace, try files.relativePath(of: source))
            }
            throw DatastoreError.notIngestible(
                location: source.description,
                reason: "it is not below the root of the datastore; ask for a transfer such as copy or link")
        default: return (transfer, archive.pathInDatastore)
        }
    }
}
