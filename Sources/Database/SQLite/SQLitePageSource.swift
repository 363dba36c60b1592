import Synchronization

/// Steps through a statement on a reading connection that is kept until the end.
final class SQLitePageSource<Page: Sendable>: PageSource {
    private let client: SQLiteClient
    private let readers: SQLiteWorkerPool
    private let pageSize: Int
    private let prepare: @Sendable (any DatabaseConnection) throws -> SQL
    private let makePage: @Sendable () -> Page
    private let append: @Sendable (inout Page, any DatabaseRow) throws -> Void

    private enum State {
        case new
        case open(SQLiteWorker, Running)
        case finished
    }

    private let state = Mutex(State.new)

    init(
        client: SQLiteClient, readers: SQLiteWorkerPool, pageSize: Int,
        prepare: @escaping @Sendable (any DatabaseConnection) throws -> SQL,
        makePage: @escaping @Sendable () -> Page,
        append: @escaping @Sendable (inout Page, any DatabaseRow) throws -> Void
    ) {
        self.client = client
        self.readers = readers
        self.pageSize = max(1, pageSize)
        self.prepare = prepare
        self.makePage = makePage
        self.append = append
    }

    /// The transaction and its statement. Safe to share as only blocks on the worker's queue touch it.
    private final class Running: @unchecked Sendable {
        private var transaction: SQLiteTransaction?
        private var cursor: SQLiteCursor?

        func start(_ handle: SQLiteHandle, _ prepare: (any DatabaseConnection) throws -> SQL) throws {
            try handle.begin(.reading)
            let transaction = SQLiteTransaction(handle, isWriteable: false)
            self.transaction = transaction
            cursor = try transaction.cursor(try prepare(transaction))
        }

        /// Adds up to `limit` rows; returns whether there may be more.
        func advance(_ limit: Int, _ body: (any DatabaseRow) throws -> Void) throws -> Bool {
            guard let cursor else { return false }
            for _ in 0..<limit {
                guard try cursor.step() else { return false }
                try body(cursor.row)
            }
            return true
        }

        func stop() {
            cursor?.finish()
            cursor = nil
            transaction?.abandon()
            transaction = nil
        }
    }

    func next() async throws -> Page? {
        if Task.isCancelled {
            finish()
            throw CancellationError()
        }
        do {
            return try await nextPage()
        } catch {
            finish()
            throw error
        }
    }

    private func nextPage() async throws -> Page? {
        guard let (worker, running) = try await opened() else { return nil }
        let (page, count, hasMore) = try await worker.perform { [pageSize, makePage, append] _ in
            var page = makePage()
            var count = 0
            let hasMore = try running.advance(pageSize) { row in
                try append(&page, row)
                count += 1
            }
            // At the end nobody should have to ask again for the locks to go.
            if !hasMore { running.stop() }
            return (page, count, hasMore)
        }
        if !hasMore { finish() }
        return count == 0 ? nil : page
    }

    /// The running statement, which the first call starts; `nil` when it is over.
    private func opened() async throws -> (SQLiteWorker, Running)? {
        switch state.withLock({ $0 }) {
        case .open(let worker, let running): return (worker, running)
        case .finished: return nil
        case .new: break
        }
        return try await client.recovering {
            let worker = try await readers.lease()
            let running = Running()
            do {
                try await worker.perform { [prepare] handle in try running.start(handle, prepare) }
            } catch {
                worker.enqueue { [readers] _ in
                    running.stop()
                    readers.release(worker)
                }
                throw error
            }
            state.withLock { $0 = .open(worker, running) }
            return (worker, running)
        }
    }

    func finish() {
        let open = state.withLock { state -> (SQLiteWorker, Running)? in
            defer { state = .finished }
            guard case .open(let worker, let running) = state else { return nil }
            return (worker, running)
        }
        guard let (worker, running) = open else { return }
        worker.enqueue { [readers] _ in
            running.stop()
            readers.release(worker)
        }
    }
}
