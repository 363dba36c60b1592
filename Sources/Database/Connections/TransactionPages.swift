import Synchronization

/// Lets a producer work on a reading connection that is kept until the end. While one page is used, the next ones are
/// made.
final class TransactionPages<Page: Sendable, Client: PagingClient>: PageSource {
    /// How many pages are made ahead.
    private static var depth: Int { 2 }

    private let client: Client
    private let workers: WorkerPool<Client.Worker>
    private let open: @Sendable (any DatabaseConnection) throws -> any PageProducer<Page>

    private typealias Step = (page: Page?, isLast: Bool)

    private enum State {
        case new
        case open(Client.Worker, Running, ahead: [DatabaseWork<Step>])
        case finished
    }

    private let state = Mutex(State.new)

    init(
        client: Client, workers: WorkerPool<Client.Worker>,
        open: @escaping @Sendable (any DatabaseConnection) throws -> any PageProducer<Page>
    ) {
        self.client = client
        self.workers = workers
        self.open = open
    }

    /// The transaction and its producer. Safe to share as only blocks on the worker's queue touch it.
    private final class Running: @unchecked Sendable {
        private var transaction: (any OpenTransaction)?
        private var producer: (any PageProducer<Page>)?

        func start(
            _ transaction: any OpenTransaction, _ open: (any DatabaseConnection) throws -> any PageProducer<Page>
        ) throws {
            self.transaction = transaction
            do {
                producer = try open(transaction)
            } catch {
                stop()
                throw error
            }
        }

        /// The next page; nothing is left behind it when the second part is true.
        func advance() throws -> Step {
            guard let producer else { return (nil, true) }
            // At the end nobody should have to ask again for the locks to go; after an error nothing may be read.
            var isLast = true
            defer { if isLast { stop() } }
            guard let page = try producer.nextPage() else { return (nil, true) }
            isLast = producer.isAtEnd
            return (page, isLast)
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
        let (page, isLast) = try await step(worker, running)
        if isLast { finish() } else { workAhead() }
        return page
    }

    /// The next step, which may be under way already.
    private func step(_ worker: Client.Worker, _ running: Running) async throws -> Step {
        let begun = state.withLock { state -> DatabaseWork<Step>? in
            guard case .open(_, _, var ahead) = state, !ahead.isEmpty else { return nil }
            let first = ahead.removeFirst()
            state = .open(worker, running, ahead: ahead)
            return first
        }
        return try await (begun ?? Self.start(worker, running)).value()
    }

    private static func start(_ worker: Client.Worker, _ running: Running) -> DatabaseWork<Step> {
        worker.start { _ in try running.advance() }
    }

    private func workAhead() {
        state.withLock { state in
            guard case .open(let worker, let running, var ahead) = state else { return }
            while ahead.count < Self.depth {
                ahead.append(Self.start(worker, running))
            }
            state = .open(worker, running, ahead: ahead)
        }
    }

    /// The running producer, which the first call starts; `nil` when it is over.
    private func opened() async throws -> (Client.Worker, Running)? {
        switch state.withLock({ $0 }) {
        case .open(let worker, let running, _): return (worker, running)
        case .finished: return nil
        case .new: break
        }
        return try await client.recovering {
            let (worker, running) = try await workers.lease { [open] worker in
                try await worker.perform { handle in
                    let running = Running()
                    try running.start(try worker.beginReading(handle), open)
                    return running
                }
            }
            state.withLock { $0 = .open(worker, running, ahead: []) }
            return (worker, running)
        }
    }

    func finish() {
        let state = state.withLock { state -> State in
            defer { state = .finished }
            return state
        }
        guard case .open(let worker, let running, let ahead) = state else { return }
        for work in ahead { work.cancel() }
        worker.enqueue { [workers] _ in
            running.stop()
            workers.release(worker)
        }
    }
}
