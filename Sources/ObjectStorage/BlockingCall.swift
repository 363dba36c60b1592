import Dispatch
import Synchronization

/// Lets code that has to block, such as the inside of a database transaction, use stores on other machines.
public enum BlockingCall {
    /// Runs `body` as a task of its own and waits for it. The caller's cancellation does not reach it.
    ///
    /// Only for threads that may block, and none that `body` needs in turn: not from a task, and not on
    /// `POSIXObjectStore.sharedPool`, where stores read local files.
    public static func wait<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) throws -> Result {
        let outcome = Outcome<Result>()
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            let result: Swift.Result<Result, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            outcome.value.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        guard let result = outcome.value.withLock({ $0 }) else { throw CancellationError() }
        return try result.get()
    }

    private final class Outcome<Value: Sendable>: Sendable {
        let value = Mutex<Swift.Result<Value, any Error>?>(nil)
    }
}
