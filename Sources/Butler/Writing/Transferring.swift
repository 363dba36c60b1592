import ButlerModel
import ByteText
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
    ///     here otherwise. With `move`, files are copied that datasets share which do not come along.
    ///   - skipMissing: whether datasets that no datastore has are left out; they come without files otherwise.
    ///   - registerDatasetTypes: whether types that are missing are registered.
    ///   - transferDimensions: whether dimension records that are missing come along.
    ///   - jobs: the most files that are copied or linked at the same time.
    ///   - isDryRun: whether nothing is changed, and only looked for what would keep it from succeeding.
    /// - Returns: the datasets that are here now.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` for types, identifiers or data IDs that mean other things
    ///   here, and for records that are missing; `missingDatasetType`; `DatastoreError` and `ObjectStorageError`, also for
    ///   files that are recorded and not there, or contradict their records.
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

    /// As the other one, for any number of datasets. Memory: those of two batches, and the dimension records.
    ///
    /// - Parameter pages: calls its argument with some datasets after others, each dataset once; it answers with those
    ///   that are, or will be, here.
    /// - Returns: the datasets that were left out, which are warned of, too.
    @discardableResult
    public func transferFrom(
        _ source: DirectButler, transfer: ArtifactTransfer = .auto, skipMissing: Bool = true,
        registerDatasetTypes: Bool = false, transferDimensions: Bool = false, jobs: Int = 4, isDryRun: Bool = false,
        _ pages: (_ page: ([DatasetRef]) async throws -> [DatasetRef]) async throws -> Void
    ) async throws -> LeftOutDatasets {
        if !isDryRun { try requireWriteable(to: "transfer datasets") }
        guard transfer != .direct, transfer != .inPlace else {
            throw ButlerError(
                .invalidQuery, "Datasets cannot be transferred with '\(transfer.rawValue)'; use another mode.")
        }
        var records = RecordCollection()
        var seen = SeenFiles()
        var archives = ArchivePaths(universe: universe)
        var leftOut = LeftOutDatasets()
        var runs: Set<ExactName> = []
        var foresight = IntakeForesight(self)
        let intake = try await intake { intake in
            // While the files of one batch are copied the next is looked up.
            let copying = StepBehind()
            try await copying.around {
                try await pages { refs in
                    var plan = try await source.transferPlan(
                        refs, skipMissing: skipMissing, withRecords: transferDimensions)
                    leftOut.add(plan.leftOut)
                    let types = try await ownTypes(
                        of: Set(plan.refs.map(\.datasetType)), areRegistered: !registerDatasetTypes)
                    try plan.conform(to: types, in: universe)
                    records.add(plan.records)
                    runs.formUnion(plan.refs.lazy.map { ExactName($0.run) })
                    if transfer == .move { try await source.markShared(&plan) }
                    if transfer != .auto { try await give(paths: &archives, to: &plan) }
                    let (missing, present, held) = try await missingFiles(plan)
                    let needed = NeededFiles(datasets: held, paths: present.compactMap(\.rows.first?.info.path))
                    let (new, known) = seen.add(missing)
                    let parts = Self.parts(new, alsoIn: known + present, transfer)
                    if isDryRun {
                        try await foresight.add(plan.refs, records: plan.records)
                        for part in parts { try await foresight.add(recorded: part.files, part.transfer, jobs: jobs) }
                    } else {
                        let refs = plan.refs
                        try await copying.next { [self] in
                            try await intake.add(refs, try await stage(parts, jobs: jobs), needed: needed)
                        }
                    }
                    return plan.refs
                }
            }
        }
        if leftOut.count > 0 { warn(leftOut.warning) }
        if isDryRun {
            try foresight.finish()
            return leftOut
        }
        let needed = records.inOrder
        let documentation = try await source.registry.read { [runs] snapshot in
            // In one order by all clients, who may wait for each other.
            try runs.sortedTexts().map { run in
                let text = try snapshot.catalog.collections.require(run).documentation
                return (run, text?.isEmpty ?? true ? nil : text)
            }
        }
        try await intake.commit(first: { writer in
            for (run, text) in documentation { try writer.registerCollection(run, type: .run, documentation: text) }
            if !needed.isEmpty { try writer.insert(needed, onConflict: .skip) }
        })
        return leftOut
    }

    /// Files that are recorded by absolute locations get a path of their own here: that of the template, each dataset its own
    /// copy, or for an archive that where archives are.
    private func give(paths: inout ArchivePaths, to plan: inout TransferPlan) async throws {
        let datastore = try datastore()
        var files: [TransferPlan.File] = []
        for file in plan.files {
            guard file.isOutside else {
                files.append(file)
                continue
            }
            let members = try file.rows.map { try $0.info.archiveMember }
            var whole = TransferPlan.File(source: file.source, isOutside: false, rows: [], isShared: file.isShared)
            for (row, member) in zip(file.rows, members) {
                var info = row.info
                if let member {
                    info.path = "\(try await paths.path(of: file.source))#zip-path=\(member)"
                    whole.rows.append(RecordedFile.Row(row.ref, info))
                } else {
                    info.path = try datastore.pathForFile(info, of: row.ref, pathExtension: file.source.pathExtension)
                    files.append(
                        TransferPlan.File(
                            source: file.source, isOutside: false, rows: [RecordedFile.Row(row.ref, info)],
                            // Those of the others would have nothing to come from.
                            isShared: file.isShared || file.rows.count > 1))
                }
            }
            if !whole.rows.isEmpty { files.append(whole) }
        }
        plan.files = files
    }

    /// The files of datasets that are not here, those that are because other datasets are in them too, and the datasets that
    /// are here.
    private func missingFiles(
        _ plan: TransferPlan
    ) async throws -> (missing: [TransferPlan.File], present: [TransferPlan.File], held: [DatasetID]) {
        let datastore = try datastore()
        let ids = plan.refs.map(\.id)
        let held = try await registry.read { try datastore.held(ids, $0.connection) }
        try plan.requireSources(apartFrom: held)
        let wanted = plan.files.compactMap { file in
            var file = file
            file.rows.removeAll { held.contains($0.ref.id) }
            return file.rows.isEmpty ? nil : file
        }
        let paths = wanted.filter { !$0.isOutside }.compactMap(\.rows.first?.info.path)
        let recorded = try await registry.read { snapshot in
            try datastore.files.map { ($0, try $0.storedFiles(paths, snapshot.connection)) }
        }
        guard recorded.contains(where: { !$0.1.isEmpty }) else { return (wanted, [], Array(held)) }
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
        return (missing, present, Array(held))
    }

    private typealias Part = (files: [TransferPlan.File], transfer: ArtifactTransfer)

    /// Files by how they come: those that move keep apart from those that others need where they are.
    ///
    /// - Parameter known: more datasets in files that an earlier batch brings.
    private static func parts(
        _ files: [TransferPlan.File], alsoIn known: [TransferPlan.File], _ transfer: ArtifactTransfer
    ) -> [Part] {
        let own = files.filter { !$0.isOutside }
        return [
            (own.filter { !$0.isShared }, transfer), (own.filter(\.isShared), .copy),
            // They stay where they are, recorded by their absolute locations.
            (files.filter(\.isOutside) + known, .inPlace),
        ]
    }

    private func stage(_ parts: [Part], jobs: Int) async throws -> StagedArtifacts {
        let datastore = try datastore()
        var staged: [StagedArtifacts] = []
        do {
            for part in parts {
                staged.append(
                    try await datastore.stage(
                        recorded: part.files.map(\.recorded), transfer: part.transfer, jobs: jobs))
            }
        } catch {
            for artifacts in staged { try await artifacts.discard() }
            throw error
        }
        return StagedArtifacts(joining: staged)
    }
}

/// Where archives come that were ingested in place.
private struct ArchivePaths {
    let universe: DimensionUniverse
    private var known: [ExactName: String] = [:]

    init(universe: DimensionUniverse) { self.universe = universe }

    /// The path below the root of a datastore. Cost: the index of an archive that was not asked for before.
    mutating func path(of source: ResourceURI) async throws -> String {
        if let path = known[source.description] { return path }
        guard let local = source.localPath else {
            throw DatastoreError.notIngestible(
                location: source.description, reason: "only archives of this machine can be; copy it here first")
        }
        let path = try await DatasetArchive(path: local, universe: universe).pathInDatastore
        known[source.description] = path
        return path
    }
}
