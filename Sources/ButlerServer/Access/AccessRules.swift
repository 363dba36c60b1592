import HTTPTypes
import Hummingbird
import Logging
import Serving

/// Who may use a repository. Source: remote Butler protocol reference, section 5.1.
public struct AccessRules: Sendable {
    private let directory: RememberedGroups?

    private init(directory: RememberedGroups?) { self.directory = directory }

    /// Everyone who can reach the server.
    public static let open = AccessRules(directory: nil)

    /// Users whom the ingress has identified, by their groups. The identity headers are trusted: only the ingress may
    /// reach the server.
    ///
    /// - Parameters:
    ///   - groups: knows the groups of users. Its answers are remembered.
    ///   - lifetime: how long a membership is believed. A missing one is never believed without asking again.
    public static func ingress(groups: any GroupDirectory, lifetime: Duration = .seconds(300)) -> AccessRules {
        AccessRules(directory: RememberedGroups(groups, lifetime: lifetime))
    }

    /// The repository and who asks, after all checks.
    ///
    /// - Throws: ``HTTPFailure`` 403, 404 or 503, ``ValidationFailure`` for a missing token.
    func admit(
        _ request: Request, to label: String, of table: RepositoryTable, logger: Logger
    ) async throws -> (served: RepositoryTable.Served, requester: Requester) {
        let unknown = HTTPFailure(.notFound, "Unknown repository '\(label)'")
        var requester = Requester(request, seesEverything: directory == nil)
        guard let directory else {
            guard let served = table[label] else { throw unknown }
            return (served, requester)
        }
        guard let user = requester.user else {
            throw HTTPFailure(.forbidden, "Required X-Auth-Request-User header was not provided")
        }
        guard let token = request.headers[.xAuthRequestToken], !token.isEmpty else {
            throw ValidationFailure(.init("missing", ["header", "x-auth-request-token"], "Field required"))
        }
        guard let served = table[label] else { throw unknown }
        let wanted = served.entry.authorizedGroups
        let isOpen = wanted.contains("*")
        if isOpen, try await !served.entry.repository.hasVisibilityRules() { return (served, requester) }
        let identity = DelegatedIdentity(user: user, token: token)
        do {
            guard let groups = try await directory.groups(of: identity, toMatch: isOpen ? nil : wanted) else {
                throw HTTPFailure(
                    .forbidden, "User \(user) does not have permission to access Butler repository '\(label)'")
            }
            requester.groups = groups
            return (served, requester)
        } catch let error as GroupLookupError {
            logger.warning("\(error)", metadata: ["user": .string(user), "butler_repo": .string(label)])
            switch error {
            case .refused:
                throw HTTPFailure(.forbidden, "The credentials of user \(user) were not accepted; log in again.")
            case .unavailable:
                throw HTTPFailure(
                    .serviceUnavailable, "The groups of user \(user) cannot be looked up at present; try again.",
                    headers: [.retryAfter: "5"])
            }
        }
    }
}
