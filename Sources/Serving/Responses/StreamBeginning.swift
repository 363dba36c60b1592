import Synchronization

/// How a stream begins: with a line, without one, or not at all.
final class StreamBeginning: Sendable {
    private enum State {
        case open(CheckedContinuation<Void, any Error>?)
        case settled(Result<Void, any Error>)
    }

    private let state = Mutex(State.open(nil))

    /// - Returns: whether this decides it; only the first does.
    @discardableResult
    func settle(_ outcome: Result<Void, any Error>) -> Bool {
        let (isFirst, waiter) = state.withLock { state -> (Bool, CheckedContinuation<Void, any Error>?) in
            guard case .open(let waiter) = state else { return (false, nil) }
            state = .settled(outcome)
            return (true, waiter)
        }
        waiter?.resume(with: outcome)
        return isFirst
    }

    /// Returns when the stream has begun, or when it has taken too long to wait for that. To be called once.
    /// - Throws: why it does not begin; `CancellationError`.
    func wait(atMost time: Duration) async throws {
        let timer = Task {
            try await Task.sleep(for: time)
            settle(.success(()))
        }
        defer { timer.cancel() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if case .settled(let outcome) = state { return outcome }
                    state = .open(waiter)
                    return nil
                }
                if let outcome { waiter.resume(with: outcome) }
            }
        } onCancel: {
            settle(.failure(CancellationError()))
        }
    }
}

/// What makes the lines of a stream. It is cancelled when nobody is left to read them, as when the response is given up
/// before its body begins.
final class StreamSource: Sendable {
    private let task: Task<Void, Never>

    init(_ task: Task<Void, Never>) { self.task = task }
    deinit { task.cancel() }

    /// Cancels it, and waits until it has let go of what it reads.
    func end() async {
        task.cancel()
        await task.value
    }
}
