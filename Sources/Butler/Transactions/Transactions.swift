import ButlerModel
import Database
import Datastore
import ObjectStorage
import Registry
import Synchronization

extension DirectButler {
    /// Makes several changes at once, to datasets with their files too: all of them or, when `body` throws, none.
    ///
    ///     let ref = try await butler.transaction { transaction in
    ///         try transaction.registry.registerCollection("u/me/run", type: .run)
    ///         let ref = try transaction.put(value, "flat", dataID: dataID, run: "u/me/run")
    ///         try transaction.registry.associate([ref], with: "u/me/good")
    ///         return ref
    ///     }
    ///
    /// Other clients see no row of it before it is complete, and wait with their own changes, so keep it short: read and
    /// compute what is to be put before. `body` runs on a thread of the database. It runs again when a transaction of
    /// another client was in the way, or a file that a dead writer left; only what it did through its argument is undone
    /// before. The methods of ``DirectButler`` that change one thing are such transactions.
    ///
    /// A process that dies in it leaves neither rows nor files: see docs/writing.md. Files of pruned datasets go after it.
    ///
    /// - Parameter isRehearsal: whether all is undone in the end, so that only the result tells what would have been.
    /// - Throws: what `body` throws; `RegistryError.readOnly` when the butler is not writeable; `ObjectStorageError` when a
    ///   source of a move cannot be removed, though all is done and the source stays.
    public func transaction<T: Sendable>(
        isRehearsal: Bool = false, _ body: @escaping @Sendable (ButlerTransaction) throws -> T
    ) async throws -> T {
        if isDatastoreOpen { try await recoverRemoteWork() }
        let isSecond = Mutex(false)
        return try await Registry.repeating { [self] in
            do {
                return try await attempt(isRehearsal: isRehearsal, body)
            } catch ObjectStorageError.alreadyExists(let path) where !isRehearsal {
                let isFirst = isSecond.withLock { isSecond in
                    defer { isSecond = true }
                    return !isSecond
                }
                guard isFirst, isDatastoreOpen, try await recoverAbandonedWork().files > 0 else {
                    throw ObjectStorageError.alreadyExists(path: path)
                }
                return try await attempt(isRehearsal: isRehearsal, body)
            }
        }
    }

    private func attempt<T: Sendable>(
        isRehearsal: Bool, _ body: @escaping @Sendable (ButlerTransaction) throws -> T
    ) async throws -> T {
        let files = TransactionFiles()
        let outcome = Mutex<T?>(nil)
        do {
            try await registry.write { writer in
                let result = try body(ButlerTransaction(registry: writer, butler: self, files: files))
                if isRehearsal { throw RehearsalEnd(result: result) }
                outcome.withLock { $0 = result }
            }
        } catch {
            // The database may have committed although its answer is lost.
            let isRecorded = try await undo(files, after: error)
            if isRecorded, let result = outcome.withLock({ $0 }) { return result }
            if let end = error as? RehearsalEnd<T> { return end.result }
            throw error
        }
        try await finish(files)
        guard let result = outcome.withLock({ $0 }) else { throw CancellationError() }
        return result
    }

    /// Takes back what a transaction did to files that has failed.
    /// - Returns: whether it was committed after all; then it is finished.
    private func undo(_ files: TransactionFiles, after error: any Error) async throws -> Bool {
        let (artifacts, deletions) = (files.artifacts, files.deletions)
        guard !files.isEmpty else { return false }
        // The task may be cancelled, which must not keep files from being removed.
        let undoing = Task { [self] in
            let isRecorded = try await registry.write { writer in
                var isRecorded = false
                for part in artifacts {
                    if try part.undo(writer.connection) { isRecorded = true }
                    KillPoint.pass()
                }
                try files.superseded.settle(writer.connection)
                return isRecorded
            }
            // Whatever a piece names is in the trash, or unknown, or nothing happens.
            var emptied = Deletion()
            for deletion in deletions {
                if isRecorded { deletion.clearMemory() }
                try await empty(deletion, &emptied)
            }
            return isRecorded
        }
        switch await undoing.result {
        case .success(let isRecorded): return isRecorded
        case .failure(let obstacle):
            warnOfLeftovers(obstacle)
            throw error
        }
    }

    private func finish(_ files: TransactionFiles) async throws {
        let (artifacts, deletions) = (files.artifacts, files.deletions)
        guard !files.isEmpty else { return }
        KillPoint.pass()
        try await settle(files.superseded)
        var failure: (any Error)?
        for part in artifacts {
            do {
                try await StagedArtifacts.pool.run { try part.finish() }
            } catch { failure = failure ?? error }
        }
        for deletion in deletions {
            deletion.clearMemory()
            var emptied = Deletion()
            try await empty(deletion, &emptied)
        }
        if let failure { throw failure }
    }
}

/// Thrown through a transaction to undo it.
private struct RehearsalEnd<T: Sendable>: Error {
    let result: T
}
