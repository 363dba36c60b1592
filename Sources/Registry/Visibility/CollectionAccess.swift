import ButlerModel
import ByteText
import Database

/// Who may read which collections of a repository that has rules for that: see `docs/access.md`.
package struct CollectionAccess: Sendable {
    /// By collection key, beyond what owners may.
    private var grants: [Int64: Audience] = [:]

    package mutating func add(_ audience: Audience, collection: Int64) {
        switch (grants[collection], audience) {
        case (.groups(let known), .groups(let more)): grants[collection] = .groups(known.union(more))
        case (.everyone, _): break
        default: grants[collection] = audience
        }
    }

    package func grant(for collection: Int64) -> Audience? { grants[collection] }

    func allows(_ entry: CollectionCatalog.Entry, user: ExactName?, groups: Set<ExactName>) -> Bool {
        switch CollectionOwner(collection: entry.name) {
        case nil: return true
        case .user(let owner): if owner == user, !owner.text.isEmpty { return true }
        case .group(let owner): if groups.contains(owner), !owner.text.isEmpty { return true }
        }
        return grants[entry.key]?.includes(anyOf: groups) ?? false
    }

    /// The groups that any rule mentions.
    var groups: Set<ExactName> {
        grants.values.reduce(into: []) { all, audience in
            if case .groups(let names) = audience { all.formUnion(names) }
        }
    }
}

/// The table of grants. The Python software knows nothing of it. Its presence switches the rules on.
extension RegistrySchema {
    static let everyone = "*"

    var collectionAccess: TableSpecification {
        var table = TableBuilder("steward_collection_access")
        table.key("collection_id", .int)
        table.key("group_name", .text)
        // Grants end with their collection, so that a later one of the same name does not inherit them.
        table.reference("collection", ["collection_id"], ["collection_id"], cascades: true)
        return table.table
    }
}

extension CatalogReader {
    /// `nil` when the repository has no rules.
    func collectionAccess() throws -> CollectionAccess? {
        let table = "steward_collection_access"
        guard try connection.tableExists(table) else { return nil }
        var access = CollectionAccess()
        try connection.query("SELECT \(columns: ["collection_id", "group_name"]) FROM \(table: table)") { row in
            let group = try row.text(1)
            access.add(group == RegistrySchema.everyone ? .everyone : .groups([ExactName(group)]), collection: try row.int(0))
        }
        return access
    }
}
