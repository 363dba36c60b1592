import HTTPTypes
import Serving
import Synchronization

/// A fixed number of slots for the process and for each user; who finds none is sent away, to try again.
/// Source: remote Butler protocol reference, section 10.
final class StreamSlots: StreamAdmission {
    static let retryAfterSeconds = 5

    private let total: Int
    private let perUser: Int
    private let running = Mutex(Running())

    private struct Running {
        var total = 0
        var byUser: [String: Int] = [:]
    }

    init(total: Int = 25, perUser: Int = 2) {
        self.total = total
        self.perUser = perUser
    }

    func permit(for user: String?) throws -> StreamPermit {
        try running.withLock { running in
            // In this order: an overloaded server does not tell users that it is their fault.
            guard running.total < total else {
                throw Self.busy(.serviceUnavailable, "The Butler Server is currently overloaded with requests.")
            }
            if let user {
                guard running.byUser[user, default: 0] < perUser else {
                    throw Self.busy(
                        .tooManyRequests,
                        "User \(user) has too many queries running already. Wait for your existing queries to complete, "
                            + "then try again.")
                }
                running.byUser[user, default: 0] += 1
            }
            running.total += 1
        }
        return StreamPermit { [self] in end(user) }
    }

    private func end(_ user: String?) {
        running.withLock { running in
            running.total -= 1
            guard let user, let count = running.byUser[user] else { return }
            running.byUser[user] = count > 1 ? count - 1 : nil
        }
    }

    private static func busy(_ status: HTTPResponse.Status, _ detail: String) -> HTTPFailure {
        HTTPFailure(status, detail, headers: [.retryAfter: String(retryAfterSeconds)])
    }
}
