import Synchronization

/// Lets a producer work on a reading connection that is kept until the end.
final class SQLitePageSource<Page: Sendable>: PageSource {
    private let client: SQLiteClient
    private let readers: SQLiteWorkerPool
    private let open: @Sendable (any DatabaseConnection) throws -> any PageProducer<Page>

    private enum State {
        case new
        case open(SQLiteWorker, Running)
        case finished
    }

    private let state = Mutex(State.new)

    init(
        client: SQLiteClient, readers: SQLiteWorkerPool,
        open: @escaping @Sendable (any DatabaseConnection) throws -> any PageProducer<Page>
    ) {
        self.client = client
        self.readers = readers
        self.open = open
    }

    /// The transaction and its producer. Safe to share as only blocks on the worker's queue touch it.
    private final class Running: @unchecked Sendable {
        private var transaction: SQLiteTransaction?
        private var producer: (any PageProducer<Page>)?

        func start(
            _ handle: SQLiteHandle, _ open: (any DatabaseConnection) throws -> any PageProducer<Page>
        ) throws {
            try handle.begin(.reading)
            let transaction = SQLiteTransaction(handle, isWriteable: false)
            self.transaction = transaction
            producer = try open(transaction)
        }

        /// The next page; nothing is left behind it when the second part is true.
        func advance() throws -> (page: Page?, isLast: Bool) {
            guard let producer, let page = try producer.nextPage() else { return (nil, true) }
            return (page, producer.isAtEnd)
        }

        func stop() {
            producer = nil
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
        let (page, isLast) = try await worker.perform { _ in
            let step = try running.advance()
            // At the end nobody should have to ask again for the locks to go.
            if step.isLast { running.stop() }
            return step
        }
        if isLast { finish() }
        return page
    }

    /// The running producer, which the first call starts; `nil` when it is over.
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
                try await worker.perform { [open] handle in try running.start(handle, open) }
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
