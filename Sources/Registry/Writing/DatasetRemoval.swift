import ButlerModel
import ByteText
import Database

/// Removal of datasets, and of runs with all that is in them. Source: repository format reference, section 7.7.
extension RegistryWriter {
    /// Removes datasets and their memberships in collections. Identifiers that do not exist are left out.
    ///
    /// Summaries stay, as they do in Python: they may say too much, never too little.
    /// - Returns: the number of removed datasets.
    /// - Throws: `ButlerError` of kind `orphanedRecord` when a datastore still holds one of them.
    @discardableResult
    public func removeDatasets(_ ids: [DatasetID]) throws -> Int {
        var count = 0
        for chunk in ids.chunked(by: 10_000) {
            do {
                count += try undoing {
                    let filter = SQL.isIn("\(column: "id")", chunk.map { .uuid($0.uuid) })
                    try leaveTags(chunk, filter)
                    return try connection.execute("DELETE FROM \(table: schema.dataset) WHERE \(filter)")
                }
            } catch DatabaseError.constraintViolation {
                throw ButlerError(
                    .orphanedRecord,
                    "One of the datasets is still held by a datastore that this configuration does not name, so it "
                        + "cannot be removed; remove it with a configuration that names all datastores.")
            }
        }
        return count
    }

    /// Takes datasets out of their runs and tags. The database would do it as they go, but one at a time, which takes SQLite
    /// half as long again.
    private func leaveTags(_ ids: [DatasetID], _ filter: SQL) throws {
        let types = snapshot.catalog.datasetTypes.byKey
        var tables = Set(types.values.map(\.tagsTable))
        if tables.count > 1 {
            let keys = try connection.fetchAll(
                "SELECT DISTINCT \(column: "dataset_type_id") FROM \(table: schema.dataset) WHERE \(filter)"
            ) { try $0.int(0) }
            tables = Set(keys.compactMap { types[$0]?.tagsTable })
        }
        let members = SQL.isIn("\(column: "dataset_id")", ids.map { .uuid($0.uuid) })
        // In an order, as others who do the same may wait for the same rows.
        for table in tables.sorted() { try connection.execute("DELETE FROM \(table: table) WHERE \(members)") }
    }

    /// Removes runs with their datasets, which must not be in any datastore.
    ///
    /// - Parameter unlinksFromChains: whether they are taken out of the chains that they are in.
    /// - Throws: `ButlerError` of kind `missingCollection`; of kind `collectionType` for other collections than runs;
    ///   of kind `orphanedRecord` for runs that chains hold, and datasets that datastores hold;
    ///   `DatabaseError.transactionConflict` for a run that another client puts into a chain meanwhile.
    public func removeRuns(_ names: [String], unlinksFromChains: Bool) throws {
        let runs = try self.runs(names, unlinksFromChains: unlinksFromChains)
        for run in runs {
            try unlink(run)
            try delete(
                run, unlinking: true,
                orSay: "A datastore that this configuration does not name still holds datasets of run '\(run.name)'; "
                    + "remove it with a configuration that names all datastores.")
        }
        try refresh()
    }

    /// Waits for those who make datasets in runs, and keeps others from doing so until the transaction ends.
    public func lockRuns(_ names: [String]) throws {
        let keys = try names.map { SQLValue.int(try snapshot.catalog.collections.require($0).key) }
        let filter = SQL.isIn("\(column: "collection_id")", keys)
        try connection.lockRows("SELECT \(column: "collection_id") FROM \(table: "run") WHERE \(filter)", isShared: false)
    }

    /// Throws what ``removeRuns(_:unlinksFromChains:)`` would, before anything is changed.
    public func checkRemoval(ofRuns names: [String], unlinksFromChains: Bool) throws {
        _ = try runs(names, unlinksFromChains: unlinksFromChains)
    }

    private func runs(_ names: [String], unlinksFromChains: Bool) throws -> [CollectionCatalog.Entry] {
        let collections = snapshot.catalog.collections
        return try names.map { name in
            let run = try collections.require(name)
            guard run.type == .run else {
                throw ButlerError(.collectionType, "Collection '\(name)' is \(run.type), not a run.")
            }
            let parents = collections.parents(of: run).map(\.name)
            guard unlinksFromChains || parents.isEmpty else {
                throw ButlerError(
                    .orphanedRecord,
                    "Run '\(name)' is a member of '\(parents.sortedByBytes().joined(separator: "', '"))'; take it out of there "
                        + "first, or ask for that too.")
            }
            return run
        }
    }
}

extension RegistrySnapshot {
    /// Calls `body` with the identifiers of all datasets in runs, in pieces of at most `size`.
    /// - Throws: `ButlerError` of kind `missingCollection`; what `body` throws.
    public func datasetIDs(inRuns names: [String], piecesOf size: Int, _ body: ([DatasetID]) throws -> Void) throws {
        let keys = try names.map { SQLValue.int(try catalog.collections.require($0).key) }
        var piece: [DatasetID] = []
        try connection.query(
            "SELECT \(column: "id") FROM \(table: "dataset") WHERE \(SQL.isIn("\(column: "run_id")", keys))"
        ) { row in
            piece.append(DatasetID(try row.uuid(0)))
            if piece.count == size {
                try body(piece)
                piece.removeAll(keepingCapacity: true)
            }
        }
        if !piece.isEmpty { try body(piece) }
    }

    /// The number of datasets of each type in runs, by name of the type.
    public func datasetCounts(inRuns names: [String]) throws -> [String: Int] {
        let keys = try names.map { SQLValue.int(try catalog.collections.require($0).key) }
        var counts: [String: Int] = [:]
        try connection.query(
            """
            SELECT \(column: "dataset_type_id"), COUNT(*) FROM \(table: "dataset") \
            WHERE \(SQL.isIn("\(column: "run_id")", keys)) GROUP BY \(column: "dataset_type_id")
            """
        ) { row in
            guard let type = catalog.datasetTypes.byKey[try row.int(0)] else { return }
            counts[type.type.name] = Int(try row.int(1))
        }
        return counts
    }
}
