import Synchronization

/// Something that runs, or will run, on a connection's thread, and what came of it.
final class DatabaseWork<T: Sendable>: Sendable {
    private enum State {
        case pending(CheckedContinuation<T, any Error>?)
        case done(Result<T, any Error>)
    }

    private let visit: ConnectionVisit
    private let state = Mutex(State.pending(nil))

    init(_ visit: ConnectionVisit) { self.visit = visit }

    func end(_ result: Result<T, any Error>) {
        let waiter = state.withLock { state -> CheckedContinuation<T, any Error>? in
            defer { state = .done(result) }
            if case .pending(let waiter) = state { return waiter }
            return nil
        }
        waiter?.resume(with: result)
    }

    /// The result, for which one task may wait. Cancelling that task cancels the work.
    func value() async throws -> T {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<T, any Error>? in
                    if case .done(let result) = state { return result }
                    state = .pending(continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            cancel()
        }
    }

    /// Interrupts the statement that runs, or ends its wait for a lock.
    func cancel() { visit.cancel() }
}

/// One stay on a connection: makes sure that a late cancellation does not hit the next one.
final class ConnectionVisit: Sendable {
    private enum State { case waiting, running, over }

    private let onBegin: @Sendable () -> Void
    private let interrupt: @Sendable () -> Void
    private let state = Mutex((state: State.waiting, isCancelled: false))

    /// - Parameters:
    ///   - onBegin: called on the connection's thread when the stay begins.
    ///   - interrupt: ends the statement that runs, or its wait for a lock. Called on any thread; must not block.
    init(onBegin: @escaping @Sendable () -> Void = {}, interrupt: @escaping @Sendable () -> Void) {
        self.onBegin = onBegin
        self.interrupt = interrupt
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    func begin() -> Bool {
        state.withLock { state in
            guard !state.isCancelled else { return false }
            state.state = .running
            onBegin()
            return true
        }
    }

    func end() { state.withLock { $0.state = .over } }

    func cancel() {
        state.withLock { state in
            guard state.state != .over else { return }
            state.isCancelled = true
            if state.state == .running { interrupt() }
        }
    }
}
