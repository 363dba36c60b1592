import ButlerModel
import Database
import StructuredData

/// Making the registry of a new repository.
extension Registry {
    /// Creates all tables and writes the attributes that say what they are.
    /// - Parameter obsCore: the configuration of a live ObsCore table, if there is to be one.
    /// - Throws: ``RegistryError/databaseNotEmpty(database:table:)`` when the database holds any table.
    public static func create(
        database: any DatabaseClient, dimensions: DimensionConfiguration, obsCore: ObsCoreConfiguration? = nil
    ) async throws {
        let obsCore = try obsCore.map { try ObsCoreTable($0) }
        let universe = try DimensionUniverse(dimensions)
        var writer = JSONWriter()
        writer.value(dimensions.source)
        let document = writer.text
        try await database.write { connection in
            // Others that make one here at the same time find its tables then, and say so.
            try connection.lock(name: "making of the registry", isExclusive: true)
            try requireEmpty(connection, database.displayName)
            let schema = RegistrySchema(universe: universe)
            for table in schema.staticTables {
                do {
                    try connection.createTable(table)
                } catch DatabaseError.constraintViolation {
                    // A client of another kind, which does not wait for that, has just made it.
                    throw RegistryError.databaseNotEmpty(database: database.displayName, table: table.name)
                }
            }
            if let obsCore { try connection.createObsCore(obsCore) }
            var attributes: [(String, String)] = [(RepositoryAttributes.universeKey, document)]
            for manager in Manager.allCases {
                attributes.append(("config:registry.managers.\(manager.rawValue)", manager.storedClassName))
                attributes.append(
                    ("version:\(manager.storedClassName)", manager.supportedVersions[0].description))
            }
            if let obsCore { attributes += obsCore.attributes }
            try connection.executeMany(
                try SQL.insert(into: schema.attributes, columns: ["name", "value"]),
                rows: attributes.map { [.text($0.0), .text($0.1)] })
        }
    }

    /// Makes the checks of ``create(database:dimensions:obsCore:)`` and changes nothing.
    /// - Parameter database: `nil` for a file that is yet to be made.
    package static func rehearseCreation(
        database: (any DatabaseClient)?, dimensions: DimensionConfiguration, obsCore: ObsCoreConfiguration? = nil
    ) async throws {
        _ = try obsCore.map { try ObsCoreTable($0) }
        _ = try DimensionUniverse(dimensions)
        try await database?.read { connection in try requireEmpty(connection, database?.displayName ?? "") }
    }

    private static func requireEmpty(_ connection: any DatabaseConnection, _ name: String) throws {
        if let table = try connection.tableNames().first {
            throw RegistryError.databaseNotEmpty(database: name, table: table)
        }
    }

    /// Removes the tables, and the schema, of a registry that ``create(database:dimensions:obsCore:)`` has just made.
    package static func remove(
        database: any DatabaseClient, dimensions: DimensionConfiguration, obsCore: ObsCoreConfiguration? = nil
    ) async throws {
        let schema = RegistrySchema(universe: try DimensionUniverse(dimensions))
        try await database.write { connection in
            if let obsCore { try connection.dropTable(obsCore.tableName, temporary: false) }
            for table in schema.staticTables.reversed() { try connection.dropTable(table.name, temporary: false) }
            try connection.dropOwnSchema()
        }
    }
}
