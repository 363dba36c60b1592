import Database
import HTTPTypes
import Hummingbird
import Logging
import Serving

/// The response while a repository's database cannot be reached: status 503, after which clients try again.
enum DatabaseOutage {
    /// How long clients are asked to wait, in seconds.
    private static let pause = "2"

    /// `nil` for errors of another kind.
    static func response(to error: any Error, logger: Logger) -> Response? {
        guard let detail = detail(of: error) else { return nil }
        logger.warning("database not reachable", metadata: ["error": "\(error)"])
        return .json(.object(["detail": .string(detail)]), status: .serviceUnavailable, headers: [.retryAfter: pause])
    }

    /// Whether an error is one.
    @Sendable static func isMeant(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.isOutage || isMaintenance(error)
    }

    /// What clients are told. The reason may show where the database is, so it goes to the log only.
    private static func detail(of error: any Error) -> String? {
        guard isMeant(error) else { return nil }
        return "The database of this repository cannot be reached at present; repeat the request in a while."
    }

    /// The same for one within a stream, which has its status already.
    static func interruption(of error: any Error) -> String? {
        guard isMeant(error) else { return nil }
        return "The database of this repository went away while the query ran, so its result is not complete; repeat the "
            + "query in a while."
    }

    /// Whether somebody is at work on a database that could be opened before: passwords are changed, it is restored.
    private static func isMaintenance(_ error: DatabaseError) -> Bool {
        switch error {
        case .accessDenied, .cannotOpen: true
        default: false
        }
    }
}
