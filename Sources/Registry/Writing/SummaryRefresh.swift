import ButlerModel
import Database

/// Collection summaries say which dataset types and governor values a collection may hold. They grow when datasets are
/// added and stay when those are removed.
extension RegistryWriter {
    /// Removes from the summaries the dataset types of which collections hold no dataset any more. Governor values
    /// stay; they are harmless.
    ///
    /// Searches get faster by it, and lists of a collection's dataset types honest. Cost: one pass over the memberships
    /// of each dataset type.
    /// - Returns: how many claims were removed.
    /// - Source: repository format reference, section 7.7.
    @discardableResult
    public func refreshCollectionSummaries() throws -> Int {
        try atomically {
            var count = 0
            for stored in snapshot.catalog.datasetTypes.byKey.values.sorted(by: { $0.key < $1.key }) {
                // Claims first and members second, so that what others add meanwhile is not taken for missing.
                let claimed = snapshot.catalog.collections.entries.map(\.key).filter {
                    snapshot.catalog.summaries.datasetTypes(in: $0).contains(stored.key)
                }
                var held: Set<Int64> = []
                for table in [stored.tagsTable, stored.calibsTable].compactMap(\.self) {
                    try connection.query(
                        """
                        SELECT DISTINCT \(column: "collection_id") FROM \(table: table) \
                        WHERE \(column: "dataset_type_id") = \(value: stored.key)
                        """
                    ) { row in held.insert(try row.int(0)) }
                }
                count += try connection.executeMany(
                    """
                    DELETE FROM \(table: "collection_summary_dataset_type") WHERE \
                    \(column: "collection_id") = \(parameter: .int) AND \(column: "dataset_type_id") = \(parameter: .int)
                    """,
                    rows: claimed.filter { !held.contains($0) }.map { [.int($0), .int(stored.key)] })
            }
            if count > 0 { try refresh() }
            return count
        }
    }
}
