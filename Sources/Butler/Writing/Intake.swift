import ButlerModel
import ByteText
import Database
import Datastore
import ObjectStorage
import Registry
import Synchronization

/// Files that become datasets in one transaction, however many they are. See docs/writing.md.
///
/// They come in batches, of which one is in memory at a time: ``add(_:_:)`` for each, with staged files, then
/// ``commit(first:last:)``, which ends the intake whatever comes of it.
struct Intake: Sendable {
    private let butler: DirectButler
    private let datastore: any Datastore
    private let spool: BatchSpool
    private let notes = Notes()
    private let adding = StepBehind()
    private let superseded = SupersededFiles()

    /// What was found out about batches on the way.
    private final class Notes: Sendable {
        /// New names of files, by those that they were to have.
        let renamed = Mutex<[ExactName: String]>([:])
        let needed = Mutex<[NeededFiles]>([])
        let datasets = Mutex((count: 0, types: Set<DatasetType>()))
    }

    init(_ butler: DirectButler) throws {
        self.butler = butler
        datastore = try butler.datastore()
        spool = BatchSpool(in: datastore)
    }

    /// Takes in a batch; it is written down while the next is staged.
    ///
    /// - Parameters:
    ///   - refs: the datasets that are to exist; those that have no file as well.
    ///   - artifacts: are discarded when something fails.
    ///   - needed: what the repository must still have when the datasets are made.
    /// - Throws: what kept the batch before from being written down.
    func add(_ refs: [DatasetRef], _ artifacts: StagedArtifacts, needed: NeededFiles = NeededFiles()) async throws {
        do {
            try await adding.next { [self] in try await declare(refs, artifacts, needed) }
        } catch {
            await butler.undo([artifacts])
            throw error
        }
    }

    private func declare(_ refs: [DatasetRef], _ artifacts: StagedArtifacts, _ needed: NeededFiles) async throws {
        let spool = spool
        var artifacts = artifacts
        do {
            artifacts = try artifacts.following(notes.renamed.withLock { $0 })
            let declared = try await butler.declare(artifacts) { try $0.makeRoom(for: refs) }
            notes.renamed.withLock { $0.merge(declared.renamed(since: artifacts)) { $1 } }
            artifacts = declared
            notes.needed.withLock { $0.append(needed) }
            notes.datasets.withLock { noted in
                noted.count += refs.count
                // Mostly they are alike.
                var last: DatasetType?
                for ref in refs where ref.datasetType != last {
                    last = ref.datasetType
                    noted.types.insert(ref.datasetType)
                }
            }
            try await StagedArtifacts.pool.run { try spool.add(refs, declared) }
        } catch {
            await butler.undo([artifacts])
            throw error
        }
    }

    /// Makes the datasets with their records, gives the files their names and commits: all, or nothing.
    ///
    /// - Parameters:
    ///   - first: what the datasets need.
    ///   - last: what needs the datasets.
    func commit(
        first: @escaping @Sendable (RegistryWriter) throws -> Void = { _ in },
        last: @escaping @Sendable (RegistryWriter) throws -> Void = { _ in }
    ) async throws {
        let (spool, superseded, datastore) = (spool, superseded, datastore)
        let registry = butler.registry
        let needed = notes.needed.withLock { $0 }
        let (count, types) = notes.datasets.withLock { $0 }
        do {
            if count >= 1000 { try await registry.prepareLoad(of: types) }
            try await registry.write { writer in
                let writer = writer.endingWithErrors
                // Others may have removed something since it was looked at.
                for files in needed { try files.confirm(in: datastore, writer.connection) }
                try first(writer)
                KillPoint.pass()
                // The files of one batch get their names while the next is recorded; both are undone together.
                let naming = StepOnThread(label: "butler.naming")
                try naming.around {
                    try spool.each { number, batch in
                        try superseded.take(batch.artifacts, writer.connection)
                        try writer.makeRoom(for: batch.refs)
                        KillPoint.pass()
                        try writer.insertRecords(batch.artifacts)
                        KillPoint.pass()
                        try naming.next { try spool.publish(number, batch) }
                    }
                    try last(writer)
                    KillPoint.pass()
                }
                try spool.flushNames()
                KillPoint.pass()
            }
            KillPoint.pass()
        } catch {
            // The task may be cancelled, which must not keep files from being removed.
            let undoing = Task {
                try await registry.write { writer in
                    var isRecorded = false
                    for number in 0..<spool.count where try spool.batch(number).artifacts.undo(writer.connection) {
                        isRecorded = true
                    }
                    try superseded.settle(writer.connection)
                    if !isRecorded { spool.removeFolders() }
                    try spool.remove()
                    return isRecorded
                }
            }
            switch await undoing.result {
            case .success(true): return
            case .success(false): throw error
            case .failure(let obstacle):
                butler.warnOfLeftovers(obstacle)
                throw error
            }
        }
        try await butler.settle(superseded)
        try await finish()
    }

    private func finish() async throws {
        let spool = spool
        try await StagedArtifacts.pool.run {
            var failure: (any Error)?
            for number in 0..<spool.count {
                do {
                    try spool.finish(number)
                } catch { failure = failure ?? error }
            }
            try spool.remove()
            if let failure { throw failure }
        }
    }

    /// Runs `body`, which adds batches, and waits until the last is written down.
    fileprivate func around(_ body: (Intake) async throws -> Void) async throws {
        try await adding.around { try await body(self) }
    }

    /// Removes the staged files; nothing of them has been recorded.
    fileprivate func discard() async {
        let (spool, butler) = (spool, butler)
        // As when it was only looked what would happen.
        if spool.count == 0 { return }
        let registry = butler.registry
        let discarding = Task {
            try await registry.write { writer in
                for number in 0..<spool.count { _ = try spool.batch(number).artifacts.undo(writer.connection) }
                try spool.remove()
            }
        }
        if case .failure(let obstacle) = await discarding.result { butler.warnOfLeftovers(obstacle) }
    }
}

/// What datasets that come in count on: that the repository has some of them already, and files of others.
struct NeededFiles: Sendable {
    var datasets: [DatasetID] = []
    /// Recorded paths.
    var paths: [String] = []

    /// - Throws: `ButlerError` of kind `conflictingDefinition` when something has been removed. In a transaction that writes,
    ///   it stays until that ends.
    func confirm(in datastore: any Datastore, _ connection: any DatabaseConnection) throws {
        func removed(_ what: String) -> ButlerError {
            ButlerError(
                .conflictingDefinition,
                "\(what) was removed from the repository by another client while others were brought; "
                    + "nothing was changed. Run it again to bring that, too.")
        }
        if !datasets.isEmpty {
            let held = try datastore.held(datasets, connection)
            if let id = datasets.first(where: { !held.contains($0) }) { throw removed("Dataset \(id)") }
        }
        if !paths.isEmpty {
            var stored: Set<ExactName> = []
            for files in datastore.files { stored.formUnion(try files.storedFiles(paths, connection)) }
            if let path = paths.first(where: { !stored.contains($0) }) { throw removed("'\(path)'") }
        }
    }
}

extension DirectButler {
    /// Takes back files whose datasets were never recorded. The first error matters to the caller, so this throws none.
    fileprivate func undo(_ artifacts: [StagedArtifacts]) async {
        let registry = registry
        // The task may be cancelled, which must not keep files from being removed.
        let undoing = Task {
            try await registry.write { writer in for part in artifacts { _ = try part.undo(writer.connection) } }
        }
        if case .failure(let obstacle) = await undoing.result { warnOfLeftovers(obstacle) }
    }

    /// An intake that `body` has added to. What came in is discarded when it throws.
    func intake(_ body: (Intake) async throws -> Void) async throws -> Intake {
        _ = try await presentDatastore()
        let intake = try Intake(self)
        do {
            try await intake.around(body)
        } catch {
            await intake.discard()
            throw error
        }
        return intake
    }
}
