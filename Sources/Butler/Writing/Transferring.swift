import ButlerModel
import Datastore
import ObjectStorage
import Registry

/// Datasets of another repository. Source: repository format reference, section 7.8.
extension DirectButler {
    /// Brings datasets of another repository into this one, with their identifiers, in one transaction: all or none.
    ///
    /// Files get the path that they have there, below the root of the datastore here. Datasets that are here already are
    /// left alone.
    ///
    /// - Parameters:
    ///   - transfer: `auto` links; files that were ingested in place keep their location with `auto`, and get a path
    ///     from the template otherwise. With `move`, files are copied that datasets share which do not come along.
    ///   - skipMissing: whether datasets whose files are not there are left out; they come without files otherwise.
    ///   - registerDatasetTypes: whether types that are missing are registered.
    ///   - transferDimensions: whether dimension records that are missing come along.
    ///   - jobs: the most files that are copied or linked at the same time.
    ///   - isDryRun: whether nothing is changed.
    /// - Returns: the datasets that are here now.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` for types, identifiers or data IDs that mean other things
    ///   here, and for records that are missing; `missingDatasetType`; `DatastoreError` and `ObjectStorageError`.
    @discardableResult
    public func transferFrom(
        _ source: DirectButler, _ refs: [DatasetRef], transfer: ArtifactTransfer = .auto, skipMissing: Bool = true,
        registerDatasetTypes: Bool = false, transferDimensions: Bool = false, jobs: Int = 4, isDryRun: Bool = false
    ) async throws -> [DatasetRef] {
        var moved: [DatasetRef] = []
        try await transferFrom(
            source, transfer: transfer, skipMissing: skipMissing, registerDatasetTypes: registerDatasetTypes,
            transferDimensions: transferDimensions, jobs: jobs, isDryRun: isDryRun
        ) { page in
            for piece in refs.pieces(of: BatchSpool.batchSize) { moved += try await page(piece) }
        }
        return moved
    }

    /// As the other one, for any number of datasets. Memory: those of one batch, and the dimension records.
    ///
    /// - Parameter pages: calls its argument with some datasets after others, each dataset once; it answers with those
    ///   that are, or will be, here.
    public func transferFrom(
        _ source: DirectButler, transfer: ArtifactTransfer = .auto, skipMissing: Bool = true,
        registerDatasetTypes: Bool = false, transferDimensions: Bool = false, jobs: Int = 4, isDryRun: Bool = false,
        _ pages: (_ page: ([DatasetRef]) async throws -> [DatasetRef]) async throws -> Void
    ) async throws {
        if !isDryRun { try requireWriteable(to: "transfer datasets") }
        guard transfer != .direct, transfer != .inPlace else {
            throw ButlerError(
                .invalidQuery, "Datasets cannot be transferred with '\(transfer.rawValue)'; use another mode.")
        }
        var records = RecordCollection()
        var seen = SeenFiles()
        let intake = try await intake { intake in
            try await pages { refs in
                let plan = try await source.transferPlan(
                    refs, skipMissing: skipMissing, withRecords: transferDimensions && !isDryRun)
                try await checkTypes(plan.refs, areRegistered: !registerDatasetTypes)
                if isDryRun { return plan.refs }
                records.add(plan.records)
                let (missing, present) = try await missingFiles(plan)
                let (new, known) = seen.add(missing)
                let kept = transfer == .move ? try await source.sharedFiles(of: plan.refs) : []
                try await intake.add(
                    plan.refs,
                    try await stage(
                        new.map { file in
                            var file = file
                            file.isShared = file.rows.contains { kept.contains($0.info.path) }
                            return file
                        }, alsoIn: known + present, transfer, jobs: jobs))
                return plan.refs
            }
        }
        if isDryRun { return }
        let needed = records.inOrder
        try await intake.commit(first: { writer in
            if !needed.isEmpty { try writer.insert(needed, onConflict: .skip) }
        })
    }

    /// The files of datasets that are not here, and those that are because other datasets are in them too.
    private func missingFiles(
        _ plan: TransferPlan
    ) async throws -> (missing: [TransferPlan.File], present: [TransferPlan.File]) {
        let datastore = try datastore()
        let ids = plan.refs.map(\.id)
        let held = try await registry.read { snapshot in
            var held: Set<DatasetID> = []
            for chunk in ids.pieces(of: 10_000) {
                held.formUnion(try datastore.stored(chunk, snapshot.connection).keys)
            }
            return held
        }
        let wanted = plan.files.compactMap { file in
            var file = file
            file.rows.removeAll { held.contains($0.ref.id) }
            return file.rows.isEmpty ? nil : file
        }
        let paths = wanted.filter { !$0.isOutside }.compactMap(\.rows.first?.info.path)
        let recorded = try await registry.read { snapshot in
            try datastore.files.map { ($0, try $0.recordedFiles(paths, snapshot.connection)) }
        }
        guard recorded.contains(where: { !$0.1.isEmpty }) else { return (wanted, []) }
        var (missing, present) = ([TransferPlan.File](), [TransferPlan.File]())
        for file in wanted {
            var isPresent = false
            if !file.isOutside, let path = file.rows.first?.info.path {
                for (files, known) in recorded where known.contains(path) {
                    isPresent = try await StagedArtifacts.pool.run {
                        try files.hasCopy(of: file.source, recordedAs: path)
                    }
                }
            }
            if isPresent { present.append(file) } else { missing.append(file) }
        }
        return (missing, present)
    }

    /// Recorded paths of files that other datasets than these are in, too.
    fileprivate func sharedFiles(of refs: [DatasetRef]) async throws -> Set<String> {
        let ids = refs.map(\.id)
        let datastore = try datastore()
        return try await registry.read { snapshot in
            var shared: Set<String> = []
            for files in datastore.files { shared.formUnion(try files.foreseeDeletion(ids, snapshot.connection).shared) }
            return shared
        }
    }

    /// Files that move keep apart from those that stay where they are.
    ///
    /// - Parameter known: more datasets in files that an earlier batch brings.
    private func stage(
        _ files: [TransferPlan.File], alsoIn known: [TransferPlan.File], _ transfer: ArtifactTransfer, jobs: Int
    ) async throws -> StagedArtifacts {
        let datastore = try datastore()
        let own = files.filter { !$0.isOutside }
        var parts = [
            try await datastore.stage(
                recorded: own.filter { !$0.isShared }.map { ($0.source, $0.rows.map { ($0.ref, $0.info) }) },
                transfer: transfer, jobs: jobs),
            try await datastore.stage(
                recorded: own.filter(\.isShared).map { ($0.source, $0.rows.map { ($0.ref, $0.info) }) }, transfer: .copy,
                jobs: jobs),
            try await datastore.stage(
                recorded: known.map { ($0.source, $0.rows.map { ($0.ref, $0.info) }) }, transfer: .inPlace, jobs: jobs),
        ]
        let outside = files.filter(\.isOutside)
        do {
            if transfer == .auto {
                parts.append(
                    try await datastore.stage(
                        recorded: outside.map { ($0.source, $0.rows.map { ($0.ref, $0.info) }) }, transfer: .direct,
                        jobs: jobs))
            } else if !outside.isEmpty {
                parts.append(
                    try await datastore.stage(
                        outside.map { file in
                            FileDatastore.IncomingFile(
                                location: file.source, refs: file.rows.map(\.ref), formatter: file.rows.first?.info.formatter)
                        }, transfer: transfer, recordsAttributes: true, jobs: jobs))
            }
        } catch {
            for part in parts { try await part.discard() }
            throw error
        }
        return StagedArtifacts(joining: parts)
    }

    /// Types must be known here, and mean the same.
    private func checkTypes(_ refs: [DatasetRef], areRegistered: Bool) async throws {
        let types = Set(refs.map(\.datasetType)).sorted { $0.name < $1.name }
        try await registry.read { snapshot in
            for type in types {
                let (found, _) = try snapshot.datasetTypes(matching: [type.name])
                guard let known = found.first else {
                    guard areRegistered else { continue }
                    throw ButlerError(
                        .missingDatasetType,
                        "Dataset type '\(type.name)' does not exist in the target; register it, or ask for that too.")
                }
                guard known == type else {
                    throw ButlerError(
                        .conflictingDefinition,
                        "Dataset type '\(type.name)' is \(type.dimensions) with storage class '\(type.storageClass)' in the "
                            + "source, but \(known.dimensions) with '\(known.storageClass)' in the target.")
                }
            }
        }
    }
}

/// What there is to bring from a repository.
struct TransferPlan: Sendable {
    struct File: Sendable {
        let source: ResourceURI
        /// Whether it was ingested in place, outside of the datastore.
        let isOutside: Bool
        var rows: [RecordedFile.Row]
        /// Whether datasets are in it that do not come along.
        var isShared = false
    }

    var refs: [DatasetRef] = []
    var files: [File] = []
    /// Dimension records in an order in which they can be inserted.
    var records: [DimensionRecord] = []
}

/// Dimension records, each once.
struct RecordCollection {
    private var held: [Int: [[DataIDValue]: DimensionRecord]] = [:]

    mutating func add(_ records: [DimensionRecord]) {
        for record in records { held[record.element.position, default: [:]][record.requiredValues] = record }
    }

    /// In an order in which they can be inserted.
    var inOrder: [DimensionRecord] { held.sorted { $0.key < $1.key }.flatMap { Array($0.value.values) } }
}

/// Which files earlier batches have brought. Memory: 16 bytes and a bit for each.
private struct SeenFiles {
    private struct Key: Hashable {
        let first: Int
        let second: Int

        init(_ text: String) {
            var hasher = Hasher()
            hasher.combine(text)
            first = hasher.finalize()
            hasher = Hasher()
            hasher.combine(1)
            hasher.combine(text)
            second = hasher.finalize()
        }
    }

    private var keys: Set<Key> = []

    /// Those of the files that are new, and those that are not.
    mutating func add(_ files: [TransferPlan.File]) -> (new: [TransferPlan.File], known: [TransferPlan.File]) {
        var new: [TransferPlan.File] = []
        var known: [TransferPlan.File] = []
        for file in files {
            if file.isOutside || keys.insert(Key(file.source.description)).inserted {
                new.append(file)
            } else {
                known.append(file)
            }
        }
        return (new, known)
    }
}

extension DirectButler {
    /// Looks at the records of datasets and whether their files are there.
    fileprivate func transferPlan(
        _ refs: [DatasetRef], skipMissing: Bool, withRecords: Bool
    ) async throws -> TransferPlan {
        let datastore = try datastore()
        var plan = TransferPlan()
        var indexOfFile: [String: Int] = [:]
        for chunk in refs.pieces(of: 10_000) {
            let (stored, expanded) = try await registry.read { snapshot in
                let memory = RecordMemory()
                return (
                    try datastore.stored(chunk.map(\.id), snapshot.connection),
                    try chunk.map { $0.with(dataID: try snapshot.expand($0.dataID, remembering: memory)) }
                )
            }
            for ref in expanded {
                var found: StoredDataset?
                for candidate in stored[ref.id] ?? [] where found == nil {
                    if try await candidate.exists() { found = candidate }
                }
                guard let found else {
                    if !skipMissing { plan.refs.append(ref) }
                    continue
                }
                plan.refs.append(ref)
                for info in found.infos {
                    let location = try found.datastore.location(of: info).withoutFragment
                    let row = RecordedFile.Row(ref, info)
                    if let index = indexOfFile[location.description] {
                        plan.files[index].rows.append(row)
                    } else {
                        indexOfFile[location.description] = plan.files.count
                        plan.files.append(
                            .init(source: location, isOutside: try !found.datastore.contains(location), rows: [row]))
                    }
                }
            }
        }
        if withRecords {
            let dataIDs = plan.refs.map(\.dataID)
            plan.records = try await registry.read { try $0.dimensionRecords(of: dataIDs) }
        }
        return plan
    }
}
