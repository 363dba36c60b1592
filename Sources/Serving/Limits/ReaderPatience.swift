import Synchronization

/// How long a source has waited for its reader, and may still.
final class ReaderPatience: Sendable {
    private let limit: Duration
    private let state = Mutex(State())

    private struct State {
        var total = Duration.zero
        var waitingSince: ContinuousClock.Instant?
    }

    init(limit: Duration?) { self.limit = limit ?? .seconds(1 << 40) }

    func begin() { state.withLock { $0.waitingSince = .now } }

    func end() {
        state.withLock { state in
            if let since = state.waitingSince { state.total += since.duration(to: .now) }
            state.waitingSince = nil
        }
    }

    /// Throws once the limit is reached, a little late at most.
    func watch() async throws {
        let step = min(max(limit / 20, .milliseconds(10)), .seconds(1))
        while true {
            try await Task.sleep(for: step)
            let waited = state.withLock { state in
                state.total + (state.waitingSince.map { $0.duration(to: .now) } ?? .zero)
            }
            if waited >= limit { throw StreamLimitExceeded.waiting(limit) }
        }
    }
}
