import HTTPTypes
import Serving
import Synchronization

/// How many streamed queries run, and how many wait for one to end.
public struct QueueLimits: Sendable, Equatable {
    /// In all. Source of the defaults: remote Butler protocol reference, section 10.
    public var running: Int
    public var runningPerUser: Int
    /// In all; with none, whoever finds no room is sent away at once.
    public var waiting: Int
    public var waitingPerUser: Int
    /// How long a query waits before it is sent away.
    public var patience: Duration
    /// The same where only the user's other queries are in the way: short, as he can be told so and clients try again.
    public var userPatience: Duration

    public init(
        running: Int = 25, runningPerUser: Int = 2, waiting: Int = 100, waitingPerUser: Int = 8,
        patience: Duration = .seconds(5), userPatience: Duration = .milliseconds(500)
    ) {
        self.running = running
        self.runningPerUser = runningPerUser
        self.waiting = waiting
        self.waitingPerUser = waitingPerUser
        self.patience = patience
        self.userPatience = userPatience
    }
}

/// Queries take turns by user: who has many waiting does not delay one who has one. Each user's own are first in, first
/// out.
final class FairStreamQueue: StreamAdmission {
    static let retryAfterSeconds = 5

    private let limits: QueueLimits
    private let onRefusal: @Sendable (String) -> Void
    private let state = Mutex(State())

    private typealias Waiter = (id: Int, continuation: CheckedContinuation<Void, any Error>)

    private struct State {
        var running = 0
        var runningByUser: [String: Int] = [:]
        var waiting = 0
        var waiters: [String: [Waiter]] = [:]
        /// Users with waiters; the next turn is the first one's whose limit allows it.
        var turns: [String] = []
        var nextID = 0
        var cancelled: Set<Int> = []
    }

    /// - Parameter onRefusal: told the reason, `queries` or `queries_of_user`, of each refusal.
    init(_ limits: QueueLimits = QueueLimits(), onRefusal: @escaping @Sendable (String) -> Void = { _ in }) {
        self.limits = limits
        self.onRefusal = onRefusal
    }

    var runningCount: Int { state.withLock { $0.running } }
    var waitingCount: Int { state.withLock { $0.waiting } }

    func permit(for user: String?) async throws -> StreamPermit {
        // No user has an empty name; requests without one share a turn, and no limit of their own.
        let key = user ?? ""
        if state.withLock({ start(key, &$0) }) { return makePermit(key) }
        let patience = state.withLock { $0.running < limits.running } ? limits.userPatience : limits.patience
        return try await withThrowingTaskGroup(of: StreamPermit?.self) { group in
            group.addTask {
                try await self.wait(key)
                return self.makePermit(key)
            }
            group.addTask {
                try await Task.sleep(for: patience)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let permit = first else { throw self.busy(key) }
            return permit
        }
    }

    private func makePermit(_ key: String) -> StreamPermit { StreamPermit { [self] in end(key) } }

    // MARK: Turns

    private func mayStart(_ key: String, _ state: State) -> Bool {
        state.running < limits.running && (key.isEmpty || state.runningByUser[key, default: 0] < limits.runningPerUser)
    }

    /// Counts a query as running if it may be. Whoever may start is never left waiting, so nobody is overtaken here.
    private func start(_ key: String, _ state: inout State) -> Bool {
        guard mayStart(key, state) else { return false }
        state.running += 1
        state.runningByUser[key, default: 0] += 1
        return true
    }

    private func end(_ key: String) {
        let started = state.withLock { state -> [Waiter] in
            state.running -= 1
            let count = state.runningByUser[key, default: 1] - 1
            state.runningByUser[key] = count > 0 ? count : nil
            var started: [Waiter] = []
            while let index = state.turns.firstIndex(where: { mayStart($0, state) }) {
                let next = state.turns.remove(at: index)
                guard let waiter = state.waiters[next]?.removeFirst(), start(next, &state) else { break }
                state.waiting -= 1
                if state.waiters[next]?.isEmpty == false { state.turns.append(next) } else { state.waiters[next] = nil }
                started.append(waiter)
            }
            return started
        }
        for waiter in started { waiter.continuation.resume() }
    }

    private func wait(_ key: String) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        defer { state.withLock { _ = $0.cancelled.remove(id) } }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    if start(key, &state) { return .success(()) }
                    guard state.waiting < limits.waiting,
                        state.waiters[key, default: []].count < (key.isEmpty ? limits.waiting : limits.waitingPerUser)
                    else { return .failure(NoRoom()) }
                    state.waiting += 1
                    state.waiters[key, default: []].append((id, continuation))
                    if !state.turns.contains(key) { state.turns.append(key) }
                    return nil
                }
                switch outcome {
                case .success?: continuation.resume()
                case .failure(is NoRoom)?: continuation.resume(throwing: busy(key))
                case .failure(let error)?: continuation.resume(throwing: error)
                case nil: break
                }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                guard let index = state.waiters[key]?.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                state.waiting -= 1
                let waiter = state.waiters[key]?.remove(at: index)
                if state.waiters[key]?.isEmpty != false {
                    state.waiters[key] = nil
                    state.turns.removeAll { $0 == key }
                }
                return waiter
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    private struct NoRoom: Error {}

    // MARK: Refusals

    /// An overloaded server does not tell users that it is their fault.
    private func busy(_ key: String) -> HTTPFailure {
        let isFull = state.withLock { $0.running >= limits.running }
        onRefusal(isFull || key.isEmpty ? "queries" : "queries_of_user")
        let headers: HTTPFields = [.retryAfter: String(Self.retryAfterSeconds)]
        guard !isFull, !key.isEmpty else {
            return HTTPFailure(
                .serviceUnavailable, "The Butler Server is currently overloaded with requests.", headers: headers)
        }
        return HTTPFailure(
            .tooManyRequests,
            "User \(key) has too many queries running already. Wait for your existing queries to complete, then try again.",
            headers: headers)
    }
}
