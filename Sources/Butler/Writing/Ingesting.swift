import ButlerModel
import ByteText
import Datastore
import ObjectStorage
import Registry
import Synchronization

/// Making datasets out of files that exist. Source: repository format reference, section 7.5.
extension DirectButler {
    /// Makes datasets out of files, in one transaction: all of them or none.
    ///
    /// Dataset types and runs that are missing are registered. Datasets that the registry has already, as the same, get
    /// their files. A source that is moved goes away after the datasets are recorded, never before.
    ///
    /// - Parameters:
    ///   - recordsAttributes: whether sizes and, as configured, checksums are recorded.
    ///   - jobs: the most files that are copied or linked at the same time.
    ///   - skipsExisting: whether files are passed over of which a datastore has a dataset already.
    ///   - isDryRun: whether nothing is changed, and only looked for what would keep it from succeeding.
    ///   - progress: is told how many more files are staged.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when a datastore has one of the datasets already, or a run
    ///   another of the same type and data ID; `ObjectStorageError.notFound` for a missing file, `.alreadyExists` when
    ///   a file is where a new one should be; `DatastoreError`.
    public func ingest(
        _ files: [FileIngest], transfer: ArtifactTransfer = .auto, recordsAttributes: Bool = true, jobs: Int = 4,
        skipsExisting: Bool = false, isDryRun: Bool = false, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws {
        try Self.refuseRepetitions(files.lazy.flatMap(\.datasets))
        let datastore = try datastore()
        let automatic = try datastore.automaticTransfer(of: files.lazy.map { ($0.location, $0.datasets) })
        try await ingest(
            from: files[...], transfer: transfer == .auto ? automatic : .all(transfer),
            recordsAttributes: recordsAttributes, jobs: jobs, isDryRun: isDryRun, progress: progress
        ) { rest, snapshot in
            guard !rest.isEmpty else { return nil }
            let batch = Array(rest.prefix(BatchSpool.batchSize))
            rest = rest.dropFirst(batch.count)
            return skipsExisting ? try snapshot.unknown(batch, to: datastore) : batch
        }
    }

    /// As ``ingest(_:transfer:recordsAttributes:jobs:skipsExisting:isDryRun:progress:)``, for any number of files. Memory:
    /// those of three batches, of which one is read while the next is staged and the one before is written down.
    ///
    /// - Parameters:
    ///   - source: where the files come from, before the first of them.
    ///   - transfer: what `auto` means for them must be known beforehand: `FileTransfers`.
    ///   - next: takes the next files from a source, some thousands at a time; gives `nil` after the last. What it gets is
    ///     what the repository holds before. When the connection breaks it is run again, with the source as it was.
    public func ingest<Source: Sendable>(
        from source: Source, transfer: FileTransfers, recordsAttributes: Bool = true, jobs: Int = 4,
        isDryRun: Bool = false, progress: @escaping @Sendable (Int) -> Void = { _ in },
        _ next: @escaping @Sendable (inout Source, RegistrySnapshot) throws -> [FileIngest]?
    ) async throws {
        if !isDryRun { try requireWriteable(to: "ingest files") }
        let datastore = try datastore()
        let ownFiles = repositoryFiles
        let source = Mutex(source)
        // One at a time.
        let prepare: @Sendable () async throws -> PreparedFiles? = { [registry] in
            let before = source.withLock { $0 }
            let (prepared, after) = try await registry.read { snapshot in
                var rest = before
                let files = try next(&rest, snapshot)
                return (try files.map { try PreparedFiles($0, snapshot, for: datastore, transfer, ownFiles) }, rest)
            }
            source.withLock { $0 = after }
            return prepared
        }
        var foresight = IntakeForesight(self)
        let intake = try await intake { intake in
            var prepared = try await prepare()
            while let batch = prepared {
                async let following = prepare()
                if isDryRun {
                    try await foresight.add(batch.refs)
                    try await foresight.add(batch.files, transfer, jobs: jobs)
                } else {
                    let staged = try await datastore.stage(
                        batch.files, transfers: transfer, recordsAttributes: recordsAttributes, jobs: jobs)
                    try await intake.add(batch.refs, staged)
                }
                progress(batch.files.count)
                prepared = try await following
            }
        }
        if isDryRun { return try foresight.finish() }
        try await intake.commit()
    }

    /// Makes datasets out of files whose records are known, in one transaction: each file comes to where its records say.
    ///
    /// - Parameter transfer: `auto` links; `inPlace` for files that are there already.
    /// - Throws: as ``ingest(_:transfer:recordsAttributes:jobs:skipsExisting:isDryRun:progress:)``.
    public func ingest(
        recorded files: [RecordedFile], transfer: ArtifactTransfer, jobs: Int = 4
    ) async throws {
        try requireWriteable(to: "ingest files")
        let datastore = try await presentDatastore()
        var seen: Set<DatasetID> = []
        let refs = files.flatMap { $0.rows.map(\.ref) }.filter { seen.insert($0.id).inserted }
        try Self.refuseRepetitions(refs)
        let ownFiles = repositoryFiles
        try await registry.read { snapshot in
            try snapshot.refuseStored(refs, in: datastore)
            try snapshot.refuseOwnFiles(files.map(\.source), .all(transfer), in: datastore, ownFiles)
        }
        let staged = try await datastore.stage(
            recorded: files.map { ($0.source, $0.rows.map { ($0.ref, $0.info) }) },
            transfer: transfer, jobs: jobs)
        try await record(staged) { try $0.makeRoom(for: refs) }
    }

    /// Two datasets of one call may not share their identifier, or their type, run and data ID.
    static func refuseRepetitions(_ refs: some Sequence<DatasetRef>) throws {
        var known = KnownDatasets(count: refs.underestimatedCount)
        for ref in refs { try known.add(ref) }
    }
}

/// Files whose datasets are new to the repository, with expanded data IDs.
struct PreparedFiles: Sendable {
    let refs: [DatasetRef]
    let files: [FileDatastore.IncomingFile]

    /// - Parameter ownFiles: as ``DirectButler/repositoryFiles``.
    init(
        _ given: [FileIngest], _ snapshot: RegistrySnapshot, for datastore: any Datastore, _ transfer: FileTransfers,
        _ ownFiles: [String]
    ) throws {
        refs = given.flatMap(\.datasets)
        try DirectButler.refuseRepetitions(refs)
        try snapshot.refuseStored(refs, in: datastore)
        try snapshot.refuseOwnFiles(given.map(\.location), transfer, in: datastore, ownFiles)
        let memory = RecordMemory()
        files = try given.map { file in
            FileDatastore.IncomingFile(
                location: file.location,
                refs: try file.datasets.map {
                    $0.with(dataID: try snapshot.expand($0.dataID, remembering: memory, trustingImplied: true))
                },
                formatter: file.formatter)
        }
    }
}

/// Datasets of one call, of which no two may share their identifier, or their type, run and data ID.
struct KnownDatasets {
    private var ids: Set<DatasetID>
    private var keys: Set<Key>

    /// - Parameter count: of the datasets, roughly.
    init(count: Int = 0) {
        ids = Set(minimumCapacity: count)
        keys = Set(minimumCapacity: count)
    }

    /// What is unique among the datasets of runs.
    private struct Key: Hashable {
        let type: String
        let run: ExactName
        let values: [DataIDValue]

        /// Mostly types and runs are alike.
        func hash(into hasher: inout Hasher) { hasher.combine(values) }
    }

    /// - Throws: `ButlerError` of kind `conflictingDefinition`.
    mutating func add(_ ref: DatasetRef) throws {
        let key = Key(type: ref.datasetType.name, run: ExactName(ref.run), values: Array(ref.dataID.requiredValues))
        guard ids.insert(ref.id).inserted, keys.insert(key).inserted else {
            throw ButlerError(.conflictingDefinition, "\(ref) is given twice, by identifier or by type, data ID and run.")
        }
    }
}

extension RegistrySnapshot {
    /// Those of the files of which a datastore has no dataset.
    fileprivate func unknown(_ files: [FileIngest], to datastore: any Datastore) throws -> [FileIngest] {
        var known: Set<DatasetID> = []
        for chunk in files.flatMap(\.datasets).map(\.id).pieces(of: 10_000) {
            known.formUnion(try datastore.held(chunk, connection))
        }
        return files.filter { file in !file.datasets.contains { known.contains($0.id) } }
    }

    /// - Throws: `ButlerError` of kind `conflictingDefinition` when the datastore has one of the datasets.
    func refuseStored(_ refs: [DatasetRef], in datastore: any Datastore) throws {
        for chunk in refs.pieces(of: 10_000) {
            let known = try datastore.held(chunk.map(\.id), connection)
            guard let ref = chunk.first(where: { known.contains($0.id) }) else { continue }
            throw ButlerError(
                .conflictingDefinition, "The datastore has a file of \(ref) already; remove it before storing another.")
        }
    }
}

extension RegistryWriter {
    /// Makes datasets with their identifiers, and before them the types and runs that are missing.
    func makeRoom(for refs: [DatasetRef]) throws {
        var types: Set<DatasetType> = []
        var runs: Set<ExactName> = []
        for index in refs.indices {
            // Mostly they are alike.
            if index > 0, refs[index].run.hasSameBytes(as: refs[index - 1].run),
                refs[index].datasetType == refs[index - 1].datasetType
            {
                continue
            }
            let ref = refs[index]
            if types.insert(ref.datasetType).inserted { try registerDatasetType(ref.datasetType) }
            if runs.insert(ref.run) { try registerCollection(ref.run, type: .run) }
        }
        KillPoint.pass()
        try importDatasets(refs)
    }
}
