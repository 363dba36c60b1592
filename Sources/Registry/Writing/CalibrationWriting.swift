import AstroTime
import ButlerModel
import Database

/// Validity ranges of datasets in CALIBRATION collections: the one writer of the calibs tables.
/// Source: repository format reference, section 7.6.
extension RegistryWriter {
    /// Gives calibration datasets a validity range in a CALIBRATION collection.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when the range of another dataset of the same type and
    ///   data ID overlaps, there or among `refs`, or a dataset does not exist; of kind `datasetTypeExpression` for
    ///   types that are no calibrations; `missingCollection` or `collectionType` for a bad collection.
    public func certify(_ refs: [DatasetRef], in name: String, timespan: Timespan) throws {
        let collection = try require(name, .calibration)
        guard !refs.isEmpty else { return }
        try atomically {
            var isNews = false
            for (stored, members) in try byType(refs) {
                let calibs = try calibsTable(of: stored)
                try DatasetRef.refuseRepeated(members, timespan)
                try conflictsAsDefinitions(of: stored, in: collection, members) {
                    if try summarize(stored, members, in: collection) { isNews = true }
                    try connection.lock([calibs])
                    for member in members { try snapshot.refuseOverlap(stored, member, collection, timespan) }
                    let table = schema.calibs(calibs, stored.type.dimensions)
                    try connection.executeMany(
                        try SQL.insert(into: table, columns: membershipColumns(stored) + ["timespan"]),
                        rows: members.map { membership(stored, $0, collection) + [.timespan(timespan)] })
                }
            }
            if isNews { try refresh() }
        }
    }

    /// Clears a time in a CALIBRATION collection: datasets of the type that are valid during it are valid outside it
    /// only, which leaves up to two ranges of each, or none.
    ///
    /// - Parameter dataIDs: those to clear; `nil` for all.
    /// - Returns: how many validity ranges were cut or removed.
    /// - Throws: `ButlerError` of kind `datasetTypeExpression` for types that are no calibrations; `missingCollection`,
    ///   `collectionType` or `missingDatasetType`.
    @discardableResult
    public func decertify(
        _ datasetType: String, in name: String, timespan: Timespan, dataIDs: [DataCoordinate]? = nil
    ) throws -> Int {
        let collection = try require(name, .calibration)
        let stored = try snapshot.catalog.datasetTypes.require(datasetType)
        let calibs = try calibsTable(of: stored)
        if let dataIDs {
            guard !dataIDs.isEmpty else { return 0 }
            for dataID in dataIDs where dataID.group != stored.type.dimensions {
                throw ButlerError(
                    .dimensionName,
                    "Data ID \(dataID) does not have the dimensions \(stored.type.dimensions) of '\(datasetType)'.")
            }
        }
        return try atomically {
            try connection.lock([calibs])
            let ranges = try ranges(of: stored, calibs, in: collection, during: timespan, dataIDs)
            try connection.executeMany(
                "DELETE FROM \(table: calibs) WHERE \(column: "id") = \(parameter: .int)",
                rows: ranges.map { [.int($0.key)] })
            let table = schema.calibs(calibs, stored.type.dimensions)
            try connection.executeMany(
                try SQL.insert(into: table, columns: membershipColumns(stored) + ["timespan"]),
                rows: ranges.flatMap { range in
                    range.timespan.subtracting(timespan).map { rest in
                        [.int(stored.key), range.dataset, .int(collection.key)] + range.dataID + [.timespan(rest)]
                    }
                })
            return ranges.count
        }
    }

    // MARK: Parts

    private struct Range {
        let key: Int64
        let dataset: SQLValue
        let timespan: Timespan
        let dataID: [SQLValue]
    }

    private func ranges(
        of stored: StoredDatasetType, _ calibs: String, in collection: CollectionCatalog.Entry,
        during timespan: Timespan, _ dataIDs: [DataCoordinate]?
    ) throws -> [Range] {
        let group = stored.type.dimensions
        var tests = stored.validities(in: collection, overlapping: timespan)
        if let dataIDs, !group.isEmpty {
            tests.append(
                SQL.isIn(
                    group.requiredNames.map { "\(column: $0, of: "m")" },
                    rows: Set(dataIDs).map { $0.requiredValues.map(\.sqlValue) }))
        }
        return try connection.fetchAll(
            """
            SELECT \(columns: ["id", "dataset_id"], of: "m"), \(result: .column(of: "m"))\(group.selection(of: "m")) \
            FROM \(table: calibs) AS \(alias: "m") WHERE \(SQL.all(tests)) ORDER BY \(column: "id", of: "m")
            """
        ) { row in
            guard let span = try row.timespan(2) else {
                throw RegistryError.corruptValue(table: calibs, column: "timespan", reason: "it is NULL")
            }
            return Range(
                key: try row.int(0), dataset: .uuid(try row.uuid(1)), timespan: span,
                dataID: try group.requiredValues(row, from: 3).map(\.sqlValue))
        }
    }

    private func calibsTable(of stored: StoredDatasetType) throws -> String {
        guard let calibs = stored.calibsTable else { throw ButlerError.noCalibration(stored.type.name) }
        return calibs
    }
}

extension RegistrySnapshot {
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when a dataset of the type and data ID is valid there during
    ///   a part of the time.
    func refuseOverlap(
        _ stored: StoredDatasetType, _ ref: DatasetRef, _ collection: CollectionCatalog.Entry, _ timespan: Timespan
    ) throws {
        guard let calibs = stored.calibsTable else { throw ButlerError.noCalibration(stored.type.name) }
        var tests = stored.validities(in: collection, overlapping: timespan)
        for (name, value) in zip(stored.type.dimensions.requiredNames, ref.dataID.requiredValues) {
            tests.append("\(column: name, of: "m") = \(value: value.sqlValue)")
        }
        let clash = try connection.fetchOne(
            "SELECT \(column: "dataset_id", of: "m") FROM \(table: calibs) AS \(alias: "m") WHERE \(SQL.all(tests))"
        ) { DatasetID(try $0.uuid(0)) }
        guard let clash else { return }
        throw ButlerError(
            .conflictingDefinition,
            "Dataset \(clash) of type '\(stored.type.name)' for \(ref.dataID) is certified already in "
                + "'\(collection.name)' for a time that overlaps \(timespan); decertify it first.")
    }
}

extension StoredDatasetType {
    /// Rows of the type in the collection whose range overlaps.
    fileprivate func validities(in collection: CollectionCatalog.Entry, overlapping timespan: Timespan) -> [SQL] {
        [
            "\(column: "dataset_type_id", of: "m") = \(value: key)",
            "\(column: "collection_id", of: "m") = \(value: collection.key)",
            TimespanExpression.column(of: "m").overlaps(.literal(timespan)),
        ]
    }
}
