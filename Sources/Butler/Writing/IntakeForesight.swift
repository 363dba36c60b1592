import ButlerModel
import ByteText
import Datastore
import ObjectStorage
import Registry

/// What an intake would meet, found out batch by batch without changing anything: what the registry would refuse, files
/// that are missing or damaged, names that are taken, room that is lacking.
///
/// Memory: some numbers for each dataset and file.
struct IntakeForesight {
    private let butler: DirectButler
    private var files = FileForesight()
    /// Hashes of what is unique about datasets, for repetitions in different batches.
    private var known: Set<Int> = []

    init(_ butler: DirectButler) { self.butler = butler }

    /// - Parameter records: dimension records that would be inserted before.
    mutating func add(_ refs: [DatasetRef], records: [DimensionRecord] = []) async throws {
        try DirectButler.refuseRepetitions(refs)
        for ref in refs {
            guard known.insert(ref.id.hashValue).inserted,
                known.insert([ref.datasetType.name, ref.run, "\(ref.dataID)"].map { ExactName($0) }.hashValue).inserted
            else {
                throw ButlerError(.conflictingDefinition, "\(ref) is given twice, by identifier or by type, data ID and run.")
            }
        }
        try await butler.registry.read { snapshot in
            let snapshot = snapshot.including(PendingRecords(records))
            let memory = RecordMemory()
            try snapshot.foreseeImport(
                of: try refs.map { ref in
                    // Records that came along from elsewhere do not tell what is here.
                    let plain = DataCoordinate(group: ref.dataID.group, values: Array(ref.dataID.requiredValues))
                    return ref.with(dataID: try snapshot.expand(plain, remembering: memory, trustingImplied: true))
                })
        }
    }

    mutating func add(_ incoming: [FileDatastore.IncomingFile], _ transfers: FileTransfers, jobs: Int) async throws {
        try await butler.datastore().foresee(incoming, transfers: transfers, jobs: jobs, into: &files)
        try await refuseTaken()
    }

    mutating func add(recorded: [TransferPlan.File], _ transfer: ArtifactTransfer, jobs: Int) async throws {
        try await butler.datastore().foresee(
            recorded: recorded.map(\.recorded), transfer: transfer, jobs: jobs, into: &files)
        try await refuseTaken()
    }

    mutating func add(
        archive: ResourceURI, _ rows: [(ref: DatasetRef, info: StoredFileInfo)], _ transfer: ArtifactTransfer
    ) async throws {
        for files in try butler.datastore().receivers(ofArchive: archive, rows, transfer: transfer) {
            try await files.foresee(recorded: [(archive, rows)], transfer: transfer, jobs: 1, into: &self.files)
        }
        try await refuseTaken()
    }

    private mutating func refuseTaken() async throws {
        let found = files
        files = try await butler.registry.read { snapshot in
            var files = found
            try files.refuseTaken(snapshot.connection)
            return files
        }
    }

    /// - Throws: `DatastoreError.notEnoughRoom(root:needed:free:)`.
    func finish() throws { try files.checkRoom() }
}
