import Foundation

/// A client of an SQLite file that other processes, such as Python clients, have open at the same time.
///
/// The file stays in rollback-journal mode. One connection writes; a few read-only ones read, opened when they are first
/// needed. Each has a thread of its own, so at most `readerCount` + 1 threads are in use.
public final class SQLiteClient: DatabaseClient, PagingClient {
    public enum Location: Hashable, Sendable {
        /// A path, relative to the working directory or absolute.
        case file(String)
        /// A database that ends with the client. It is always writeable.
        case memory
    }

    public let dialect = SQLDialect.sqlite
    public let isWriteable: Bool
    public let displayName: String

    typealias Worker = SQLiteWorker

    private let readers: WorkerPool<SQLiteWorker>
    private let pagers: WorkerPool<SQLiteWorker>
    /// `nil` for clients that only read.
    private let writer: WorkerPool<SQLiteWorker>?
    private let commits: SQLiteCommitCounter?

    private init(
        displayName: String, readers: WorkerPool<SQLiteWorker>, pagers: WorkerPool<SQLiteWorker>,
        writer: WorkerPool<SQLiteWorker>?, commits: SQLiteCommitCounter?
    ) {
        self.displayName = displayName
        self.readers = readers
        self.pagers = pagers
        self.writer = writer
        self.commits = commits
        isWriteable = writer != nil
    }

    /// Opens a database and reads from it once.
    ///
    /// - Throws: ``DatabaseError``: the file is missing (unless `options.access` is `create`), is no database, or may
    ///   not be opened this way.
    public static func open(_ location: Location, _ options: DatabaseOptions) async throws -> SQLiteClient {
        let path: String?
        let place: String
        switch location {
        case .file(let given):
            // Absolute, so that it is never taken for a `file:` address and survives a change of directory.
            let absolute = URL(fileURLWithPath: given).path
            var isDirectory: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: absolute, isDirectory: &isDirectory)
            if isDirectory.boolValue { throw DatabaseError.cannotOpen(absolute, reason: "it is a directory") }
            if !exists, options.access != .create { throw DatabaseError.missingFile(absolute) }
            if exists, options.access != .readOnly, !FileManager.default.isWritableFile(atPath: absolute) {
                throw DatabaseError.readOnly(absolute)
            }
            path = absolute
            place = absolute
        case .memory:
            path = nil
            // All connections of this client, and no others, share it.
            place = "file:/\(UUID().hexadecimalDigits)?vfs=memdb"
        }
        let name = path ?? "in memory"
        let errors = SQLiteErrors(name: name, path: path, busyTimeout: options.busyTimeout)
        let openReader: @Sendable () async throws -> SQLiteWorker = {
            try await SQLiteWorker.open(location: place, isReadOnly: true, errors: errors)
        }
        let readers = WorkerPool(limit: options.readerCount, name: name, open: openReader)
        let pagers = options.pagerCount.map { WorkerPool(limit: $0, name: name, open: openReader) } ?? readers
        let isWriteable = options.access != .readOnly || path == nil
        let writer =
            isWriteable
            ? WorkerPool(limit: 1, name: name) {
                try await SQLiteWorker.open(location: place, isReadOnly: false, errors: errors)
            } : nil
        do {
            try await (writer ?? readers).withWorker { worker in try await worker.perform { try Self.visit($0) } }
        } catch {
            await readers.close()
            await writer?.close()
            throw error
        }
        return SQLiteClient(
            displayName: name, readers: readers, pagers: pagers, writer: writer,
            commits: path.flatMap { SQLiteCommitCounter(path: $0) })
    }

    /// Reads the file's header and schema, rolling back what a dead writer left if the connection may write.
    private static func visit(_ handle: SQLiteHandle) throws { try handle.run("SELECT count(*) FROM sqlite_master") }

    public var activity: (reads: DatabaseActivity, pages: DatabaseActivity)? { (readers.activity, pagers.activity) }

    public var commitStamp: UInt32? { commits?.value() }

    public func close() async throws {
        await readers.close()
        if pagers !== readers { await pagers.close() }
        await writer?.close()
    }

    // MARK: - Transactions

    public func read<T: Sendable>(
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T {
        try await recovering {
            try await self.readers.withWorker { worker in
                try await worker.perform { handle in try SQLiteTransaction.run(.reading, on: handle, body) }
            }
        }
    }

    public func readBeforeWriting<T: Sendable>(
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T {
        guard let writer else { throw DatabaseError.readOnly(displayName) }
        return try await writer.withWorker { worker in
            try await worker.perform { handle in try SQLiteTransaction.run(.reading, on: handle, body) }
        }
    }

    @discardableResult
    public func write<T: Sendable>(
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T {
        guard let writer else { throw DatabaseError.readOnly(displayName) }
        return try await writer.withWorker { worker in
            try await worker.perform { handle in try SQLiteTransaction.run(.writing, on: handle, body) }
        }
    }

    /// A read-only connection can not roll back what a dead writer left behind, but the writing one can: then `body`,
    /// which has not read anything yet, is repeated.
    func recovering<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch DatabaseError.needsRecovery(_) where writer != nil {
            try await writer?.withWorker { worker in try await worker.perform { try Self.visit($0) } }
            return try await body()
        }
    }

    // MARK: - Pages

    public func pages<Page: Sendable>(
        _ open: @escaping @Sendable (any DatabaseConnection) throws -> any PageProducer<Page>
    ) -> DatabasePages<Page> {
        DatabasePages { TransactionPages(client: self, workers: self.pagers, open: open) }
    }
}
