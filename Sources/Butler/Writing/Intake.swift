import ButlerModel
import Datastore
import ObjectStorage
import Registry

/// Files that become datasets in one transaction, however many they are. See docs/writing.md.
///
/// They come in batches, of which one is in memory at a time: ``add(_:_:)`` for each, with staged files, then
/// ``commit(first:last:)``, which ends the intake whatever comes of it.
struct Intake: Sendable {
    private let butler: DirectButler
    private let spool: BatchSpool

    init(_ butler: DirectButler) throws {
        self.butler = butler
        spool = BatchSpool(in: try butler.datastore())
    }

    /// - Parameters:
    ///   - refs: the datasets that are to exist; those that have no file as well.
    ///   - artifacts: are discarded when this throws.
    func add(_ refs: [DatasetRef], _ artifacts: StagedArtifacts) async throws {
        let spool = spool
        do {
            try await butler.declare(artifacts) { try $0.makeRoom(for: refs) }
            try await StagedArtifacts.pool.run { try spool.add(refs, artifacts) }
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
        let spool = spool
        let registry = butler.registry
        do {
            try await registry.write { writer in
                try first(writer)
                KillPoint.pass()
                for number in 0..<spool.count {
                    let batch = try spool.batch(number)
                    try writer.makeRoom(for: batch.refs)
                    KillPoint.pass()
                    try writer.insertRecords(batch.artifacts)
                    KillPoint.pass()
                }
                try last(writer)
                KillPoint.pass()
                for number in 0..<spool.count { try spool.publish(number) }
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

    /// Removes the staged files; nothing of them has been recorded.
    fileprivate func discard() async {
        let (spool, butler) = (spool, butler)
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
            try await body(intake)
        } catch {
            await intake.discard()
            throw error
        }
        return intake
    }
}
