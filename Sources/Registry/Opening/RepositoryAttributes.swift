import Database

/// The table of names and values that describes a repository to those who open it.
enum RepositoryAttributes {
    static let tableName = "butler_attributes"
    static let universeKey = "config:dimensions.json"

    /// - Throws: ``RegistryError/notARegistry(database:)`` when there is no such table.
    static func read(_ connection: any DatabaseConnection, name: String) throws -> [String: String] {
        guard try connection.tableExists(tableName) else { throw RegistryError.notARegistry(database: name) }
        var attributes: [String: String] = [:]
        try connection.query("SELECT \(columns: ["name", "value"]) FROM \(table: tableName)") { row in
            attributes[try row.text(0)] = try row.text(1)
        }
        return attributes
    }
}
