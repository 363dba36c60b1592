import Synchronization

/// Work in steps, of which one runs while the next is prepared.
final class StepBehind: Sendable {
    private let running = Mutex<Task<Void, any Error>?>(nil)

    /// Waits for the step before, then begins one.
    /// - Throws: what the step before throws.
    func next(_ step: @escaping @Sendable () async throws -> Void) async throws {
        try await running.withLock { $0 }?.value
        let task = Task { try await step() }
        running.withLock { $0 = task }
    }

    /// Runs `body`, which begins steps, and waits for the last of them; when it throws, that one is cancelled.
    /// - Throws: what `body` or a step throws.
    func around(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            let last = running.withLock { $0 }
            last?.cancel()
            // Whatever comes of it, nothing may be under way any more. Its own error came first.
            if case .failure(let earlier)? = await last?.result, !(earlier is CancellationError) { throw earlier }
            throw error
        }
        let last = running.withLock { $0 }
        try await withTaskCancellationHandler {
            try await last?.value
        } onCancel: {
            last?.cancel()
        }
    }
}
