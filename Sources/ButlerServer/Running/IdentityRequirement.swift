import Logging

/// Keeps a forgotten or mistyped setting from opening repositories that have rules about users.
struct IdentityRequirement {
    let options: ServeOptions
    let logger: Logger

    private var identifiesUsers: Bool { options.gafaelfawrURL != nil || options.tokens != nil }

    /// What the settings say of a repository's users.
    /// - Throws: ``ServeError/noIdentities(label:reason:)``.
    func check(_ repository: ServeOptions.Repository) throws(ServeError) {
        guard !repository.authorizedGroups.contains("*") else { return }
        try check(repository.label, "is for \(repository.authorizedGroups.isEmpty ? "nobody" : "certain groups only")")
    }

    /// What the repository itself says of its viewers.
    func check(_ label: String, _ repository: DirectRepository) async throws {
        guard !identifiesUsers, try await repository.hasVisibilityRules() else { return }
        try check(label, "has rules about who sees which collections or dataset types")
    }

    private func check(_ label: String, _ reason: String) throws(ServeError) {
        guard !identifiesUsers else { return }
        guard options.isOpenOnPurpose else { throw .noIdentities(label: label, reason: reason) }
        logger.warning(
            "identities are not checked, so a repository's rules about users have no effect",
            metadata: ["butler_repo": .string(label), "rule": .string(reason)])
    }
}
