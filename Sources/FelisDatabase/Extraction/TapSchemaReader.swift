import Felis

/// Adds to a schema that was read from a database what TAP_SCHEMA says about it there: descriptions, units, UCDs, utypes,
/// places, and which of several datatypes a type stands for.
public struct TapSchemaReader: Sendable {
    public let target: TapSchemaTarget

    public init(_ target: TapSchemaTarget) { self.target = target }

    public enum Failure: Error, Sendable, CustomStringConvertible {
        case notThere(schema: String, tables: String)

        public var description: String {
            switch self {
            case .notThere(let schema, let tables):
                "\(tables) has no row for a schema '\(schema)'; load it with load-tap-schema, or leave out --tap-schema."
            }
        }
    }

    /// - Throws: ``Failure``, or what the database says.
    public func complete(_ schema: Schema, in database: any SchemaDatabase) async throws -> Schema {
        let name = target.dialect.literal(schema.name)
        func query(_ table: TapTable, _ condition: String) -> String {
            let columns = table.columns.map { column in
                let quoted = target.dialect.quoted(column)
                return target.dialect == .postgresql ? "\(quoted)::text" : quoted
            }
            return "SELECT \(columns.joined(separator: ", ")) FROM \(target.name(of: table)) WHERE \(condition)"
        }
        let tables = "SELECT table_name FROM \(target.name(of: .tables)) WHERE schema_name = \(name)"
        let results = try await database.rows(
            [
                query(.schemas, "schema_name = \(name)"), query(.tables, "schema_name = \(name)"),
                query(.columns, "table_name IN (\(tables))"), query(.keys, "from_table IN (\(tables))"),
            ], after: [])
        guard let own = results[0].first else {
            throw Failure.notThere(schema: schema.name, tables: target.name(of: .schemas))
        }
        var schema = schema
        schema.utype = own[1]
        schema.description = own[2]
        let tableRows = Self.keyed(results[1]) { $0[1] ?? "" }
        let columnRows = Self.keyed(results[2]) { "\($0[0] ?? "")\0\($0[1] ?? "")" }
        let keyRows = Self.keyed(results[3]) { $0[0] ?? "" }
        for index in schema.tables.indices {
            let place = "\(schema.name).\(schema.tables[index].name)"
            if let row = tableRows[place] {
                schema.tables[index].utype = row[3]
                schema.tables[index].description = row[4] ?? schema.tables[index].description
                schema.tables[index].tableIndex = Self.int(row[5])
            }
            for column in schema.tables[index].columns.indices {
                let key = "\(place)\0\(schema.tables[index].columns[column].name)"
                if let row = columnRows[key] { Self.complete(&schema.tables[index].columns[column], row) }
            }
            for constraint in schema.tables[index].constraints.indices {
                let name = schema.tables[index].constraints[constraint].name
                guard let row = keyRows[name] ?? keyRows["\(schema.name)_\(name)"] else { continue }
                schema.tables[index].constraints[constraint].utype = row[3]
                schema.tables[index].constraints[constraint].description =
                    row[4] ?? schema.tables[index].constraints[constraint].description
            }
        }
        return schema
    }

    private static func keyed(_ rows: [[String?]], by key: ([String?]) -> String) -> [String: [String?]] {
        Dictionary(rows.map { (key($0), $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static func int(_ text: String?) -> Int? { text.flatMap { Int($0) } }

    private static func complete(_ column: inout Column, _ row: [String?]) {
        column.utype = row[2]
        column.ucd = row[3]
        column.ivoaUnit = row[4]
        column.description = row[5] ?? column.description
        // Types of databases that stand for several datatypes.
        switch (column.datatype, row[6]) {
        case (.short, "unsignedByte"): column.datatype = .byte
        case (.double, "float") where column.postgresqlDatatype == nil: column.datatype = .float
        case (.string, "unicodeChar"): column.datatype = .unicode
        case (.binary, "unsignedByte"):
            if let size = int(row[9]), size > 0 { column.length = size }
        default: break
        }
        column.arraysize = row[7]
        column.xtype = row[8]
        column.principal = int(row[10])
        column.standard = int(row[12])
        column.columnIndex = int(row[13])
    }
}
