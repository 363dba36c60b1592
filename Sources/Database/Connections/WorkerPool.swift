import Dispatch
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
    private let open: @Sendable () throws -> Worker
    private let state = Mutex(State())
    /// Where connections are opened and closed, as both may block.
    private let queue: DispatchQueue

    init(limit: Int, name: String, open: @escaping @Sendable () throws -> Worker) {
        self.limit = limit
        self.name = name
        self.open = open
        queue = DispatchQueue(label: "database.opening", attributes: .concurrent)
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
                guard case DatabaseError.tooManyConnections = error, let id = state.withLock({ leaveForAnother(&$0) })
                else {
                    release(worker)
                    throw error
                }
                close(worker)
                worker = try await another(id)
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
        do {
            return try await withCheckedThrowingContinuation { continuation in
                queue.async { continuation.resume(with: Result { try self.open() }) }
            }
        } catch {
            if case DatabaseError.tooManyConnections = error, let id = state.withLock({ leaveForAnother(&$0) }) {
                // The server has no more, so the ones that it gave have to do.
                return try await another(id)
            }
            leavePlace()
            throw error
        }
    }

    /// Gives up a place to wait for the connection of another, if there are others.
    private func leaveForAnother(_ state: inout State) -> Int? {
        guard !state.isClosed, state.openCount > 1 else { return nil }
        state.openCount -= 1
        state.nextWaiter += 1
        return state.nextWaiter
    }

    /// The connection of another, or a place that became free, for one that has given up its own.
    private func another(_ id: Int) async throws -> Worker {
        guard let worker = try await wait(id, isInLine: true) else { return try await openWorker() }
        return worker
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
    private func wait(_ id: Int, isInLine: Bool = false) async throws -> Worker? {
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
                    } else if state.openCount < limit, !isInLine || state.openCount == 0 {
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

    private func retire(_ worker: Worker) { close(worker) { self.leavePlace() } }

    private func close(_ worker: Worker, then done: @escaping @Sendable () -> Void = {}) {
        queue.async {
            // A connection that can not be closed is released with its last reference; there is nobody left to tell.
            try? worker.close()
            done()
        }
    }
}
