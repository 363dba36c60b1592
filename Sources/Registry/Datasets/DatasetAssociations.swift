import AstroTime
import ButlerModel
import Database

/// A dataset's membership in a TAGGED collection, or one of its validity ranges in a CALIBRATION collection.
public struct DatasetAssociation: Sendable, Hashable {
    public let id: DatasetID
    public let collection: String
    /// `nil` in a TAGGED collection.
    public let timespan: Timespan?
}

extension RegistrySnapshot {
    /// How these datasets of one type belong to TAGGED and CALIBRATION collections, in no particular order.
    ///
    /// Cost: one pass over the members of these collections, however few `ids` there are.
    /// - Parameters:
    ///   - collections: names; RUN and CHAINED collections among them are passed over.
    ///   - body: gets one after the other.
    /// - Throws: `ButlerError` of kind `missingCollection`, `missingDatasetType`.
    public func visitAssociations(
        of datasetType: String, ids: Set<DatasetID>, in collections: [String], _ body: (DatasetAssociation) throws -> Void
    ) throws {
        let stored = try catalog.datasetTypes.require(datasetType)
        let entries = try collections.map { try catalog.collections.require($0) }

        func visit(_ table: TableSpecification, _ members: [CollectionCatalog.Entry], hasTimespan: Bool) throws {
            guard !members.isEmpty else { return }
            let names = Dictionary(members.map { ($0.key, $0.name) }, uniquingKeysWith: { first, _ in first })
            let wanted = ["dataset_id", "collection_id"] + (hasTimespan ? ["timespan"] : [])
            let columns = wanted.compactMap { name in table.columns.first { $0.name == name } }
            let filter = SQL.isIn("\(column: "collection_id")", names.keys.sorted().map { .int($0) })
            try connection.query(
                """
                SELECT \(SQL.results(columns)) FROM \(table: table) \
                WHERE \(column: "dataset_type_id") = \(value: stored.key) AND \(filter)
                """
            ) { row in
                let id = DatasetID(try row.uuid(0))
                guard ids.contains(id), let name = names[try row.int(1)] else { return }
                try body(
                    DatasetAssociation(
                        id: id, collection: name, timespan: hasTimespan ? try row.timespan(2) : nil))
            }
        }
        try visit(
            schema.tags(stored.tagsTable, stored.type.dimensions), entries.filter { $0.type == .tagged },
            hasTimespan: false)
        if let calibs = stored.calibsTable {
            try visit(
                schema.calibs(calibs, stored.type.dimensions), entries.filter { $0.type == .calibration },
                hasTimespan: true)
        }
    }
}
