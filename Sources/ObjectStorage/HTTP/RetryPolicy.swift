import Synchronization

/// A failure that may be gone when the same is tried again.
struct TransientFailure: Error {
    let error: ObjectStorageError
    /// What the service asked for with `Retry-After`.
    var retryAfter: Duration?
    /// Whether the service may have done what was asked: the request was sent whole, and no answer came.
    var mayHaveHappened = true
    /// Whether a connection was closed that had not been used for a while, before anything of an answer came.
    var isOfStaleConnection = false
}

/// A request failed because its connection was dead already, as after a quiet night with a firewall in between. Another
/// connection may do. The service may have got the request all the same.
struct StaleConnection: Error {
    let error: ObjectStorageError
}

/// How often and when failed requests are tried again: waits grow twofold, each is random between nothing and
/// all of it.
public struct RetryPolicy: Sendable, Hashable {
    /// In all, the first one included.
    public var attempts: Int
    /// The longest wait before the second attempt.
    public var base: Duration
    /// The longest wait of all.
    public var limit: Duration

    public init(attempts: Int = 6, base: Duration = .milliseconds(200), limit: Duration = .seconds(20)) {
        self.attempts = max(1, attempts)
        self.base = base
        self.limit = limit
    }

    /// Runs `body` until it succeeds, fails for good, or attempts or budget are used up.
    ///
    /// - Throws: ``StaleConnection`` when the last attempt was with a dead connection.
    func run<Result: Sendable>(
        _ budget: RetryBudget, isolation: isolated (any Actor)? = #isolation,
        _ body: (_ attempt: Int) async throws -> Result
    ) async throws -> Result {
        var attempt = 1
        while true {
            try Task.checkCancellation()
            do {
                let result = try await body(attempt)
                budget.succeeded()
                return result
            } catch let failure as TransientFailure {
                guard attempt < attempts, budget.take() else {
                    if failure.isOfStaleConnection { throw StaleConnection(error: failure.error) }
                    throw failure.error
                }
                try await Task.sleep(for: wait(after: attempt, asked: failure.retryAfter))
                attempt += 1
            }
        }
    }

    func wait(after attempt: Int, asked: Duration?) -> Duration {
        let longest = min(limit, base * (1 << min(attempt - 1, 20)))
        return max(longest * Double.random(in: 0...1), min(asked ?? .zero, limit))
    }
}

/// Keeps a store that fails for everybody from being asked over and over: a bucket of tokens that retries empty and
/// successes fill.
public final class RetryBudget: Sendable {
    private static let cost = 5
    private let capacity: Int
    private let tokens: Mutex<Int>

    /// - Parameter retries: how many may be made in a row without a success.
    public init(retries: Int = 100) {
        capacity = max(0, retries) * Self.cost
        tokens = Mutex(capacity)
    }

    func take() -> Bool {
        tokens.withLock { tokens in
            guard tokens >= Self.cost else { return false }
            tokens -= Self.cost
            return true
        }
    }

    func succeeded() { tokens.withLock { $0 = min(capacity, $0 + 1) } }
}
