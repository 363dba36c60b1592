import Serving
import Synchronization

/// Whether the database of one repository answers, for all who ask at the same time.
///
/// There is one look at a time: one that is on its way to a silent server cannot be ended, so it is let go, and the next is
/// begun when it is over.
final class Readiness: Sendable {
    private typealias Waiter = AsyncThrowingStream<Void, any Error>.Continuation

    private struct State {
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        var look: Task<Void, Never>?
    }

    private let look: @Sendable () async throws -> Void
    private let state = Mutex(State())

    /// - Parameter look: a small read. It may take long to end when it is cancelled.
    init(look: @escaping @Sendable () async throws -> Void) { self.look = look }

    /// Returns when the database has answered.
    ///
    /// - Throws: what the look throws; ``StreamLimitExceeded`` when there is no answer in time.
    func check(within limit: Duration) async throws {
        let (answer, waiter) = AsyncThrowingStream.makeStream(of: Void.self)
        let id = state.withLock { state in
            state.nextWaiter += 1
            state.waiters[state.nextWaiter] = waiter
            if state.look == nil { begin(&state) }
            return state.nextWaiter
        }
        defer { leave(id) }
        try await withThrowingTaskGroup(of: Void.self) { race in
            race.addTask {
                for try await _ in answer {}
                try Task.checkCancellation()
            }
            race.addTask {
                try await Task.sleep(for: limit)
                throw StreamLimitExceeded.time(limit)
            }
            defer { race.cancelAll() }
            try await race.next()
        }
    }

    private func begin(_ state: inout State) {
        state.look = Task { [self] in
            var result = Result<Void, any Error>.success(())
            do { try await look() } catch { result = .failure(error) }
            end(result, isGivenUp: Task.isCancelled)
        }
    }

    private func end(_ result: Result<Void, any Error>, isGivenUp: Bool) {
        let waiters = state.withLock { state -> [Waiter] in
            state.look = nil
            // Those who came after it was given up get one of their own.
            if isGivenUp, case .failure = result, !state.waiters.isEmpty {
                begin(&state)
                return []
            }
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters {
            switch result {
            case .success: waiter.finish()
            case .failure(let error): waiter.finish(throwing: error)
            }
        }
    }

    /// Without anybody who waits for it the look is given up.
    private func leave(_ id: Int) {
        state.withLock { state in
            guard state.waiters.removeValue(forKey: id) != nil, state.waiters.isEmpty else { return }
            state.look?.cancel()
        }
    }
}
