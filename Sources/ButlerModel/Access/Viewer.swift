/// On whose behalf a repository is read.
public enum Viewer: Hashable, Sendable {
    /// Somebody who sees everything: an operator, or a user of a server that does not check identities.
    case unrestricted
    /// A user, by name and groups; nobody in particular without a name.
    case person(user: String?, groups: Set<String>)

    /// Sees what everyone sees.
    public static let stranger = Viewer.person(user: nil, groups: [])
}

/// To whom something is shown.
public enum Audience: Hashable, Sendable {
    case everyone
    /// The members of at least one of these groups.
    case groups(Set<String>)

    public func includes(anyOf groups: Set<String>) -> Bool {
        switch self {
        case .everyone: true
        case .groups(let wanted): !wanted.isDisjoint(with: groups)
        }
    }
}

/// Whose a collection is, which its name tells.
public enum CollectionOwner: Hashable, Sendable {
    case user(String)
    case group(String)

    /// `nil` for a collection that is nobody's own.
    public init?(collection name: String) {
        let parts = name.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count > 1 else { return nil }
        switch parts[0] {
        case "u": self = .user(String(parts[1]))
        case "g": self = .group(String(parts[1]))
        default: return nil
        }
    }
}
