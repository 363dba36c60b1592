import ButlerModel
import Database

/// Reads the small tables of a registry.
struct CatalogReader {
    let connection: any DatabaseConnection
    let universe: DimensionUniverse

    func read() throws -> Catalog {
        Catalog(
            collections: try collections(), datasetTypes: try datasetTypes(), summaries: try summaries(),
            access: try collectionAccess())
    }

    private func collections() throws -> CollectionCatalog {
        var catalog = CollectionCatalog()
        try connection.query(
            """
            SELECT \(columns: ["collection_id", "name", "type", "doc"]) FROM \(table: "collection") \
            ORDER BY \(column: "collection_id")
            """
        ) { row in
            let rawType = try row.int(2)
            guard let type = CollectionType(rawValue: Int(rawType)) else {
                throw RegistryError.corruptValue(
                    table: "collection", column: "type", reason: "\(rawType) is no type of collection")
            }
            catalog.add(
                .init(
                    key: try row.int(0), name: try row.text(1), type: type, documentation: try row.optionalText(3)))
        }
        try connection.query(
            """
            SELECT \(columns: ["parent", "child"]) FROM \(table: "collection_chain") \
            ORDER BY \(columns: ["parent", "position"])
            """
        ) { row in catalog.addLink(parent: try row.int(0), child: try row.int(1)) }
        return catalog
    }

    private func datasetTypes() throws -> DatasetTypeCatalog {
        var definitions: [Int64: [String]] = [:]
        try connection.query(
            "SELECT \(columns: ["dimension_graph_id", "dimension_name"]) FROM \(table: "dimension_graph_definition")"
        ) { row in definitions[try row.int(0), default: []].append(try row.text(1)) }
        var catalog = DatasetTypeCatalog()
        let columns = [
            "id", "name", "storage_class", "dimensions_key", "tag_association_table", "calibration_association_table",
        ]
        try connection.query(
            "SELECT \(columns: columns) FROM \(table: "dataset_type") ORDER BY \(column: "id")"
        ) { row in
            let name = try row.text(1)
            let key = try row.int(3)
            guard key == 0 || definitions[key] != nil else {
                throw RegistryError.corruptValue(
                    table: "dataset_type", column: "dimensions_key",
                    reason: "dataset type '\(name)' has the undefined dimensions key \(key)")
            }
            let calibs = try row.optionalText(5)
            let type = try DatasetType(
                name: name, dimensions: universe.group(definitions[key] ?? []), storageClass: try row.text(2),
                isCalibration: calibs != nil)
            catalog.add(
                StoredDatasetType(key: try row.int(0), type: type, tagsTable: try row.text(4), calibsTable: calibs))
        }
        return catalog
    }

    private func summaries() throws -> SummaryCatalog {
        var catalog = SummaryCatalog()
        try connection.query(
            "SELECT \(columns: ["collection_id", "dataset_type_id"]) FROM \(table: "collection_summary_dataset_type")"
        ) { row in catalog.add(collection: try row.int(0), datasetType: try row.int(1)) }
        for position in universe.governors {
            let governor = universe.elements[position]
            let table = RegistrySchema.summaryTable(governor)
            try connection.query(
                "SELECT \(columns: ["collection_id", governor.name]) FROM \(table: table)"
            ) { row in catalog.add(collection: try row.int(0), governor: position, value: try row.text(1)) }
        }
        return catalog
    }
}
