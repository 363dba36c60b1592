import Felis

/// Where the tables of TAP_SCHEMA are, and how to write into them.
public struct TapSchemaTarget: Sendable {
    public let dialect: Dialect
    /// The schema (PostgreSQL) or database (MySQL) of the tables. SQLite has none.
    public let schemaName: String
    /// What follows the names of the tables, such as `11`.
    public let postfix: String

    public static let defaultSchemaName = "TAP_SCHEMA"

    public init(dialect: Dialect, schemaName: String = defaultSchemaName, postfix: String = "") {
        self.dialect = dialect
        self.schemaName = schemaName
        self.postfix = postfix
    }

    public func name(of table: TapTable) -> String {
        let name = dialect.quoted(table.rawValue + postfix)
        return dialect == .sqlite ? name : "\(dialect.quoted(schemaName)).\(name)"
    }

    /// The statements that insert rows.
    public func inserts(_ rows: [TapRow]) -> [Statement] {
        var beginnings: [TapTable: String] = [:]
        return rows.map { row in
            let beginning = beginnings[row.table] ?? beginning(of: row.table)
            beginnings[row.table] = beginning
            let values = row.values.map { $0.literal(dialect) }.joined(separator: ", ")
            return Statement(.other, "\(beginning)\(values))")
        }
    }

    private func beginning(of table: TapTable) -> String {
        let columns = table.columns.map { dialect.quoted($0) }.joined(separator: ", ")
        return "INSERT INTO \(name(of: table)) (\(columns)) VALUES ("
    }
}
