import Felis

/// Reads the tables of an SQLite database, which keeps no descriptions, and no lengths of binary columns: they get
/// ``SchemaExtraction/binaryLength``.
struct SQLiteExtraction {
    let name: String
    var remarks: [String] = []

    init(name: String) { self.name = name }

    mutating func schema(of database: any SchemaDatabase) async throws -> Schema {
        let found = try await database.rows(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' "
                + "ORDER BY rowid"
        )
        guard !found.isEmpty else { throw SchemaExtraction.Failure.noTables(schema: nil) }
        var schema = Schema(name: name, id: "#\(name)")
        for row in found {
            guard let table = row[0] else { continue }
            schema.tables.append(try await self.table(table, definition: row[1] ?? "", in: database))
        }
        return schema
    }

    private mutating func table(
        _ name: String, definition: String, in database: any SchemaDatabase
    ) async throws -> Table {
        let literal = Dialect.sqlite.literal(name)
        var table = Table(name: name, id: "#\(name)")
        var key: [(place: Int, id: String)] = []
        for row in try await database.rows(
            "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info(\(literal))")
        {
            guard let columnName = row[0] else { continue }
            let (datatype, length) = datatype(row[1] ?? "", column: "\(name).\(columnName)")
            var column = Column(name: columnName, id: "#\(name).\(columnName)", datatype: datatype)
            column.length = length
            column.isNullable = row[2] != "1"
            column.value = row[3].flatMap { Self.value($0, datatype) }
            column.arraysize = datatype.defaultArraysize(length: length)
            column.xtype = datatype == .timestamp ? "timestamp" : nil
            table.columns.append(column)
            if let place = row[4].flatMap({ Int($0) }), place > 0 { key.append((place, column.id)) }
        }
        key.sort { $0.place < $1.place }
        if key.count == 1 { table.primaryKey = .single(key[0].id) }
        if key.count > 1 { table.primaryKey = .list(key.map(\.id)) }
        table.constraints = TableDefinitionReader(definition).constraints(ofTable: name)
        let indexes = try await database.rows(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = \(literal) "
                + "ORDER BY rowid"
        )
        for row in indexes {
            guard let indexName = row[0] else { continue }
            let columns = try await database.rows(
                "SELECT name FROM pragma_index_info(\(Dialect.sqlite.literal(indexName))) ORDER BY seqno")
            let ids = columns.compactMap { $0[0].map { "#\(name).\($0)" } }
            guard ids.count == columns.count else {
                remarks.append("The index '\(indexName)' has expressions; it is left out.")
                continue
            }
            table.indexes.append(Index(name: indexName, id: "#\(indexName)", content: .columns(ids)))
        }
        return table
    }

    // MARK: Columns

    private mutating func datatype(_ text: String, column: String) -> (Datatype, Int?) {
        let upper = text.uppercased()
        let name = upper.prefix { $0 != "(" }.split(separator: " ").joined(separator: " ")
        let length = upper.split(separator: "(").dropFirst().first.flatMap { Int($0.prefix { $0 != ")" }) }
        switch name {
        case "BOOLEAN", "BOOL": return (.boolean, nil)
        case "TINYINT": return (.byte, nil)
        case "SMALLINT": return (.short, nil)
        case "INTEGER", "INT": return (.int, nil)
        case "BIGINT": return (.long, nil)
        case "FLOAT": return (.float, nil)
        case "DOUBLE", "DOUBLE PRECISION", "REAL": return (.double, nil)
        case "CHAR", "CHARACTER": return (.char, length ?? 1)
        case "VARCHAR" where length != nil: return (.string, length)
        case "NVARCHAR" where length != nil: return (.unicode, length)
        case "TEXT", "VARCHAR", "NVARCHAR", "CLOB": return (.text, nil)
        case "BLOB": return (.binary, length ?? SchemaExtraction.binaryLength)
        case "TIMESTAMP", "DATETIME": return (.timestamp, nil)
        default:
            remarks.append("The type '\(text)' of column \(column) has no counterpart; it is written as text.")
            return (.text, nil)
        }
    }

    /// A default in the database's own words as a value.
    static func value(_ text: String, _ datatype: Datatype) -> DefaultValue? {
        if text.uppercased() == "NULL" { return datatype == .timestamp || datatype.isNumeric ? nil : .string("NULL") }
        if text.hasPrefix("'"), text.hasSuffix("'"), text.count >= 2 {
            return .string(String(text.dropFirst().dropLast()).replacing("''", with: "'"))
        }
        switch datatype {
        case .boolean:
            let lower = text.lowercased()
            return lower == "true" || lower == "1" ? .bool(true) : lower == "false" || lower == "0" ? .bool(false) : nil
        case .byte, .short, .int, .long: return Int64(text).map { .int($0) }
        case .float, .double: return Double(text).map { .float($0) }
        default: return .string(text)
        }
    }
}
