public import NIOCore
import Synchronization

/// A client's connection, as far as limits and requests need to know it. Safe to use from everywhere.
public final class Connection: Sendable {
    let channel: any Channel
    private let state = Mutex(State())

    private struct State {
        var isOver = false
        var nextToken = 0
        var actions: [Int: @Sendable () -> Void] = [:]
        /// `nil` while a request is in progress.
        var idleSince: ContinuousClock.Instant? = .now
    }

    init(_ channel: any Channel) { self.channel = channel }

    /// When the last response ended; `nil` while a request is in progress.
    var idleSince: ContinuousClock.Instant? {
        get { state.withLock { $0.idleSince } }
        set { state.withLock { $0.idleSince = newValue } }
    }

    var isOver: Bool { state.withLock { $0.isOver } }

    /// Returns when the connection is over, or the task is cancelled.
    public func waitForEnd() async {
        let (ends, continuation) = AsyncStream.makeStream(of: Never.self)
        let token = state.withLock { state -> Int? in
            guard !state.isOver else { return nil }
            state.nextToken += 1
            state.actions[state.nextToken] = { continuation.finish() }
            return state.nextToken
        }
        guard let token else { return }
        for await _ in ends {}
        state.withLock { _ = $0.actions.removeValue(forKey: token) }
    }

    /// Tells a client that waits for it to go on with the body of its request.
    func askForBody() { channel.triggerUserOutboundEvent(BodyWanted(), promise: nil) }

    /// The event of a body that somebody begins to read.
    struct BodyWanted: Sendable {}

    /// Tells those who wait.
    func end() {
        let actions = state.withLock { state in
            state.isOver = true
            defer { state.actions = [:] }
            return state.actions.values
        }
        for action in actions { action() }
    }

    /// Runs `body`, and cancels it if the client goes away meanwhile.
    public func cancellingOnEnd<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await body() }
            group.addTask {
                await self.waitForEnd()
                throw CancellationError()
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw CancellationError() }
            return result
        }
    }
}
