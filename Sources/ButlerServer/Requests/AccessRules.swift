import HTTPTypes
import Hummingbird
import Serving

/// Who may use a repository. Source: remote Butler protocol reference, section 5.1.
public enum AccessRules: Sendable, Equatable {
    /// Everyone who can reach the server.
    case open
    /// Users whom the ingress has identified. The identity headers are trusted: only the ingress may reach the server.
    case gafaelfawr

    /// - Throws: ``HTTPFailure`` 403 or 404, ``ValidationFailure`` for a missing token.
    func admit(_ request: Request, to label: String, of table: RepositoryTable) throws -> RepositoryTable.Served {
        let unknown = HTTPFailure(.notFound, "Unknown repository '\(label)'")
        switch self {
        case .open:
            guard let served = table[label] else { throw unknown }
            return served
        case .gafaelfawr:
            guard let user = request.headers[.xAuthRequestUser], !user.isEmpty else {
                throw HTTPFailure(.forbidden, "Required X-Auth-Request-User header was not provided")
            }
            guard request.headers[.xAuthRequestToken] != nil else {
                throw ValidationFailure(.init("missing", ["header", "x-auth-request-token"], "Field required"))
            }
            guard let served = table[label] else { throw unknown }
            guard served.entry.authorizedGroups.contains("*") else {
                throw HTTPFailure(
                    .forbidden, "User \(user) does not have permission to access Butler repository '\(label)'")
            }
            return served
        }
    }
}
