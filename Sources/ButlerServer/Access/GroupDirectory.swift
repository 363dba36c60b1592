public import ButlerModel
import ByteText

/// A user whom the ingress has identified, with the token that the ingress had made out for this server.
public struct DelegatedIdentity: Sendable, Hashable {
    public let user: String
    public let token: String

    public init(user: String, token: String) {
        self.user = user
        self.token = token
    }
}

/// Knows the groups of users.
public protocol GroupDirectory: Sendable {
    /// - Throws: ``GroupLookupError``.
    func groups(of identity: DelegatedIdentity) async throws -> Set<ExactName>
}

/// Why the groups of a user are not known. The texts are for logs: they name hosts.
public enum GroupLookupError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The token is not accepted, or is another user's.
    case refused(String)
    /// No usable answer came.
    case unavailable(String)

    public var description: String {
        switch self {
        case .refused(let reason): "the group look-up was refused: \(reason)"
        case .unavailable(let reason): "the group look-up failed: \(reason)"
        }
    }
}
