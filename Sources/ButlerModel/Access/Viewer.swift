import ByteText

/// On whose behalf a repository is read.
public enum Viewer: Hashable, Sendable {
    /// Somebody who sees everything: an operator, or a user of a server that does not check identities.
    case unrestricted
    /// A user, by name and groups; nobody in particular without a name.
    case person(user: ExactName?, groups: Set<ExactName>)

    /// Sees what everyone sees.
    public static let stranger = Viewer.person(user: nil, groups: [])
}

/// To whom something is shown.
public enum Audience: Hashable, Sendable {
    case everyone
    /// The members of at least one of these groups.
    case groups(Set<ExactName>)

    public func includes(anyOf groups: Set<ExactName>) -> Bool {
        switch self {
        case .everyone: true
        case .groups(let wanted): !wanted.isDisjoint(with: groups)
        }
    }
}

/// Whose a collection is, which its name tells.
public enum CollectionOwner: Hashable, Sendable {
    case user(ExactName)
    case group(ExactName)

    /// `nil` for a collection that is nobody's own.
    public init?(collection name: String) {
        // By bytes: a slash with an accent after it is a slash.
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count > 1, parts[0].count == 1 else { return nil }
        let owner = ExactName(String(decoding: parts[1], as: UTF8.self))
        switch parts[0].first {
        case UInt8(ascii: "u"): self = .user(owner)
        case UInt8(ascii: "g"): self = .group(owner)
        default: return nil
        }
    }
}
