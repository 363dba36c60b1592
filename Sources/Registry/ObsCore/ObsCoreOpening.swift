import ButlerModel
import Database
import StructuredData

/// The live ObsCore table in a repository's attributes. Source: VO services reference, section 1.
extension ObsCoreTable {
    /// The table of a repository; `nil` when its attributes hold no configuration, because then there is no table.
    /// - Throws: ``RegistryError`` when this code cannot keep the table current.
    static func stored(
        _ attributes: [String: String], universe: DimensionUniverse, database: any DatabaseClient
    ) throws(RegistryError) -> ObsCoreTable? {
        let stored = attributes["config:registry.managers.obscore"] ?? ""
        guard stored == className else { throw .unsupportedManager(kind: "obscore", className: stored) }
        guard let text = attributes[attribute] else { return nil }
        if let text = attributes["version:\(className)"] {
            guard let found = SchemaVersion(text), version.isCompatible(withStored: found, forWriting: true) else {
                throw .incompatibleVersion(
                    manager: className, stored: text, supported: [version.description], forWriting: true)
            }
        }
        // Other universes bring code of their own along.
        guard universe.namespace == "daf_butler" else {
            throw .badObsCore(reason: "no rules are known for the universe '\(universe.namespace)'.")
        }
        let document: StructuredValue
        do {
            document = try StructuredValue(json: text)
        } catch {
            throw .badObsCore(reason: "'\(attribute)' is no JSON: \(error)")
        }
        guard case .object(let values) = document else { throw .badObsCore(reason: "'\(attribute)' is no mapping.") }
        let table = try ObsCoreTable(try ObsCoreConfiguration(values))
        try table.check(database.dialect)
        return table
    }

    /// - Throws: ``RegistryError/badObsCore(reason:)`` when a database of this kind cannot have the table.
    func check(_ dialect: SQLDialect) throws(RegistryError) {
        if !specification.spatialIndexes.isEmpty, dialect.name != "postgresql" {
            throw .badObsCore(reason: "the spatial plug-in for pgSphere needs a PostgreSQL database.")
        }
        if case .runs(let patterns?) = configuration.source {
            for pattern in patterns {
                do {
                    _ = try Regex(pattern)
                } catch {
                    throw .badObsCore(reason: "'\(pattern)' in 'collections' is no regular expression: \(error)")
                }
            }
        }
    }

    /// The rows of `butler_attributes` that say what the table is.
    var attributes: [(String, String)] {
        var writer = JSONWriter()
        writer.value(configuration.stored)
        return [
            ("config:registry.managers.obscore", Self.className),
            ("version:\(Self.className)", Self.version.description),
            (Self.attribute, writer.text),
        ]
    }
}

extension ObsCoreConfiguration {
    /// - Parameter className: the class that keeps the table.
    /// - Throws: ``RegistryError/unsupportedManager(kind:className:)`` for another class than Python's own.
    public init(manager className: String, _ values: StructuredMapping) throws(RegistryError) {
        guard [ObsCoreTable.className, ObsCoreTable.shortClassName].contains(className) else {
            throw .unsupportedManager(kind: "obscore", className: className)
        }
        try self.init(values)
    }
}

extension DatabaseConnection {
    /// Makes the table. The tables that it refers to must exist.
    /// - Throws: ``RegistryError/badObsCore(reason:)`` when the database lacks what the table needs.
    func createObsCore(_ table: ObsCoreTable) throws {
        try table.check(dialect)
        if !table.specification.spatialIndexes.isEmpty, try !hasExtension("pg_sphere") {
            throw RegistryError.badObsCore(
                reason: "the spatial plug-in for pgSphere needs the extension 'pg_sphere'; ask the owner of the "
                    + "database server to run: CREATE EXTENSION pg_sphere")
        }
        try createTable(table.specification)
    }
}
