import ButlerModel
import Database

/// Changes to the rules of who may read which collections: the one writer of `steward_collection_access`.
extension RegistryWriter {
    public var hasCollectionAccess: Bool { snapshot.catalog.access != nil }

    /// Switches the rules on. Does nothing when they are.
    public func enableCollectionAccess() throws {
        try connection.createTable(schema.collectionAccess, temporary: false, ifNotExists: true)
        try refresh()
    }

    /// Switches the rules off and forgets all grants.
    public func disableCollectionAccess() throws {
        guard hasCollectionAccess else { return }
        try connection.dropTable(schema.collectionAccess.name, temporary: false)
        try refresh()
    }

    /// Lets an audience read collections.
    /// - Throws: `ButlerError` of kind `missingCollection`.
    public func grant(_ audience: Audience, on collections: [String]) throws {
        let entries = try collections.map { try snapshot.catalog.collections.require($0) }
        let rows = entries.flatMap { entry in
            Self.names(of: audience).map { [SQLValue.int(entry.key), .text($0)] }
        }
        try atomically {
            try referring(to: entries) {
                try connection.executeMany(try .insert(into: schema.collectionAccess, onConflict: .ignore), rows: rows)
            }
        }
        try refresh()
    }

    /// Takes back what was granted to this audience; owners keep what they have by name.
    /// - Returns: the number of grants that there were.
    @discardableResult
    public func revoke(_ audience: Audience, on collections: [String]) throws -> Int {
        var count = 0
        for name in collections {
            let key = try snapshot.catalog.collections.require(name).key
            for group in Self.names(of: audience) {
                count += try connection.execute(
                    """
                    DELETE FROM \(table: schema.collectionAccess.name) WHERE \(column: "collection_id") = \(value: key) \
                    AND \(column: "group_name") = \(value: group)
                    """)
            }
        }
        try refresh()
        return count
    }

    private static func names(of audience: Audience) -> [String] {
        switch audience {
        case .everyone: [RegistrySchema.everyone]
        case .groups(let names): names.sorted().map(\.text)
        }
    }
}

extension RegistrySnapshot {
    /// Who may read a collection beyond its owner; `nil` for nobody.
    public func grant(on collection: String) throws -> Audience? {
        let entry = try catalog.collections.require(collection)
        return catalog.access?.grant(for: entry.key)
    }

    public var hasCollectionAccess: Bool { catalog.access != nil }
}
