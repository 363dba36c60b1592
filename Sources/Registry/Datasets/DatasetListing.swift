import ButlerModel
import Database

/// Listing the datasets of a type.
extension RegistrySnapshot {
    /// Visits the datasets of a type in collections, collection by collection in search order, until `visit` returns
    /// false. Memory is flat in the number of datasets, except with `findFirst` over several collections, where the
    /// data IDs already seen are remembered.
    ///
    /// - Parameters:
    ///   - collections: names and globs.
    ///   - findFirst: report only the first dataset of each data ID.
    ///   - values: values of dimensions that the data IDs must have; only required dimensions of the type.
    public func forEachDataset(
        _ type: DatasetType, in collections: [String], findFirst: Bool, matching values: [String: DataIDValue] = [:],
        limit: Int? = nil, _ visit: (DatasetRef) throws -> Bool
    ) throws {
        let stored = try catalog.datasetTypes.require(type.name)
        let candidates = catalog.collections.flattened(
            try catalog.collections.matching(collections, forFlattening: true)
        ).filter {
            catalog.summaries.mayContain(collection: $0.key, datasetType: stored.key, governorValues: [:])
        }
        var seen: Set<[DataIDValue]>? = findFirst && candidates.count > 1 ? [] : nil
        var remaining = limit ?? .max
        var goesOn = remaining > 0
        for collection in candidates where goesOn {
            try rows(of: stored, in: collection, matching: values) { ref in
                if seen != nil, seen?.insert(Array(ref.dataID.requiredValues)).inserted == false { return true }
                remaining -= 1
                goesOn = try visit(ref) && remaining > 0
                return goesOn
            }
        }
    }

    private func rows(
        of stored: StoredDatasetType, in collection: CollectionCatalog.Entry, matching values: [String: DataIDValue],
        _ visit: (DatasetRef) throws -> Bool
    ) throws {
        let group = stored.type.dimensions
        guard let table = collection.type == .calibration ? stored.calibsTable : stored.tagsTable else { return }
        var conditions: [SQL] = [
            "\(column: "dataset_type_id", of: "m") = \(value: stored.key)",
            "\(column: "collection_id", of: "m") = \(value: collection.key)",
        ]
        for (name, value) in values where group.requiredNames.contains(name) {
            conditions.append("\(column: name, of: "m") = \(value: value.sqlValue)")
        }
        let statement: SQL = """
            SELECT \(column: "dataset_id", of: "m"), \(column: "run_id", of: "d")\(group.selection(of: "m")) \
            FROM \(table: table) AS \(alias: "m") \
            JOIN \(table: "dataset") AS \(alias: "d") ON \(column: "id", of: "d") = \(column: "dataset_id", of: "m") \
            WHERE \(SQL.all(conditions)) ORDER BY \(columns: group.requiredNames.isEmpty ? ["dataset_id"] : group.requiredNames, of: "m")
            """
        try connection.visit(statement) { row in
            guard let run = catalog.collections[try row.int(1)] else { return true }
            return try visit(
                DatasetRef(
                    id: DatasetID(try row.uuid(0)), datasetType: stored.type,
                    dataID: DataCoordinate(group: group, values: try group.requiredValues(row, from: 2)),
                    run: run.name))
        }
    }
}
