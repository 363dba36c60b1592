import ButlerModel
import Database

/// Registration of dataset types: the one writer of `dataset_type` and of the dimension group tables.
extension RegistryWriter {
    /// Makes sure that a dataset type exists, and the tables that hold its datasets.
    /// - Returns: whether it is new.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when one of this name is defined otherwise, of kind
    ///   `datasetTypeExpression` for components and names of governor dimensions.
    @discardableResult
    public func registerDatasetType(_ type: DatasetType) throws -> Bool {
        try Self.refuseName(of: type, in: universe)
        guard type.dimensions.universe == universe else {
            throw ButlerError(
                .conflictingDefinition, "Dataset type '\(type.name)' is of another universe than the repository.")
        }
        if let known = snapshot.catalog.datasetTypes[type.name] {
            guard known.type == type else { throw ButlerError.otherDefinition(of: known.type) }
            return false
        }
        do {
            try addDatasetType(type)
        } catch DatabaseError.constraintViolation(let violation) where violation.kind == .unique {
            // Another client was faster.
            try refresh()
            guard snapshot.catalog.datasetTypes[type.name] != nil else {
                throw DatabaseError.constraintViolation(violation)
            }
            return try registerDatasetType(type)
        }
        return true
    }

    private func addDatasetType(_ type: DatasetType) throws {
        try recoverably {
            let dimensionsKey = try dimensionsKey(of: type.dimensions)
            let tags = RegistrySchema.tagsTable(dimensionsKey: dimensionsKey)
            try ensureTable(schema.tags(tags, type.dimensions))
            var calibs: String?
            if type.isCalibration {
                let name = RegistrySchema.calibsTable(dimensionsKey: dimensionsKey)
                try ensureTable(schema.calibs(name, type.dimensions))
                calibs = name
            }
            _ = try connection.insertReturningKey(
                into: schema.datasetType,
                columns: [
                    "name", "storage_class", "dimensions_key", "tag_association_table", "calibration_association_table",
                ],
                values: [
                    .text(type.name), .text(type.storageClass), .int(dimensionsKey), .text(tags),
                    calibs.map { .text($0) } ?? .null,
                ])
            try refresh()
        }
    }

    /// Removes the definitions of dataset types. The tables that held their datasets stay.
    ///
    /// - Parameter patterns: names and globs; those that match nothing are passed over.
    /// - Returns: the names of the types that were removed, in the order of names.
    /// - Throws: `ButlerError` of kind `orphanedRecord` when there are datasets of one of them, of kind
    ///   `datasetTypeExpression` for components.
    @discardableResult
    public func removeDatasetTypes(_ patterns: [String]) throws -> [String] {
        let types = try snapshot.catalog.datasetTypes.matching(patterns).found
        try atomically {
            for stored in types {
                do {
                    try connection.savepoint {
                        _ = try connection.execute(
                            "DELETE FROM \(table: "dataset_type") WHERE \(column: "id") = \(value: stored.key)")
                    }
                } catch DatabaseError.constraintViolation(let violation) where violation.kind == .foreignKey {
                    throw ButlerError.hasDatasets(typeName: stored.type.name)
                }
            }
            if !types.isEmpty { try refresh() }
        }
        return types.map(\.type.name)
    }

    private func ensureTable(_ table: TableSpecification) throws {
        // Another client may make it at the same time.
        if try !connection.tableExists(table.name) {
            try connection.createTable(table, temporary: false, ifNotExists: true)
        }
        try connection.verifyColumns(of: table)
    }

    /// The number that stands for a group of dimensions, made if need be. Two numbers must never stand for one
    /// group, so both tables are locked first.
    private func dimensionsKey(of group: DimensionGroup) throws -> Int64 {
        if group.isEmpty { return 0 }
        try connection.lock(["dimension_graph_key", "dimension_graph_definition"])
        var definitions: [Int64: [String]] = [:]
        try connection.query(
            "SELECT \(columns: ["dimension_graph_id", "dimension_name"]) FROM \(table: "dimension_graph_definition")"
        ) { row in definitions[try row.int(0), default: []].append(try row.text(1)) }
        for (key, names) in definitions where try universe.group(names) == group { return key }
        let key = try connection.insertReturningKey(into: schema.dimensionGraphKey, columns: [], values: [])
        try connection.executeMany(
            try SQL.insert(
                into: schema.dimensionGraphDefinition, columns: ["dimension_graph_id", "dimension_name"]),
            rows: group.requiredNames.map { [.int(key), .text($0)] })
        return key
    }
}
