import ButlerModel
import Database
import Datastore
import ObjectStorage
import Registry

/// How every operation that makes files goes on: files staged, intents written, one transaction, tidying up.
extension DirectButler {
    /// Records staged files and gives them their names, in one transaction with the rows that `body` makes: all of it or
    /// nothing.
    ///
    /// - Throws: what `body` throws; `ButlerError` of kind `conflictingDefinition` when a datastore has one of the
    ///   datasets already; `ObjectStorageError`, of which `.alreadyExists` for a file in the way.
    func record(_ artifacts: StagedArtifacts, _ body: @escaping @Sendable (RegistryWriter) throws -> Void) async throws {
        let registry = registry
        let superseded = SupersededFiles()
        var artifacts = artifacts
        do {
            artifacts = try await declare(artifacts, body)
            try await registry.write { [artifacts] writer in
                try superseded.take(artifacts, writer.connection)
                try body(writer)
                KillPoint.pass()
                try writer.insertRecords(artifacts)
                KillPoint.pass()
                try artifacts.publish()
            }
            KillPoint.pass()
        } catch {
            // The task may be cancelled, which must not keep files from being removed.
            let undoing = Task { [artifacts] in
                try await registry.write { writer in
                    let isRecorded = try artifacts.undo(writer.connection)
                    try superseded.settle(writer.connection)
                    return isRecorded
                }
            }
            switch await undoing.result {
            case .success(true): return
            case .success(false): throw error
            case .failure(let obstacle):
                warnOfLeftovers(obstacle)
                throw error
            }
        }
        try await settle(superseded)
        try await StagedArtifacts.pool.run { [artifacts] in try artifacts.finish() }
    }

    /// Writes down what is to become of staged files.
    ///
    /// A name may be taken by a file that a writer left behind when it died; then recovery makes way. One that waits for its
    /// deletion stays what it is, and the new file gets another name. If the registry refuses the datasets anyway, as it does
    /// for one that exists, its reason is the one to tell.
    ///
    /// - Returns: the same files, with the names that they will have.
    func declare(
        _ artifacts: StagedArtifacts, _ body: @escaping @Sendable (RegistryWriter) throws -> Void
    ) async throws -> StagedArtifacts {
        let pool = StagedArtifacts.pool
        try await recoverRemoteWork()
        do {
            try await pool.run { try artifacts.declare() }
            return artifacts
        } catch let error as ObjectStorageError {
            guard case .alreadyExists = error else { throw error }
        }
        try await registry.write { try artifacts.retract($0.connection) }
        try await recoverAbandonedWork()
        let others = try await registry.read { try artifacts.besideWaiting($0.connection) }
        do {
            try await pool.run { try others.declare() }
            return others
        } catch let error as ObjectStorageError {
            guard case .alreadyExists = error else { throw error }
            try await registry.write { writer in
                try body(writer)
                throw error
            }
            throw error
        }
    }

    /// Removes files that waited in the trash and are replaced, after the transaction that replaced them. What cannot be
    /// removed now is by the next writer.
    func settle(_ superseded: SupersededFiles) async throws {
        guard !superseded.isEmpty else { return }
        let registry = registry
        // The task may be cancelled.
        let settling = Task { try await registry.write { try superseded.settle($0.connection) } }
        if case .failure(let obstacle) = await settling.result { warnOfLeftovers(obstacle) }
    }

    /// Undoes or finishes what writers of the repository that died were doing. Writers at work are left alone.
    ///
    /// Opening for writing does this first for roots on this machine, and the first operation that writes for those on
    /// others. Cost: one look at a folder when there is nothing to do.
    @discardableResult
    public func recoverAbandonedWork() async throws -> FileDatastore.Recovered {
        var result = try await recoverLocalWork()
        for datastore in try datastore().files where !datastore.isLocal { result.add(try await recover(datastore)) }
        return result
    }

    /// The same for roots on other machines, once.
    func recoverRemoteWork() async throws {
        for datastore in try datastore().files where datastore.claimsRecovery() { _ = try await recover(datastore) }
    }

    private func recover(_ datastore: FileDatastore) async throws -> FileDatastore.Recovered {
        let pool = StagedArtifacts.pool
        var result = FileDatastore.Recovered()
        for session in try await pool.run({ try datastore.abandonedRemoteSessions() }) {
            for damage in try await pool.run({ try datastore.setAsideDamaged(session) }) { warnOfDamage(damage) }
            result.add(try await registry.write { try datastore.recover(session, $0.connection) })
            try await pool.run { try datastore.dismiss(session) }
        }
        try await pool.run { try datastore.clearScratch() }
        return result
    }

    func recoverLocalWork() async throws -> FileDatastore.Recovered {
        let pool = POSIXObjectStore.sharedPool
        var result = FileDatastore.Recovered()
        for datastore in try datastore().files {
            for session in try await pool.run({ try datastore.abandonedSessions() }) {
                for damage in try await pool.run({ try datastore.setAsideDamaged(session) }) { warnOfDamage(damage) }
                let found = try await registry.write { try datastore.recover(session, $0.connection) }
                try await pool.run { try datastore.dismiss(session) }
                result.add(found)
            }
        }
        return result
    }

    func warnOfLeftovers(_ obstacle: any Error) {
        warn("what was begun could not be undone now, the next writer of the repository will: \(obstacle)")
    }

    func warnOfDamage(_ damage: String) {
        warn(
            "what an earlier writer was about to do cannot be read: \(damage). Nothing of it was done or undone; run "
                + "'steward butler check', and delete that file afterwards")
    }

    func requireWriteable(to operation: String) throws {
        guard isWriteable else { throw RegistryError.readOnly(operation: operation) }
    }
}

extension RegistryWriter {
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when a datastore has one of the datasets already;
    ///   `UnclearViolation` when another client may have removed one meanwhile.
    func insertRecords(_ artifacts: StagedArtifacts) throws {
        do {
            try artifacts.insertRecords(connection)
        } catch DatabaseError.constraintViolation(let violation) {
            let error = ButlerError(
                .conflictingDefinition,
                "The datastore has one of the datasets already (\(violation.description)); remove it before storing "
                    + "another. If it has lost the record of its file, 'steward butler check --repair' mends that.")
            guard violation.kind == .foreignKey else { throw error }
            throw UnclearViolation(error) { try $0.requirePresent(artifacts.datasets) }
        }
    }
}
