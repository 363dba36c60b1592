import Synchronization

/// Many pieces of blocking work.
extension BlockingPool {
    /// Runs `body` for each number below `count`, on at most `jobs` threads of the pool. After a failure, or when the
    /// task is cancelled, no more are begun.
    ///
    /// - Returns: what came of each, by its number, `nil` where nothing did; and the first failure.
    public func each<Result: Sendable>(
        _ count: Int, jobs: Int, _ body: @escaping @Sendable (Int) throws -> Result
    ) async -> (results: [Result?], failure: (any Error)?) {
        let batch = BlockingBatch<Result>(count: count)
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<min(count, max(1, jobs)) {
                    group.addTask {
                        do {
                            try await self.run { batch.work(body) }
                        } catch { batch.fail(error) }
                    }
                }
            }
        } onCancel: {
            batch.fail(CancellationError())
        }
        return batch.outcome
    }
}

/// What the threads that share a batch of work know of each other.
private final class BlockingBatch<Result: Sendable>: Sendable {
    private struct State {
        var next = 0
        var results: [Result?]
        var failure: (any Error)?
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(results: Array(repeating: nil, count: count))) }

    var outcome: (results: [Result?], failure: (any Error)?) { state.withLock { ($0.results, $0.failure) } }

    func fail(_ error: any Error) { state.withLock { $0.failure = $0.failure ?? error } }

    /// Takes one number after another until none is left.
    func work(_ body: (Int) throws -> Result) {
        while let number = take() {
            do {
                let result = try body(number)
                state.withLock { $0.results[number] = result }
            } catch { fail(error) }
        }
    }

    private func take() -> Int? {
        state.withLock { state in
            guard state.failure == nil, state.next < state.results.count else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }
}
