import CLibPQ
import Foundation
import Synchronization

/// Ends the statement that runs on a connection, from any thread.
///
/// The library's request goes through a connection of its own, which a silent network may hold for ever. So each has a
/// thread of its own, nobody waits for it for long, and a connection that a request may still hit is given up.
final class PostgreSQLCanceller: Sendable {
    /// What cancels one connection. Safe to share as the library says that such a value may be used from any thread; it
    /// is freed with the last reference.
    private final class Request: @unchecked Sendable {
        private let pointer: OpaquePointer
        /// Those that are on their way.
        let sent = DispatchGroup()

        init(_ pointer: OpaquePointer) { self.pointer = pointer }

        deinit { PQfreeCancel(pointer) }

        func send() {
            var reason = [CChar](repeating: 0, count: 256)
            // If the server cannot be reached, the statement's own connection will notice.
            _ = PQcancel(pointer, &reason, Int32(reason.count))
        }
    }

    private struct State {
        var request: Request?
        /// Which stay on the connection is the present one.
        var turn: UInt64 = 0
        /// Whether the server is asked to cancel something of it.
        var isUsed = false
    }

    /// What became of the requests of a stay.
    enum Outcome {
        /// There was none.
        case unused
        /// The server has them all. The last may hit the next statement.
        case arrived
        /// One may come at any time.
        case late
    }

    private let state = Mutex(State())
    private static let threads = Atomic(0)
    /// So many requests may hang at a time; a connection whose statement cannot be cancelled is given up.
    private static let mostThreads = 64
    /// How long the end of a stay waits for a request that is on its way.
    private static let patience = DispatchTimeInterval.seconds(2)

    /// Keeps what cancels the present connection; `nil` for none.
    func set(_ pointer: OpaquePointer?) {
        let request = pointer.map { Request($0) }
        state.withLock { $0.request = request }
    }

    /// The present stay ends, and no request of it is sent later. Waits shortly for one that is on its way.
    func endTurn() -> Outcome {
        let used = state.withLock { state -> Request?? in
            state.turn += 1
            defer { state.isUsed = false }
            return state.isUsed ? .some(state.request) : .none
        }
        guard let used else { return .unused }
        // Those to a connection that is closed can do no harm.
        guard let used else { return .arrived }
        return used.sent.wait(timeout: .now() + Self.patience) == .success ? .arrived : .late
    }

    /// Ends the statement of the present stay. Returns at once; the server is asked in the background, and again until
    /// the stay ends: a request that comes before its statement is ignored.
    func cancel() {
        let turn = state.withLock { state -> UInt64? in
            guard !state.isUsed else { return nil }
            state.isUsed = true
            return state.turn
        }
        guard let turn else { return }
        guard Self.threads.add(1, ordering: .relaxed).newValue <= Self.mostThreads else {
            Self.threads.subtract(1, ordering: .relaxed)
            return
        }
        Thread.detachNewThread { [self] in
            while request(turn) { usleep(200_000) }
            Self.threads.subtract(1, ordering: .relaxed)
        }
    }

    /// Asks the server once; false when the stay is over.
    private func request(_ turn: UInt64) -> Bool {
        var isOver = false
        let request = state.withLock { state -> Request? in
            isOver = state.turn != turn
            guard !isOver, let request = state.request else { return nil }
            request.sent.enter()
            return request
        }
        // Between two connections there is nothing to cancel.
        guard let request else { return !isOver }
        request.send()
        request.sent.leave()
        return true
    }
}
