import ButlerModel
import Database

/// What other clients have removed between a look at it and a row that refers to it. Databases say only which rule of which
/// table was violated; whether this is the reason is found out by another look.
extension RegistryWriter {
    /// Runs `body`, whose rows refer to these collections.
    /// - Throws: `ButlerError` of kind `missingCollection` when a row refers to nothing, and one of them is gone; else what
    ///   `body` throws.
    func referring<T>(to collections: [CollectionCatalog.Entry], _ body: () throws -> T) throws -> T {
        do {
            return try connection.keepingUsable(body)
        } catch DatabaseError.constraintViolation(let violation) where violation.kind == .foreignKey {
            try requirePresent(collections)
            throw DatabaseError.constraintViolation(violation)
        }
    }

    /// - Throws: `ButlerError` of kind `missingCollection` for one that is gone.
    func requirePresent(_ collections: [CollectionCatalog.Entry]) throws {
        let present = Set(
            try connection.fetchAll(
                """
                SELECT \(column: "collection_id") FROM \(table: "collection") \
                WHERE \(SQL.isIn("\(column: "collection_id")", collections.map { .int($0.key) }))
                """
            ) { try $0.int(0) })
        guard let gone = collections.first(where: { !present.contains($0.key) }) else { return }
        throw ButlerError(.missingCollection, "Collection '\(gone.name)' was removed by another client meanwhile.")
    }

    /// - Throws: `ButlerError` of kind `missingDatasetType` when it is gone.
    func requirePresent(_ stored: StoredDatasetType) throws {
        let isPresent = try connection.fetchOne(
            "SELECT 1 FROM \(table: "dataset_type") WHERE \(column: "id") = \(value: stored.key)"
        ) { _ in true }
        guard isPresent == nil else { return }
        throw ButlerError(
            .missingDatasetType, "Dataset type '\(stored.type.name)' was removed by another client meanwhile.")
    }

    /// - Throws: `ButlerError` of kind `conflictingDefinition` for a dataset that is gone.
    package func requirePresent(_ datasets: [DatasetID]) throws {
        let present = Set(try snapshot.datasets(datasets).map(\.id))
        guard let gone = datasets.first(where: { !present.contains($0) }) else { return }
        throw ButlerError(
            .conflictingDefinition,
            "Dataset \(gone) was removed by another client meanwhile, so it cannot get files; run it again.")
    }

    /// The error of a removal that was undone because somebody has added to what it removes. It may be repeated, which
    /// ``Registry/repeating(afterLoss:_:)`` does.
    package func inUse(_ reason: String) -> DatabaseError {
        .transactionConflict(registry.database.displayName, reason: reason)
    }
}
