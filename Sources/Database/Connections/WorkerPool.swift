import Synchronization

/// A bounded number of connections, opened when they are first needed and lent to one task at a time.
final class WorkerPool<Worker: DatabaseWorker>: Sendable {
    private typealias Waiter = (id: Int, continuation: CheckedContinuation<Worker?, any Error>)

    private struct State {
        var idle: [Worker] = []
        var openCount = 0
        var waiters: [Waiter] = []
        var nextWaiter = 0
        var cancelledWaiters: Set<Int> = []
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let limit: Int
    private let name: String
    private let open: @Sendable () async throws -> Worker
    private let limitOfServer: SharedLimit<Worker>.Membership?
    private let state = Mutex(State())

    /// - Parameter limitOfServer: the pools that use up the connections of one server together.
    init(
        limit: Int, name: String, limitOfServer: SharedLimit<Worker>.Membership? = nil,
        open: @escaping @Sendable () async throws -> Worker
    ) {
        self.limit = limit
        self.limitOfServer = limitOfServer
        self.name = name
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
        var worker = try await lease()
        while true {
            do {
                return (worker, try await begin(worker))
            } catch {
                guard case DatabaseError.tooManyConnections = error else {
                    release(worker)
                    throw error
                }
                worker.close {}
                if let other = try await substitute(for: error) {
                    worker = other
                } else {
                    worker = try await openWorker()
                }
            }
        }
    }

    private enum Offer {
        case worker(Worker)
        case place
        case turn(Int)
    }

    private func lease() async throws -> Worker {
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
        case .place: return try await openWorker()
        case .turn(let id):
            // No worker means a free place to open one.
            guard let worker = try await wait(id) else { return try await openWorker() }
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

    private func openWorker() async throws -> Worker {
        while true {
            do {
                return try await open()
            } catch DatabaseError.tooManyConnections(let name) {
                // The server has no more, so those that it gave have to do.
                if let worker = try await substitute(for: DatabaseError.tooManyConnections(name)) { return worker }
            } catch {
                leavePlace()
                throw error
            }
        }
    }

    /// A connection for one that has a place and to whom the server gives none: one that another pool does not use, or the
    /// next that is given back, here first. `nil` when it may be tried again, with the place.
    ///
    /// - Throws: `error` if there is nobody to wait for, or nobody gives anything back in time. The place is left then.
    private func substitute(for error: any Error) async throws -> Worker? {
        let hasNone = state.withLock { $0.openCount <= 1 }
        switch limitOfServer?.spare(for: self, isUrgent: hasNone) {
        case .fitting(let worker): return worker
        case .other(let close):
            await close()
            return nil
        case nil: break
        }
        let mayWait = limitOfServer?.isUsed(besides: self) ?? false
        let turn = state.withLock { state -> (id: Int, hasNone: Bool)? in
            guard !state.isClosed, state.openCount > 1 || mayWait else { return nil }
            state.openCount -= 1
            state.nextWaiter += 1
            return (state.nextWaiter, state.openCount == 0)
        }
        guard let turn else {
            leavePlace()
            throw error
        }
        guard turn.hasNone, let limitOfServer else { return try await wait(turn.id, isInLine: true) }
        limitOfServer.changeNeed(by: 1)
        let watch = Task { await self.watch(turn.id, error) }
        defer {
            watch.cancel()
            limitOfServer.changeNeed(by: -1)
        }
        return try await wait(turn.id, isInLine: true, mayOpen: false)
    }

    /// Ends the wait of one in a pool without connections: with one that another pool does not use, or after some time.
    private func watch(_ id: Int, _ error: any Error) async {
        let end = ContinuousClock.now + SharedLimit<Worker>.patience
        while ContinuousClock.now < end {
            guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
            guard isNeedy else { continue }
            switch limitOfServer?.spare(for: self, isUrgent: true) {
            case .fitting(let worker): if !adopt(worker) { worker.close {} }
            case .other(let close):
                await close()
                _ = adopt(nil)
            case nil: break
            }
        }
        state.withLock { state in
            guard state.openCount == 0, let index = state.waiters.firstIndex(where: { $0.id == id }) else { return }
            state.waiters.remove(at: index).continuation.resume(throwing: error)
        }
    }

    // MARK: - Other pools

    /// Whether somebody waits here while there is no connection that could be given back.
    var isNeedy: Bool { state.withLock { $0.openCount == 0 && !$0.waiters.isEmpty && !$0.isClosed } }

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
    func adopt(_ worker: Worker?) -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.openCount == 0, !state.waiters.isEmpty else { return false }
            state.openCount = 1
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
                _ = needy.adopt(nil)
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

    /// - Parameters:
    ///   - isInLine: whether to wait although another connection could be opened.
    ///   - mayOpen: whether one is opened all the same if there is none to wait for.
    private func wait(_ id: Int, isInLine: Bool = false, mayOpen: Bool = true) async throws -> Worker? {
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
                    } else if state.openCount < limit, !isInLine || (state.openCount == 0 && mayOpen) {
                        state.openCount += 1
                        continuation.resume(returning: nil)
                    } else {
                        state.waiters.append((id, continuation))
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
