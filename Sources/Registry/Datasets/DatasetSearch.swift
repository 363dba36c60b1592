import AstroTime
import ButlerModel
import Database

/// Finding one dataset by type and data ID. Source: repository format reference, section 7.4.
extension RegistrySnapshot {
    /// The dataset of this type and data ID in the first of the collections that has one.
    ///
    /// - Parameters:
    ///   - loose: values of dimensions, and conditions on their records.
    ///   - defaults: values of governor dimensions to use where the data ID has none.
    ///   - collections: names and globs, in search order.
    ///   - time: which validity ranges count, for calibration types.
    /// - Returns: the dataset with a full data ID, or `nil`.
    /// - Throws: `ButlerError` of kind `calibrationLookup` when several validity ranges of one collection match;
    ///   others for bad collections and data IDs.
    public func findDataset(
        _ type: DatasetType, dataID loose: [String: DataIDValue], defaults: [String: DataIDValue] = [:],
        collections: [String], time: CalibrationTime
    ) throws -> DatasetRef? {
        let stored = try catalog.datasetTypes.require(type.name)
        let values = try rewrite(loose, for: type, defaults: defaults)
        let dataID = try DataCoordinate.standardize(
            values, group: type.dimensions, universe: universe, defaults: defaults)
        let ranges = try validity(time, type: type, values: values, defaults: defaults)
        let candidates = try searchOrder(stored, dataID, collections, ranges)
        guard !candidates.isEmpty else { return nil }

        var matches = try tagged(stored, dataID, candidates.filter { $0.type != .calibration })
        if let ranges {
            let calibrations = candidates.filter { $0.type == .calibration }
            matches += try certified(stored, dataID, calibrations, overlapping: ranges)
        }
        // Of datasets in runs that the viewer may not see, not even the number counts.
        matches.removeAll { catalog.collections[$0.run] == nil }
        for collection in candidates {
            let here = matches.filter { $0.collection == collection.key }
            guard let match = here.first else { continue }
            guard here.count == 1 else {
                throw ButlerError(
                    .calibrationLookup,
                    "Ambiguous calibration validity range match: \(here.count) datasets of type '\(type.name)' for "
                        + "\(dataID) in collection '\(collection.name)'; narrow the timespan.")
            }
            guard let run = catalog.collections[match.run] else { continue }
            // Implied values are those of the database, whatever the caller believed.
            let key = DataCoordinate(group: dataID.group, values: Array(dataID.requiredValues))
            return DatasetRef(id: match.id, datasetType: type, dataID: try fill(key), run: run.name)
        }
        return nil
    }

    typealias Match = (id: DatasetID, collection: Int64, run: Int64)

    /// The timespan that validity ranges must overlap; `nil` when CALIBRATION collections are out of the search.
    private func validity(
        _ time: CalibrationTime, type: DatasetType, values: [String: DataIDValue], defaults: [String: DataIDValue]
    ) throws -> Timespan? {
        guard type.isCalibration else { return nil }
        switch time {
        case .none: return nil
        case .any: return .unbounded
        case .during(let span): return span
        case .ofDataID:
            let wide = try universe.group(values.keys)
            guard !wide.temporalElements.isEmpty else { return .unbounded }
            let full = try DataCoordinate.standardize(values, group: wide, universe: universe, defaults: defaults)
            return try expand(full).timespan ?? .unbounded
        }
    }

    /// The collections that can hold the dataset, in search order.
    private func searchOrder(
        _ stored: StoredDatasetType, _ dataID: DataCoordinate, _ patterns: [String], _ ranges: Timespan?
    ) throws -> [CollectionCatalog.Entry] {
        var governors: [Int: String] = [:]
        for position in dataID.group.governors { governors[position] = dataID[position]?.stringValue }
        return catalog.collections.flattened(try catalog.collections.matching(patterns, forFlattening: true)).filter {
            entry in
            (entry.type != .calibration || ranges != nil)
                && catalog.summaries.mayContain(
                    collection: entry.key, datasetType: stored.key, governorValues: governors)
        }
    }

    private func tagged(
        _ stored: StoredDatasetType, _ dataID: DataCoordinate, _ collections: [CollectionCatalog.Entry]
    ) throws -> [Match] {
        try matches(stored.tagsTable, stored, dataID, collections, extra: [])
    }

    private func certified(
        _ stored: StoredDatasetType, _ dataID: DataCoordinate, _ collections: [CollectionCatalog.Entry],
        overlapping span: Timespan
    ) throws -> [Match] {
        guard let table = stored.calibsTable else { return [] }
        // An unbounded time is no condition at all, so that even empty ranges are found, as upstream does.
        let overlap =
            span.isUnbounded ? [] : [TimespanExpression.column(of: "m").overlaps(TimespanExpression.literal(span))]
        return try matches(table, stored, dataID, collections, extra: overlap)
    }

    func matches(
        _ table: String, _ stored: StoredDatasetType, _ dataID: DataCoordinate,
        _ collections: [CollectionCatalog.Entry], extra: [SQL]
    ) throws -> [Match] {
        guard !collections.isEmpty else { return [] }
        var conditions: [SQL] = [
            "\(column: "dataset_type_id", of: "m") = \(value: stored.key)",
            SQL.isIn("\(column: "collection_id", of: "m")", collections.map { .int($0.key) }),
        ]
        for (name, value) in zip(dataID.group.requiredNames, dataID.requiredValues) {
            conditions.append("\(column: name, of: "m") = \(value: value.sqlValue)")
        }
        let statement: SQL = """
            SELECT \(column: "dataset_id", of: "m"), \(column: "collection_id", of: "m"), \(column: "run_id", of: "d") \
            FROM \(table: table) AS \(alias: "m") \
            JOIN \(table: "dataset") AS \(alias: "d") ON \(column: "id", of: "d") = \(column: "dataset_id", of: "m") \
            WHERE \(SQL.all(conditions + extra))
            """
        return try connection.fetchAll(statement) { row in
            (DatasetID(try row.uuid(0)), try row.int(1), try row.int(2))
        }
    }
}
