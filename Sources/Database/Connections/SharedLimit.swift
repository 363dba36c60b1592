import Synchronization

/// The pools of a process whose connections count against the limits of one server, which gives no more at some time.
///
/// A pool that needs one then gets one that another pool does not use, or the next that is given back.
final class SharedLimit<Worker: DatabaseWorker>: Sendable {
    /// A pool's part in it.
    struct Membership: Sendable {
        let limit: SharedLimit
        /// The address of the server.
        let server: String
        /// Pools of one client have connections that may be exchanged.
        let client: UInt64
    }

    private struct Member {
        weak var pool: WorkerPool<Worker>?
        let server: String
        let client: UInt64
    }

    /// A connection that nobody uses.
    enum Spare {
        case fitting(Worker)
        /// One to another database: what closes it.
        case other(@Sendable () async -> Void)
    }

    private let members = Mutex<[Member]>([])
    private let needs = Atomic(0)

    fileprivate func join(_ pool: WorkerPool<Worker>, _ membership: Membership) {
        members.withLock { members in
            members.removeAll { $0.pool == nil }
            members.append(Member(pool: pool, server: membership.server, client: membership.client))
        }
    }

    /// The other pools of the server, those of the same client first.
    private func others(_ pool: WorkerPool<Worker>, _ membership: Membership) -> [(pool: WorkerPool<Worker>, fits: Bool)] {
        let found = members.withLock { members in
            members.compactMap { member -> (pool: WorkerPool<Worker>, fits: Bool)? in
                guard member.server == membership.server, let other = member.pool, other !== pool else { return nil }
                return (other, member.client == membership.client)
            }
        }
        return found.filter(\.fits) + found.filter { !$0.fits }
    }

    fileprivate func spare(for pool: WorkerPool<Worker>, _ membership: Membership, isUrgent: Bool) -> Spare? {
        for (other, fits) in others(pool, membership) {
            guard let worker = other.spare(isUrgent: isUrgent) else { continue }
            if fits { return .fitting(worker) }
            return .other {
                await other.closeSpare(worker)
                // The server needs a moment to see that it is gone.
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
        return nil
    }

    fileprivate func needy(besides pool: WorkerPool<Worker>, _ membership: Membership) -> WorkerPool<Worker>? {
        guard needs.load(ordering: .relaxed) > 0 else { return nil }
        return others(pool, membership).first { $0.pool.isNeedy }?.pool
    }

    fileprivate func isUsed(besides pool: WorkerPool<Worker>, _ membership: Membership) -> Bool {
        others(pool, membership).contains { $0.pool.isUsed }
    }

    fileprivate func changeNeed(by change: Int) { needs.add(change, ordering: .relaxed) }
}

extension SharedLimit.Membership {
    func join(_ pool: WorkerPool<Worker>) { limit.join(pool, self) }

    /// A connection that another pool does not use; its last one only if that is urgent.
    func spare(for pool: WorkerPool<Worker>, isUrgent: Bool) -> SharedLimit<Worker>.Spare? {
        limit.spare(for: pool, self, isUrgent: isUrgent)
    }

    /// Another pool in which somebody waits without a connection that could be given back there.
    func needy(besides pool: WorkerPool<Worker>) -> WorkerPool<Worker>? { limit.needy(besides: pool, self) }

    /// Whether other pools have connections.
    func isUsed(besides pool: WorkerPool<Worker>) -> Bool { limit.isUsed(besides: pool, self) }

    func changeNeed(by change: Int) { limit.changeNeed(by: change) }
}
