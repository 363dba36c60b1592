import NIOCore
import Synchronization

/// The connections of a service: no more than a limit, and idle ones first to go.
final class ConnectionLedger: Sendable {
    private let limit: Int
    private let connections = Mutex<[ObjectIdentifier: Connection]>([:])

    /// Requests whose head has come and whose response has not gone out completely.
    private let unanswered = Atomic<Int>(0)

    var unansweredCount: Int { unanswered.load(ordering: .relaxed) }
    func requestBegan() { unanswered.wrappingAdd(1, ordering: .relaxed) }
    func responseEnded() { unanswered.wrappingSubtract(1, ordering: .relaxed) }

    init(limit: Int) { self.limit = max(1, limit) }

    var count: Int { connections.withLock { $0.count } }

    subscript(channel: any Channel) -> Connection? { connections.withLock { $0[ObjectIdentifier(channel)] } }

    /// Adds a connection if there is room, or can be made. Cost: constant below the limit, then linear in the limit.
    func admit(_ connection: Connection) -> Bool {
        let (isAdmitted, evicted) = connections.withLock { connections -> (Bool, Connection?) in
            let key = ObjectIdentifier(connection.channel)
            guard connections.count >= limit else {
                connections[key] = connection
                return (true, nil)
            }
            var oldest: (since: ContinuousClock.Instant, connection: Connection)?
            for candidate in connections.values {
                guard let since = candidate.idleSince else { continue }
                if since < oldest?.since ?? since.advanced(by: .nanoseconds(1)) { oldest = (since, candidate) }
            }
            guard let oldest else { return (false, nil) }
            // It leaves at once, so that the next one does not choose it again.
            connections[ObjectIdentifier(oldest.connection.channel)] = nil
            connections[key] = connection
            return (true, oldest.connection)
        }
        evicted?.channel.close(promise: nil)
        return isAdmitted
    }

    func remove(_ connection: Connection) {
        connections.withLock { connections in
            let key = ObjectIdentifier(connection.channel)
            if connections[key] === connection { connections[key] = nil }
        }
    }
}
