import Synchronization

/// A bounded number of connections, opened when they are first needed and lent to one task at a time.
final class WorkerPool<Worker: DatabaseWorker>: Sendable {
    private struct Waiter {
        let id: Int
        /// When its task came for a connection.
        let since: ContinuousClock.Instant
        let continuation: CheckedContinuation<Worker?, any Error>
    }

    private struct State {
        var idle: [Worker] = []
        /// Those that are being opened count, too.
        var openCount = 0
        var openingCount = 0
        /// That the server had no more, and since when, until one can be used again.
        var shortage: (error: DatabaseError, since: ContinuousClock.Instant)?
        /// Whether a task looks after those who wait.
        var isWatched = false
        var waiters: [Waiter] = []
        var nextWaiter = 0
        var cancelledWaiters: Set<Int> = []
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []

        /// Whether there is no connection that could be given back.
        var hasNone: Bool { openCount == openingCount }
    }

    private let limit: Int
    private let name: String
    private let patience: Duration
    private let open: @Sendable () async throws -> Worker
    private let limitOfServer: SharedLimit<Worker>.Membership?
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limitOfServer: the pools that use up the connections of one server together.
    ///   - patience: how long a task waits while the server gives no connection.
    init(
        limit: Int, name: String, limitOfServer: SharedLimit<Worker>.Membership? = nil,
        patience: Duration = .seconds(8), open: @escaping @Sendable () async throws -> Worker
    ) {
        self.limit = limit
        self.limitOfServer = limitOfServer
        self.name = name
        self.patience = patience
        self.open = open
        limitOfServer?.join(self)
    }

    var activity: DatabaseActivity {
        state.withLock { state in
            DatabaseActivity(
                inUse: state.openCount - state.idle.count, limit: limit, waiting: state.waiters.count)
        }
    }

    /// Lends a connection to `body`.
    func withWorker<T>(_ body: (Worker) async throws -> T) async throws -> T {
        let (worker, result) = try await lease(body)
        release(worker)
        return result
    }

    /// A connection for exclusive use with which `begin` has succeeded; give it back with ``release(_:)``.
    ///
    /// One that was lost, and that the server has none to replace with, is exchanged for another, if there are others.
    /// Nothing has happened on it then, so `begin` is called again.
    func lease<T>(_ begin: (Worker) async throws -> T) async throws -> (Worker, T) {
        let since = ContinuousClock.now
        var worker = try await lease(since: since)
        while true {
            do {
                let result = try await begin(worker)
                state.withLock { $0.shortage = nil }
                return (worker, result)
            } catch let error as DatabaseError {
                switch error {
                case .tooManyConnections:
                    worker.close {}
                    if let other = try await substitute(after: error, since: since) {
                        worker = other
                    } else {
                        worker = try await openWorker(since: since)
                    }
                default:
                    endLongWaits(after: error)
                    release(worker)
                    throw error
                }
            } catch {
                release(worker)
                throw error
            }
        }
    }

    private enum Offer {
        case worker(Worker)
        case place
        case turn(Int)
    }

    private func lease(since: ContinuousClock.Instant) async throws -> Worker {
        let offer: Offer = try state.withLock { state in
            guard !state.isClosed else { throw DatabaseError.closed(name) }
            if let worker = state.idle.popLast() { return .worker(worker) }
            if state.openCount < limit {
                state.openCount += 1
                return .place
            }
            state.nextWaiter += 1
            return .turn(state.nextWaiter)
        }
        switch offer {
        case .worker(let worker): return worker
        case .place: return try await openWorker(since: since)
        case .turn(let id):
            // No worker means a free place to open one.
            guard let worker = try await wait(id, since: since) else { return try await openWorker(since: since) }
            return worker
        }
    }

    func release(_ worker: Worker) {
        if let limitOfServer, let needy = limitOfServer.needy(besides: self) { return pass(worker, to: needy) }
        keep(worker)
    }

    private func keep(_ worker: Worker) {
        let isLeft = state.withLock { state in
            if state.isClosed { return false }
            if state.waiters.isEmpty {
                state.idle.append(worker)
            } else {
                state.waiters.removeFirst().continuation.resume(returning: worker)
            }
            return true
        }
        if !isLeft { retire(worker) }
    }

    // MARK: - Opening

    private func openWorker(since: ContinuousClock.Instant) async throws -> Worker {
        while true {
            do {
                state.withLock { $0.openingCount += 1 }
                defer { state.withLock { $0.openingCount -= 1 } }
                return try await open()
            } catch DatabaseError.tooManyConnections(let name) {
                // The server has no more, so those that it gave have to do.
                let error = DatabaseError.tooManyConnections(name)
                if let worker = try await substitute(after: error, since: since) { return worker }
            } catch {
                endLongWaits(after: error)
                leavePlace()
                throw error
            }
        }
    }

    /// A connection for one that has a place and to whom the server gives none: one that another pool does not use, or the
    /// next that is given back, here first. `nil` when it may be tried again, with the place.
    ///
    /// - Throws: `error` if there is nobody to wait for, or nobody gives anything back in time. The place is left then.
    private func substitute(after error: DatabaseError, since: ContinuousClock.Instant) async throws -> Worker? {
        let hasNone = state.withLock { $0.openCount - $0.openingCount <= 1 }
        switch limitOfServer?.spare(for: self, isUrgent: hasNone) {
        case .fitting(let worker): return worker
        case .other(let close):
            await close()
            return nil
        case nil: break
        }
        let mayWait = limitOfServer?.isUsed(besides: self) ?? false
        let id = state.withLock { state -> Int? in
            guard !state.isClosed, state.openCount > 1 || mayWait else { return nil }
            state.openCount -= 1
            state.shortage = (error, state.shortage?.since ?? .now)
            beginWatching(&state)
            state.nextWaiter += 1
            return state.nextWaiter
        }
        guard let id else {
            leavePlace()
            throw error
        }
        return try await wait(id, since: since, isInLine: true)
    }

    // MARK: - The lengths of waits

    /// Ends the waits that have lasted for long when it turns out that the server cannot be reached: each of those tasks would
    /// have to find that out after the ones before it, and a silent server takes its time.
    private func endLongWaits(after error: any Error) {
        guard case DatabaseError.unavailable = error else { return }
        state.withLock { state in endWaits(&state, with: error) { $0 } }
    }

    private func endWaits(
        _ state: inout State, with error: any Error, since: (ContinuousClock.Instant) -> ContinuousClock.Instant
    ) {
        let now = ContinuousClock.now
        while let index = state.waiters.firstIndex(where: { now - since($0.since) >= patience }) {
            state.waiters.remove(at: index).continuation.resume(throwing: error)
        }
    }

    /// Lets a task look after those who wait: where the server gives nothing, the next that is given back may be far away,
    /// or never come.
    private func beginWatching(_ state: inout State) {
        guard !state.isWatched, needsWatching(state) else { return }
        state.isWatched = true
        Task { await watch() }
    }

    private func needsWatching(_ state: State) -> Bool {
        !state.isClosed && !state.waiters.isEmpty && state.openCount < limit
    }

    /// Gets those who wait a connection that another pool does not use, tries now and then whether the server has one
    /// again, and ends the waits that have lasted for too long.
    private func watch() async {
        limitOfServer?.changeNeed(by: 1)
        defer { limitOfServer?.changeNeed(by: -1) }
        var lastAttempt = ContinuousClock.now
        while true {
            // It is never cancelled.
            try? await Task.sleep(for: .milliseconds(100))
            let (goesOn, isShort) = state.withLock { state in
                // For what this pool has and lends they go on.
                if state.hasNone, let (error, begin) = state.shortage {
                    endWaits(&state, with: error) { max($0, begin) }
                }
                state.isWatched = needsWatching(state)
                return (state.isWatched, state.shortage != nil)
            }
            guard goesOn else { return }
            switch isShort ? limitOfServer?.spare(for: self, isUrgent: isNeedy) : nil {
            case .fitting(let worker): if !adopt(worker) { worker.close {} }
            case .other(let close):
                await close()
                adopt(nil)
            case nil:
                guard ContinuousClock.now - lastAttempt >= .seconds(1) else { continue }
                lastAttempt = .now
                adopt(nil)
            }
        }
    }

    // MARK: - Other pools

    /// Whether somebody waits here while there is no connection that could be given back.
    var isNeedy: Bool { state.withLock { $0.hasNone && !$0.waiters.isEmpty && !$0.isClosed } }

    var isUsed: Bool { state.withLock { $0.openCount > 0 } }

    /// Gives away a connection that nobody uses: the last one only if that is urgent.
    func spare(isUrgent: Bool) -> Worker? {
        state.withLock { state in
            guard !state.isClosed, state.waiters.isEmpty, state.openCount > (isUrgent ? 0 : 1),
                let worker = state.idle.popLast()
            else { return nil }
            state.openCount -= 1
            return worker
        }
    }

    /// Takes the connection, or with `nil` the place for one, for who waits; `false` if nobody does any more.
    @discardableResult
    func adopt(_ worker: Worker?) -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.openCount < limit, !state.waiters.isEmpty else { return false }
            state.openCount += 1
            state.waiters.removeFirst().continuation.resume(returning: worker)
            return true
        }
    }

    private func pass(_ worker: Worker, to needy: WorkerPool) {
        if limitOfServer?.client == needy.limitOfServer?.client {
            guard needy.adopt(worker) else { return keep(worker) }
            leavePlace()
        } else {
            worker.close {
                needy.adopt(nil)
                self.leavePlace()
            }
        }
    }

    /// Closes a connection that ``spare(isUrgent:)`` gave away.
    func closeSpare(_ worker: Worker) async {
        await withCheckedContinuation { continuation in worker.close { continuation.resume() } }
    }

    /// Gives up the place of a connection that is not, or no longer, open.
    private func leavePlace() {
        state.withLock { state in
            if !state.isClosed, !state.waiters.isEmpty {
                state.waiters.removeFirst().continuation.resume(returning: nil)
                return
            }
            state.openCount -= 1
            if state.isClosed, state.openCount == 0 {
                for closer in state.closers { closer.resume() }
                state.closers = []
            }
        }
    }

    // MARK: - Waiting

    /// - Parameter isInLine: whether to wait although another connection could be opened.
    private func wait(_ id: Int, since: ContinuousClock.Instant, isInLine: Bool = false) async throws -> Worker? {
        defer { state.withLock { _ = $0.cancelledWaiters.remove(id) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                state.withLock { state in
                    if state.cancelledWaiters.remove(id) != nil {
                        continuation.resume(throwing: CancellationError())
                    } else if state.isClosed {
                        continuation.resume(throwing: DatabaseError.closed(name))
                    } else if let worker = state.idle.popLast() {
                        // It was given back between the offer and here.
                        continuation.resume(returning: worker)
                    } else if state.openCount < limit, !isInLine {
                        state.openCount += 1
                        continuation.resume(returning: nil)
                    } else {
                        // Who came first and was refused in between has kept the place in the line.
                        let index = state.waiters.firstIndex { $0.since > since } ?? state.waiters.endIndex
                        state.waiters.insert(Waiter(id: id, since: since, continuation: continuation), at: index)
                        beginWatching(&state)
                    }
                }
            }
        } onCancel: {
            state.withLock { state in
                if let index = state.waiters.firstIndex(where: { $0.id == id }) {
                    state.waiters.remove(at: index).continuation.resume(throwing: CancellationError())
                } else {
                    state.cancelledWaiters.insert(id)
                }
            }
        }
    }

    // MARK: - Closing

    /// Refuses further use, and returns when all connections are closed.
    func close() async {
        await withCheckedContinuation { continuation in
            let idle = state.withLock { state in
                state.isClosed = true
                for waiter in state.waiters { waiter.continuation.resume(throwing: DatabaseError.closed(name)) }
                state.waiters = []
                if state.openCount == 0 {
                    continuation.resume()
                } else {
                    state.closers.append(continuation)
                }
                defer { state.idle = [] }
                return state.idle
            }
            for worker in idle { retire(worker) }
        }
    }

    private func retire(_ worker: Worker) { worker.close { self.leavePlace() } }
}
