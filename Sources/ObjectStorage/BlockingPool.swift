import Dispatch
import Synchronization

/// Runs blocking calls (file I/O, C libraries) on at most `width` threads of their own, never on the cooperative pool.
///
/// Jobs start in the order they came. A thread takes the next waiting job when it finishes one, so waiting jobs hold no
/// thread.
public final class BlockingPool: Sendable {
    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
        /// Index of the oldest waiting job: removing from the front of an array would be O(n) each.
        var head = 0

        mutating func next() -> (@Sendable () -> Void)? {
            guard head < waiting.count else {
                waiting.removeAll(keepingCapacity: true)
                head = 0
                return nil
            }
            let job = waiting[head]
            head += 1
            if head > 1024, head * 2 > waiting.count {
                waiting.removeFirst(head)
                head = 0
            }
            return job
        }
    }

    public let width: Int
    private let queue: DispatchQueue
    private let state = Mutex(State())

    /// - Parameter width: the largest number of jobs at a time; values below 1 count as 1.
    public init(label: String, width: Int) {
        self.width = max(1, width)
        queue = DispatchQueue(label: label, attributes: .concurrent)
    }

    /// Runs `body` on a thread of the pool and returns what it returns or throws.
    ///
    /// - Throws: `CancellationError` when the task is cancelled before the job starts. A running job is not stopped.
    public func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        let cancelled = Mutex(false)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                submit {
                    if cancelled.withLock({ $0 }) {
                        continuation.resume(throwing: CancellationError())
                    } else {
                        continuation.resume(with: Swift.Result(catching: body))
                    }
                }
            }
        } onCancel: {
            cancelled.withLock { $0 = true }
        }
    }

    private func submit(_ job: @escaping @Sendable () -> Void) {
        let startsThread = state.withLock { state in
            guard state.running < width else {
                state.waiting.append(job)
                return false
            }
            state.running += 1
            return true
        }
        guard startsThread else { return }
        queue.async { [self] in
            job()
            while let next = takeNext() { next() }
        }
    }

    private func takeNext() -> (@Sendable () -> Void)? {
        state.withLock { state in
            let job = state.next()
            if job == nil { state.running -= 1 }
            return job
        }
    }
}
