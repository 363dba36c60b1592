import Database
import HTTPTypes
import Hummingbird
import Logging
import Serving

/// Who may use a repository. Source: remote Butler protocol reference, section 5.1.
public struct AccessRules: Sendable {
    private enum Identification: Sendable {
        case none
        case ingress(RememberedGroups)
        case tokens(TokenVerifier)
    }

    private let identification: Identification

    private init(_ identification: Identification) { self.identification = identification }

    /// Everyone who can reach the server.
    public static let open = AccessRules(.none)

    /// Users whom the ingress has identified, by their groups. The identity headers are trusted: only the ingress may
    /// reach the server.
    ///
    /// - Parameters:
    ///   - groups: knows the groups of users. Its answers are remembered.
    ///   - lifetime: how long a membership is believed. A missing one is never believed without asking again.
    public static func ingress(groups: any GroupDirectory, lifetime: Duration = .seconds(300)) -> AccessRules {
        AccessRules(.ingress(RememberedGroups(groups, lifetime: lifetime)))
    }

    /// Users who bring a signed token, by what it says. Identity headers are not believed.
    public static func tokens(_ verifier: TokenVerifier) -> AccessRules { AccessRules(.tokens(verifier)) }

    /// The repository and who asks, after all checks.
    ///
    /// - Throws: ``HTTPFailure`` 401, 403, 404 or 503, ``ValidationFailure`` for a missing token of the ingress.
    func admit(
        _ request: Request, to label: String, of table: RepositoryTable, logger: Logger
    ) async throws -> (served: RepositoryTable.Served, requester: Requester) {
        switch try await decision(on: request, label, table, logger) {
        case .admitted(let served, let requester): return (served, requester)
        case .notPermitted(let user):
            throw HTTPFailure(
                .forbidden, "User \(user) does not have permission to access Butler repository '\(label)'")
        }
    }

    /// Whether a user who is known may use a repository.
    private enum Decision {
        case admitted(RepositoryTable.Served, Requester)
        case notPermitted(user: String)
    }

    private func decision(
        on request: Request, _ label: String, _ table: RepositoryTable, _ logger: Logger
    ) async throws -> Decision {
        switch identification {
        case .none:
            return .admitted(try Self.served(label, of: table), Requester(request, seesEverything: true))
        case .ingress(let directory):
            return try await decision(on: request, label, table, directory, logger)
        case .tokens(let verifier):
            let identity = try await Self.identity(of: request, verifier, logger)
            let served = try Self.served(label, of: table)
            let wanted = served.entry.authorizedGroups
            guard wanted.contains("*") || !wanted.isDisjoint(with: identity.groups) else {
                return .notPermitted(user: identity.user)
            }
            var requester = Requester(request, seesEverything: false)
            (requester.user, requester.service, requester.groups) = (identity.user, nil, identity.groups)
            return .admitted(served, requester)
        }
    }

    /// The labels of the repositories that the user of a request may use, in alphabetical order.
    ///
    /// - Throws: what ``admit(_:to:of:logger:)`` throws for a user who is not known.
    func labels(for request: Request, of table: RepositoryTable, logger: Logger) async throws -> [String] {
        var labels: [String] = []
        for label in table.labels {
            if case .admitted = try await decision(on: request, label, table, logger) { labels.append(label) }
        }
        return labels
    }

    /// The same for routes that an ingress may leave open to everyone: there, identity headers may be the client's own
    /// invention, and are not believed.
    ///
    /// - Throws: ``HTTPFailure`` 403 where only the ingress can identify users, and what ``admit(_:to:of:logger:)`` throws.
    func admitWithoutIngress(
        _ request: Request, to label: String, of table: RepositoryTable, logger: Logger
    ) async throws -> (served: RepositoryTable.Served, requester: Requester) {
        if case .ingress = identification {
            throw HTTPFailure(.forbidden, "This URL needs a signature; ask get_file for one, or use the download route.")
        }
        return try await admit(request, to: label, of: table, logger: logger)
    }

    private static func served(_ label: String, of table: RepositoryTable) throws(HTTPFailure) -> RepositoryTable.Served
    {
        guard let served = table[label] else { throw HTTPFailure(.notFound, "Unknown repository '\(label)'") }
        return served
    }

    // MARK: The ingress

    private func decision(
        on request: Request, _ label: String, _ table: RepositoryTable, _ directory: RememberedGroups, _ logger: Logger
    ) async throws -> Decision {
        var requester = Requester(request, seesEverything: false)
        guard let user = requester.user else {
            throw HTTPFailure(.forbidden, "Required X-Auth-Request-User header was not provided")
        }
        guard let token = request.headers[.xAuthRequestToken], !token.isEmpty else {
            throw ValidationFailure(.init("missing", ["header", "x-auth-request-token"], "Field required"))
        }
        let served = try Self.served(label, of: table)
        let wanted = served.entry.authorizedGroups
        let isOpen = wanted.contains("*")
        if isOpen, try await !Self.mayHaveVisibilityRules(served) { return .admitted(served, requester) }
        let identity = DelegatedIdentity(user: user, token: token)
        do {
            guard let groups = try await directory.groups(of: identity, toMatch: isOpen ? nil : wanted) else {
                return .notPermitted(user: user)
            }
            requester.groups = groups
            return .admitted(served, requester)
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

    /// Whether the groups of users matter within a repository. While its database is away they may.
    private static func mayHaveVisibilityRules(_ served: RepositoryTable.Served) async throws -> Bool {
        do {
            return try await served.repository.hasVisibilityRules()
        } catch let error as DatabaseError where error.isOutage { return true }
    }

    // MARK: Tokens

    private static func identity(
        of request: Request, _ verifier: TokenVerifier, _ logger: Logger
    ) async throws -> TokenVerifier.Identity {
        let fields = request.headers[values: .authorization]
        // Two of them could be read differently by a proxy.
        guard fields.count == 1, let space = fields[0].firstIndex(of: " "),
            fields[0][..<space].lowercased() == "bearer"
        else {
            throw HTTPFailure(
                .unauthorized, "An access token is required: 'Authorization: Bearer …'.",
                headers: [.wwwAuthenticate: "Bearer"])
        }
        do {
            return try await verifier.identity(of: fields[0][fields[0].index(after: space)...])
        } catch let failure as TokenFailure {
            logger.notice("an access token was refused", metadata: ["reason": "\(failure)"])
            throw HTTPFailure(
                .unauthorized,
                failure == .expired ? "The access token has expired; get a new one." : "The access token is not valid.",
                headers: [.wwwAuthenticate: "Bearer error=\"invalid_token\""])
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.error("the keys for access tokens cannot be fetched", metadata: ["error": "\(error)"])
            throw HTTPFailure(
                .serviceUnavailable, "Access tokens cannot be checked at present; try again.",
                headers: [.retryAfter: "5"])
        }
    }
}
