import Dispatch
import Synchronization

/// Blocking work in steps on a thread of its own, of which one runs while its caller, who may block, prepares the next.
public final class StepOnThread: Sendable {
    private let queue: DispatchQueue
    private let running = DispatchGroup()
    private let failure = Mutex<(any Error)?>(nil)

    public init(label: String) { queue = DispatchQueue(label: label) }

    /// Waits for the step before, then begins one.
    /// - Throws: what the step before threw.
    public func next(_ step: @escaping @Sendable () throws -> Void) throws {
        try finish()
        queue.async(group: running) { [self] in
            do { try step() } catch { failure.withLock { $0 = error } }
        }
    }

    /// Waits until no step is under way.
    /// - Throws: what the last step threw.
    public func finish() throws {
        running.wait()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// Runs `body`, which begins steps, and waits for the last of them, whatever comes of it.
    /// - Throws: what `body` or a step throws.
    public func around(_ body: () throws -> Void) throws {
        defer { running.wait() }
        try body()
        try finish()
    }
}
