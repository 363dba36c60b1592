import ButlerModel
import Datastore
import ObjectStorage
import Registry

/// Datasets of another repository. Source: repository format reference, section 7.8.
extension DirectButler {
    /// Brings datasets of another repository into this one, with their identifiers, in one transaction: all or none.
    ///
    /// Files get the path that they have there, below the root of the datastore here. Datasets that are here already are
    /// left alone. Memory: what is recorded about each file.
    ///
    /// - Parameters:
    ///   - transfer: `auto` links; files that were ingested in place keep their location with `auto`, and get a path
    ///     from the template otherwise.
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
        if !isDryRun { try requireWriteable(to: "transfer datasets") }
        guard transfer != .direct, transfer != .inPlace else {
            throw ButlerError(
                .invalidQuery, "Datasets cannot be transferred with '\(transfer.rawValue)'; use another mode.")
        }
        let plan = try await source.transferPlan(refs, skipMissing: skipMissing, withRecords: transferDimensions)
        try await checkTypes(plan.refs, areRegistered: !registerDatasetTypes)
        let datastore = try datastore()
        let ids = plan.refs.map(\.id)
        let held = try await registry.read { snapshot in
            var held: Set<DatasetID> = []
            for chunk in ids.pieces(of: 10_000) {
                held.formUnion(try datastore.stored(chunk, snapshot.connection).keys)
            }
            return held
        }
        if isDryRun { return plan.refs }
        // A file that holds several datasets may be here for some of them.
        let files = plan.files.compactMap { file -> TransferPlan.File? in
            var file = file
            file.rows.removeAll { held.contains($0.ref.id) }
            return file.rows.isEmpty ? nil : file
        }
        let staged = try await stage(files, transfer, jobs: jobs)
        let records = plan.records
        try await record(staged) { writer in
            if !records.isEmpty { try writer.insert(records, onConflict: .skip) }
            KillPoint.pass()
            try writer.makeRoom(for: plan.refs)
        }
        return plan.refs
    }

    /// Files that move keep apart from those that stay where they are.
    private func stage(
        _ files: [TransferPlan.File], _ transfer: ArtifactTransfer, jobs: Int
    ) async throws -> StagedArtifacts {
        let datastore = try datastore()
        let own = files.filter { !$0.isOutside }
        var parts = [
            try await datastore.stage(
                recorded: own.map { ($0.source, $0.rows.map { ($0.ref, $0.info) }) },
                transfer: transfer == .auto ? .link : transfer, jobs: jobs)
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
    }

    var refs: [DatasetRef] = []
    var files: [File] = []
    /// Dimension records in an order in which they can be inserted.
    var records: [DimensionRecord] = []
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
        if withRecords { plan.records = try await dimensionRecords(of: plan.refs) }
        return plan
    }

    /// The records that data IDs refer to, with those that are kept along with them, each once.
    private func dimensionRecords(of refs: [DatasetRef]) async throws -> [DimensionRecord] {
        try await registry.read { snapshot in
            var seen: Set<RecordKey> = []
            var records: [DimensionRecord] = []
            func add(_ record: DimensionRecord) {
                guard record.element.hasOwnTable,
                    seen.insert(RecordKey(element: record.element.position, values: record.requiredValues)).inserted
                else { return }
                records.append(record)
            }
            for ref in refs { for record in ref.dataID.records ?? [] { if let record { add(record) } } }
            for element in snapshot.universe.elements {
                guard let source = element.populatedBy else { continue }
                for record in records where record.element.name == source {
                    let values = Dictionary(
                        zip(record.element.required.map { snapshot.universe.elements[$0].name }, record.requiredValues),
                        uniquingKeysWith: { first, _ in first })
                    try snapshot.records(of: element, matching: values) { found in
                        add(found)
                        return true
                    }
                }
            }
            return records.sorted { $0.element.position < $1.element.position }
        }
    }
}

private struct RecordKey: Hashable {
    let element: Int
    let values: [DataIDValue]
}
