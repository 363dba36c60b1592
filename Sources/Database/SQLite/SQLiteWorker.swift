import CJournalBuffer
import CSQLite
import Dispatch
import Foundation
import GRDB
import GRDBSQLite
import Synchronization

/// One connection with the thread that serves it.
final class SQLiteWorker: DatabaseWorker, @unchecked Sendable {
    /// The most memory for pages of the file: the inner pages of the indexes of a large repository, which SQLite keeps
    /// while nobody writes; when writing much, the leaves of a dozen indexes too, before they must go to the disk.
    private static func cacheKibibytes(isReadOnly: Bool) -> Int { isReadOnly ? 16_384 : 65_536 }

    /// Nobody asks for the counts of memory. Too late after a connection of other code, which costs no more than before.
    private static let countsMemory = CSQLiteStopCountingMemory() != SQLITE_OK

    /// Where it cannot be done, journals are written piece by piece.
    private static let buffersJournals = CJournalBufferInstall() == SQLITE_OK

    private let queue: DatabaseQueue
    private let patience: SQLitePatience
    private let errors: SQLiteErrors
    /// Safe to share as it is used on `queue` only, which runs one block at a time.
    private var handle: SQLiteHandle?

    /// Where connections are opened and closed, as both may block.
    private static let opening = DispatchQueue(label: "database.opening", attributes: .concurrent)

    /// Opens a connection, which takes as long as the file is locked.
    static func open(location: String, isReadOnly: Bool, errors: SQLiteErrors) async throws -> SQLiteWorker {
        try await withCheckedThrowingContinuation { continuation in
            opening.async {
                continuation.resume(
                    with: Result { try SQLiteWorker(location: location, isReadOnly: isReadOnly, errors: errors) })
            }
        }
    }

    private init(location: String, isReadOnly: Bool, errors: SQLiteErrors) throws {
        _ = Self.countsMemory
        _ = Self.buffersJournals
        self.errors = errors
        let patience = SQLitePatience(limit: errors.busyTimeout)
        self.patience = patience
        var configuration = Configuration()
        configuration.label = isReadOnly ? "database.reader" : "database.writer"
        configuration.readonly = isReadOnly
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .callback { attempts in patience.waitsOn(afterAttempts: attempts) }
        // Page streams keep a transaction open between two visits of the queue.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA cache_size = -\(Self.cacheKibibytes(isReadOnly: isReadOnly))")
            // Distributions build SQLite so that it fills with zeros, and writes, every page that becomes free.
            if !isReadOnly { try database.execute(sql: "PRAGMA secure_delete = FAST") }
        }
        do {
            queue = try DatabaseQueue(path: location, configuration: configuration)
        } catch {
            throw errors.translated(error)
        }
    }

    /// Lets `body` run on the connection's thread after all that was started before.
    func start<T: Sendable>(_ body: @escaping @Sendable (SQLiteHandle) throws -> T) -> DatabaseWork<T> {
        let visit = ConnectionVisit(
            onBegin: { [patience] in patience.renew() },
            interrupt: { [patience, queue] in
                patience.end()
                queue.interrupt()
            })
        let work = DatabaseWork<T>(visit)
        queue.asyncWriteWithoutTransaction { database in
            work.end(Result { try self.run(visit, database, body) })
        }
        return work
    }

    /// Runs `body` on the connection's thread some time soon, for work that nobody waits for.
    func enqueue(_ body: @escaping @Sendable (SQLiteHandle) -> Void) {
        queue.asyncWriteWithoutTransaction { database in body(self.connected(database)) }
    }

    private func run<T>(_ visit: ConnectionVisit, _ database: GRDB.Database, _ body: (SQLiteHandle) throws -> T) throws -> T {
        guard visit.begin() else { throw CancellationError() }
        defer { visit.end() }
        do {
            return try body(connected(database))
        } catch {
            throw visit.isCancelled ? CancellationError() : errors.translated(error)
        }
    }

    func beginReading(_ handle: SQLiteHandle) throws -> any OpenTransaction {
        try handle.begin(.reading)
        return SQLiteTransaction(handle, isWriteable: false)
    }

    private func connected(_ database: GRDB.Database) -> SQLiteHandle {
        if let handle { return handle }
        let handle = SQLiteHandle(database, errors: errors)
        self.handle = handle
        return handle
    }

    func close(then done: @escaping @Sendable () -> Void) {
        Self.opening.async { [self] in
            queue.unsafeReentrantWrite { _ in
                handle?.releaseStatements()
                handle = nil
            }
            try? queue.close()
            done()
        }
    }
}

/// How a connection waits for the locks of others: with growing pauses, up to a limit, or until its task is cancelled.
final class SQLitePatience: Sendable {
    private let limit: Duration
    private let state = Mutex((waitingSince: ContinuousClock.now, isOver: false))

    /// Pauses between attempts, in milliseconds; the last one repeats.
    private static let pauses: [UInt32] = [1, 2, 3, 5, 8, 12, 18, 25, 35, 50]

    init(limit: Duration) { self.limit = limit }

    /// Starts a new task's patience.
    func renew() { state.withLock { $0.isOver = false } }

    /// Lets the present wait fail at its next attempt.
    func end() { state.withLock { $0.isOver = true } }

    /// Pauses and returns true, or returns false when the wait is over. Called by SQLite on the connection's thread;
    /// `attempts` counts the pauses for the same lock.
    func waitsOn(afterAttempts attempts: Int) -> Bool {
        let goesOn = state.withLock { state in
            let now = ContinuousClock.now
            if attempts == 0 { state.waitingSince = now }
            return !state.isOver && now - state.waitingSince < limit
        }
        if goesOn { usleep(Self.pauses[min(attempts, Self.pauses.count - 1)] * 1000) }
        return goesOn
    }
}
