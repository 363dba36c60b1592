import ButlerModel
import Database

/// A violated rule of a table for which there may be another reason than the one that comes to mind: what a row refers to has
/// been removed by another client since it was looked at, or what is removed has been added to.
///
/// A database says only which rule was violated, and PostgreSQL answers nothing more in that transaction. So the look for the
/// reason comes when what failed is undone: where ``RegistryWriter/atomically(_:)`` or the transaction ends.
package struct UnclearViolation: Error {
    /// What to say if there is no other reason.
    let error: any Error
    /// Throws the other reason if that is what happened.
    let look: @Sendable (RegistrySnapshot) throws -> Void

    package init(_ error: any Error, _ look: @escaping @Sendable (RegistrySnapshot) throws -> Void) {
        self.error = error
        self.look = look
    }

    /// What to say, found out in a transaction that can be asked.
    func explained(_ snapshot: RegistrySnapshot) -> any Error {
        do {
            try look(snapshot)
            return error
        } catch { return error }
    }
}

extension RegistryWriter {
    /// Runs `body`, whose rows refer to these collections.
    /// - Throws: ``UnclearViolation`` when a row refers to nothing, which may become `ButlerError` of kind
    ///   `missingCollection`.
    func referring(to collections: [CollectionCatalog.Entry], _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as DatabaseError {
            guard case .constraintViolation(let violation) = error, violation.kind == .foreignKey else { throw error }
            throw UnclearViolation(error) { try $0.requirePresent(collections) }
        }
    }

    /// The database for messages. Removals to which somebody adds meanwhile end with `DatabaseError.transactionConflict`, after
    /// which they may be repeated, as ``Registry/repeating(afterLoss:_:)`` does.
    package var databaseName: String { registry.database.displayName }
}

extension RegistrySnapshot {
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

    /// - Throws: `ButlerError` of kind `conflictingDefinition` for a dataset that is gone, or never was.
    package func requirePresent(_ datasets: [DatasetID]) throws {
        let present = Set(try self.datasets(datasets).map(\.id))
        guard let gone = datasets.first(where: { !present.contains($0) }) else { return }
        throw ButlerError(
            .conflictingDefinition,
            "Dataset \(gone) does not exist; it may have been removed by another client meanwhile: run it again.")
    }

    /// - Throws: `ButlerError` of kind `conflictingDefinition` for a dataset with a dimension value that has no record.
    ///   Cost: the records of all of their data IDs.
    func requireRecords(of refs: [DatasetRef]) throws {
        let memory = RecordMemory()
        for ref in refs {
            do {
                _ = try expand(
                    DataCoordinate(group: ref.dataID.group, values: Array(ref.dataID.requiredValues)), remembering: memory)
            } catch let error as ButlerError {
                throw ButlerError(
                    .conflictingDefinition,
                    "\(error.message) A '\(ref.datasetType.name)' dataset for '\(ref.run)' needs it; it may have been removed "
                        + "by another client meanwhile.")
            }
        }
    }
}
