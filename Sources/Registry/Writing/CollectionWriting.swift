import ButlerModel
import Database

/// Changes to collections: the one writer of `collection`, `run` and `collection_chain`.
extension RegistryWriter {
    /// Makes sure that a collection exists.
    /// - Returns: whether it is new.
    /// - Throws: `ButlerError` of kind `collectionType` when one of this name has another type.
    @discardableResult
    public func registerCollection(
        _ name: String, type: CollectionType, documentation: String? = nil
    ) throws -> Bool {
        if let known = snapshot.catalog.collections[name] {
            guard known.type == type else {
                throw ButlerError(
                    .collectionType, "Collection '\(name)' exists already, as \(known.type), not \(type).")
            }
            return false
        }
        guard !name.isEmpty else { throw ButlerError(.malformedModel, "A collection needs a name.") }
        let key = try connection.insertReturningKey(
            into: schema.collection, columns: ["name", "type", "doc"],
            values: [.text(name), .int(Int64(type.rawValue)), documentation.map { .text($0) } ?? .null])
        if type == .run {
            try connection.execute(
                SQL.insert(into: schema.run, columns: ["collection_id"], values: [.int(key)]))
        }
        try refresh()
        return true
    }

    /// Gives a chain these members, in search order, in place of those it has.
    /// - Throws: `ButlerError` of kind `missingCollection`, `collectionType` when `name` is no chain, or
    ///   `collectionCycle` when the chain would contain itself.
    public func setChain(_ name: String, children: [String]) throws {
        let collections = snapshot.catalog.collections
        let parent = try collections.require(name)
        guard parent.type == .chained else {
            throw ButlerError(.collectionType, "Collection '\(name)' is \(parent.type), not a chain.")
        }
        var members: [CollectionCatalog.Entry] = []
        for child in children { members.append(try collections.require(child)) }
        guard !collections.wouldCycle(parent: parent, children: members) else {
            throw ButlerError(
                .collectionCycle,
                "The chain '\(name)' would contain itself through '\(children.joined(separator: "', '"))'.")
        }
        try connection.execute(
            "DELETE FROM \(table: "collection_chain") WHERE \(column: "parent") = \(value: parent.key)")
        let rows = members.enumerated().map { position, member -> [SQLValue] in
            [.int(parent.key), .int(Int64(position)), .int(member.key)]
        }
        try connection.executeMany(
            try SQL.insert(into: schema.collectionChain, columns: ["parent", "position", "child"]), rows: rows)
        try refresh()
    }

    /// The run of this name.
    func requireRun(_ name: String) throws -> CollectionCatalog.Entry {
        let entry = try snapshot.catalog.collections.require(name)
        guard entry.type == .run else {
            throw ButlerError(
                .collectionType, "Collection '\(name)' is \(entry.type), not a run; datasets live in runs.")
        }
        return entry
    }
}
