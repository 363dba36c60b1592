import ButlerModel
import Database

/// Rows that follow from others and that searches rely on: what collections may hold, and where records are on the sky.
/// Older software can have left some out, and then finds less than there is.
extension RegistrySnapshot {
    /// A collection that holds datasets of a type without saying so.
    public struct MissingSummary: Sendable, Hashable {
        public let collection: String
        /// The dataset type, or the governor dimension and its value.
        public let subject: String
        let collectionKey: Int64
        let row: Row

        enum Row: Sendable, Hashable {
            case datasetType(Int64)
            case governor(position: Int, DataIDValue)
        }
    }

    /// The names of chains that contain themselves. Cost: none, as collections are known.
    public var circularChains: [String] { catalog.collections.circularChains.map(\.name) }

    /// The summary rows that memberships call for and that are not there. Cost: a scan of all memberships.
    public func missingSummaries() throws -> [MissingSummary] {
        var missing: Set<MissingSummary> = []
        for stored in catalog.datasetTypes.byKey.values.sorted(by: { $0.key < $1.key }) {
            for table in [stored.tagsTable, stored.calibsTable].compactMap({ $0 }) {
                let type: SQL = "\(column: "dataset_type_id", of: "m") = \(value: stored.key)"
                try connection.query(
                    """
                    SELECT DISTINCT \(column: "collection_id", of: "m") FROM \(table: table) AS \(alias: "m") \
                    WHERE \(type) AND NOT EXISTS (SELECT 1 FROM \(table: "collection_summary_dataset_type") AS \
                    \(alias: "s") WHERE \(column: "collection_id", of: "s") = \(column: "collection_id", of: "m") AND \
                    \(column: "dataset_type_id", of: "s") = \(column: "dataset_type_id", of: "m"))
                    """
                ) { row in
                    guard let collection = catalog.collections[try row.int(0)] else { return }
                    missing.insert(
                        MissingSummary(
                            collection: collection.name, subject: stored.type.name, collectionKey: collection.key,
                            row: .datasetType(stored.key)))
                }
                for position in stored.type.dimensions.governors {
                    let governor = universe.elements[position]
                    try connection.query(
                        """
                        SELECT DISTINCT \(column: "collection_id", of: "m"), \(column: governor.name, of: "m") \
                        FROM \(table: table) AS \(alias: "m") WHERE \(type) AND NOT EXISTS (SELECT 1 FROM \
                        \(table: RegistrySchema.summaryTable(governor)) AS \(alias: "s") \
                        WHERE \(column: "collection_id", of: "s") = \(column: "collection_id", of: "m") AND \
                        \(column: governor.name, of: "s") = \(column: governor.name, of: "m"))
                        """
                    ) { row in
                        guard let collection = catalog.collections[try row.int(0)] else { return }
                        let value = DataIDValue.string(try row.text(1))
                        missing.insert(
                            MissingSummary(
                                collection: collection.name, subject: "\(governor.name) \(value.quotedDescription)",
                                collectionKey: collection.key, row: .governor(position: position, value)))
                    }
                }
            }
        }
        return missing.sorted { ($0.collection, $0.subject) < ($1.collection, $1.subject) }
    }

    /// The data IDs, as required values, of at most `limit` records of an element that have a region and are in no
    /// pixel of the common skypix level; none for elements without regions.
    public func unplacedRecords(of element: DimensionElement, limit: Int) throws -> [[String: DataIDValue]] {
        guard element.isSpatial, element.hasOwnTable, schema.governor(of: element) != nil else { return [] }
        let table = schema.elementTable(element)
        let names = element.required.map { universe.elements[$0].name }
        let keys = table.primaryKey
        let overlap = RegistrySchema.overlapTable(element)
        let match = zip(names, keys).map { name, key -> SQL in
            "\(column: name, of: "o") = \(column: key, of: "e")"
        }
        var found: [[String: DataIDValue]] = []
        try connection.query(
            """
            SELECT \(columns: keys, of: "e") FROM \(table: table.name) AS \(alias: "e") \
            WHERE \(column: "region", of: "e") IS NOT NULL AND NOT EXISTS (SELECT 1 FROM \(table: overlap) AS \
            \(alias: "o") WHERE \(SQL.all(match))) LIMIT \(value: limit)
            """
        ) { row in
            var values: [String: DataIDValue] = [:]
            for (index, position) in element.required.enumerated() {
                if case .int? = universe.elements[position].primaryKey?.type {
                    values[names[index]] = .int(try row.int(index))
                } else {
                    values[names[index]] = .string(try row.text(index))
                }
            }
            found.append(values)
        }
        return found
    }
}

extension RegistryWriter {
    /// Adds summary rows that are missing.
    public func addSummaries(_ missing: [RegistrySnapshot.MissingSummary]) throws {
        for summary in missing {
            switch summary.row {
            case .datasetType(let key):
                try connection.execute(
                    SQL.insert(
                        into: schema.collectionSummaryDatasetType, columns: ["collection_id", "dataset_type_id"],
                        values: [.int(summary.collectionKey), .int(key)], onConflict: .ignore))
            case .governor(let position, let value):
                let governor = universe.elements[position]
                try connection.execute(
                    SQL.insert(
                        into: schema.collectionSummary(governor), columns: ["collection_id", governor.name],
                        values: [.int(summary.collectionKey), value.sqlValue], onConflict: .ignore))
            }
        }
        try refresh()
    }

    /// Enters records of an element into the pixels that their regions touch.
    public func placeRecords(of element: DimensionElement, _ dataIDs: [[String: DataIDValue]]) throws {
        var records: [DimensionRecord] = []
        for values in dataIDs {
            try snapshot.records(of: element, matching: values) { record in
                records.append(record)
                return true
            }
        }
        // Records that exist are kept, and their missing pixels added.
        try insert(records, onConflict: .skip)
    }
}
