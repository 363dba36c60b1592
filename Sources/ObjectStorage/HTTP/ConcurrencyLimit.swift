import Synchronization

/// Lets at most `width` tasks pass at a time; others wait in the order they came.
public final class ConcurrencyLimit: Sendable {
    private struct State {
        var free: Int
        var waiting: [(id: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
        var next: UInt64 = 0
        var cancelled: Set<UInt64> = []
    }

    /// The right to go on. Gives it back when it is released or forgotten.
    public final class Slot: Sendable {
        private let limit: ConcurrencyLimit
        private let held = Atomic<Bool>(true)

        fileprivate init(_ limit: ConcurrencyLimit) { self.limit = limit }

        public func release() { if held.exchange(false, ordering: .relaxed) { limit.leave() } }
        deinit { release() }
    }

    private let state: Mutex<State>

    public init(width: Int) { state = Mutex(State(free: max(1, width))) }

    /// - Throws: `CancellationError`.
    public func enter() async throws -> Slot {
        let id: UInt64? = state.withLock { state in
            if state.free > 0 {
                state.free -= 1
                return nil
            }
            state.next += 1
            return state.next
        }
        guard let id else { return Slot(self) }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result: Bool? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return false }
                    // A place may have become free since.
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((id, continuation))
                    return nil
                }
                switch result {
                case true: continuation.resume()
                case false: continuation.resume(throwing: CancellationError())
                case nil: break
                }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
                guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.waiting.remove(at: index).continuation
            }
            waiter?.resume(throwing: CancellationError())
        }
        state.withLock { _ = $0.cancelled.remove(id) }
        return Slot(self)
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume()
    }
}
