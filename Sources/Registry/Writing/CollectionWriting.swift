import ButlerModel
import Database

/// Changes to collections: the one writer of `collection` and `run`.
extension RegistryWriter {
    /// Makes sure that a collection exists.
    ///
    /// Any text but the empty one can be a name: slashes, blanks and other scripts have no meaning here.
    /// - Returns: whether it is new. The documentation of one that exists already is not changed.
    /// - Throws: `ButlerError` of kind `collectionType` when one of this name has another type.
    @discardableResult
    public func registerCollection(
        _ name: String, type: CollectionType, documentation: String? = nil
    ) throws -> Bool {
        if let known = snapshot.catalog.collections[name] {
            guard known.type == type else { throw ButlerError.otherType(of: name, is: known.type, not: type) }
            return false
        }
        guard !name.isEmpty else { throw ButlerError(.malformedModel, "A collection needs a name.") }
        do {
            try addCollection(name, type, documentation)
        } catch DatabaseError.constraintViolation(let violation) where violation.kind == .unique {
            // Another client was faster.
            try refresh()
            guard snapshot.catalog.collections[name] != nil else {
                throw DatabaseError.constraintViolation(violation)
            }
            return try registerCollection(name, type: type, documentation: documentation)
        }
        return true
    }

    private func addCollection(_ name: String, _ type: CollectionType, _ documentation: String?) throws {
        try recoverably {
            let key = try connection.insertReturningKey(
                into: schema.collection, columns: ["name", "type", "doc"],
                values: [.text(name), .int(Int64(type.rawValue)), documentation.map { .text($0) } ?? .null])
            if type == .run {
                try connection.execute(SQL.insert(into: schema.run, columns: ["collection_id"], values: [.int(key)]))
            }
            try refresh()
        }
    }

    /// Replaces what a collection's documentation says; `nil` removes it.
    /// - Throws: `ButlerError` of kind `missingCollection`.
    public func setDocumentation(_ documentation: String?, of name: String) throws {
        let collection = try snapshot.catalog.collections.require(name)
        try atomically {
            try connection.execute(
                SQL.update(
                    schema.collection, set: [("doc", documentation.map { .text($0) } ?? .null)],
                    where: "\(column: "collection_id") = \(value: collection.key)"))
            try refresh()
        }
    }

    /// Removes a collection: with it go its links to datasets or members, and of a run the datasets.
    ///
    /// - Parameters:
    ///   - unlinking: whether to remove it from the chains that have it as a member; otherwise those forbid it.
    ///   - withDatasets: whether a run may have datasets. None of them may have files any more.
    /// - Throws: `ButlerError` of kind `missingCollection`, or `orphanedRecord` when chains, datasets or files forbid it.
    public func removeCollection(_ name: String, unlinking: Bool = false, withDatasets: Bool = false) throws {
        let collection = try snapshot.catalog.collections.require(name)
        if !unlinking { try refuseMember(collection) }
        try atomically {
            if collection.type == .run, !withDatasets {
                // Those who are about to make datasets there are waited for.
                try lockRuns([name])
                let count = try datasetCount(in: collection)
                guard count == 0 else {
                    throw ButlerError(
                        .orphanedRecord,
                        "Run '\(name)' has \(count) dataset\(count == 1 ? "" : "s"), which would be removed with it.")
                }
            }
            if unlinking { try unlink(collection) }
            try delete(
                collection, unlinking: unlinking,
                orSay: "Collection '\(name)' has datasets whose files are still recorded; remove those datasets first.")
            try refresh()
        }
    }

    private func refuseMember(_ collection: CollectionCatalog.Entry) throws {
        let parents = snapshot.catalog.collections.parents(of: collection).map(\.name)
        guard !parents.isEmpty else { return }
        throw ButlerError(
            .orphanedRecord,
            "Collection '\(collection.name)' is a member of '\(parents.joined(separator: "', '"))'; remove it from there "
                + "first.")
    }

    /// Removes a collection that no chain has as a member, and with a run its datasets.
    ///
    /// - Parameter unlinking: whether it was taken out of chains before, so that what chain it is in has come meanwhile.
    /// - Throws: `ButlerError` of kind `orphanedRecord` when a chain has it, or, with the given text, when a datastore holds
    ///   one of the datasets; ``DatabaseError/transactionConflict(_:reason:)`` for a chain after `unlinking`.
    func delete(_ collection: CollectionCatalog.Entry, unlinking: Bool, orSay reason: String) throws {
        do {
            try connection.savepoint {
                _ = try connection.execute(
                    "DELETE FROM \(table: schema.collection) WHERE \(column: "collection_id") = \(value: collection.key)")
            }
        } catch DatabaseError.constraintViolation(let violation) where violation.kind == .foreignKey {
            try refresh()
            do {
                try refuseMember(collection)
            } catch where unlinking {
                throw DatabaseError.transactionConflict(
                    databaseName, reason: "collection '\(collection.name)' came into a chain meanwhile")
            }
            throw ButlerError(.orphanedRecord, reason)
        }
    }

    private func datasetCount(in run: CollectionCatalog.Entry) throws -> Int64 {
        try connection.fetchOne(
            "SELECT COUNT(*) FROM \(table: "dataset") WHERE \(column: "run_id") = \(value: run.key)"
        ) { try $0.int(0) } ?? 0
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

    /// The collection of this name and type.
    func require(_ name: String, _ type: CollectionType) throws -> CollectionCatalog.Entry {
        let entry = try snapshot.catalog.collections.require(name)
        guard entry.type == type else {
            throw ButlerError(.collectionType, "Collection '\(name)' is \(entry.type), not \(type).")
        }
        return entry
    }
}
