import Felis

/// A cell of TAP_SCHEMA.
public enum TapValue: Sendable, Hashable {
    case null
    case int(Int)
    case text(String)

    init(_ text: String?) { self = text.map { .text($0) } ?? .null }
    init(_ number: Int?) { self = number.map { .int($0) } ?? .null }

    func literal(_ dialect: Dialect) -> String {
        switch self {
        case .null: "NULL"
        case .int(let number): String(number)
        case .text(let text): dialect.literal(text)
        }
    }
}

/// The tables of TAP_SCHEMA, in the order in which rows may be inserted.
public enum TapTable: String, CaseIterable, Sendable {
    case schemas, tables, columns, keys
    case keyColumns = "key_columns"

    /// The columns that rows give, in the order of their statements.
    public var columns: [String] {
        switch self {
        case .schemas: ["schema_name", "utype", "description", "schema_index"]
        case .tables: ["schema_name", "table_name", "table_type", "utype", "description", "table_index"]
        case .columns:
            [
                "table_name", "column_name", "utype", "ucd", "unit", "description", "datatype", "arraysize", "xtype",
                "size", "principal", "indexed", "std", "column_index",
            ]
        case .keys: ["key_id", "from_table", "target_table", "utype", "description"]
        case .keyColumns: ["key_id", "from_column", "target_column"]
        }
    }
}

/// A row of a table of TAP_SCHEMA.
public struct TapRow: Sendable, Hashable {
    public var table: TapTable
    public var values: [TapValue]
}

/// What TAP_SCHEMA says about a schema.
public struct TapSchemaRows: Sendable {
    /// The place of the schema among all of a service.
    public var schemaIndex: Int?
    /// Put the name of the schema before the names of keys, so that those of several schemas do not clash.
    public var hasUniqueKeys: Bool

    public init(schemaIndex: Int? = nil, hasUniqueKeys: Bool = false) {
        self.schemaIndex = schemaIndex
        self.hasUniqueKeys = hasUniqueKeys
    }

    /// The rows, those first that others point to.
    public func rows(of schema: Schema) throws(DefinitionError) -> [TapRow] {
        let places = schema.columnsByID()
        var rows = [
            TapRow(
                table: .schemas,
                values: [
                    .text(schema.name), TapValue(schema.utype), TapValue(schema.description), TapValue(schemaIndex),
                ])
        ]
        var columns: [TapRow] = []
        var keys: [TapRow] = []
        for table in schema.tables {
            let name = "\(schema.name).\(table.name)"
            rows.append(
                TapRow(
                    table: .tables,
                    values: [
                        .text(schema.name), .text(name), .text("table"), TapValue(table.utype),
                        TapValue(table.description), .int(table.tableIndex ?? 0),
                    ]))
            let indexed = Self.indexedColumns(of: table)
            for column in table.columns {
                columns.append(
                    TapRow(
                        table: .columns,
                        values: Self.values(column, table: name, isIndexed: indexed.contains(column.id))))
            }
            for constraint in table.constraints {
                keys += try keyRows(constraint, table: table, name: name, schema: schema, places: places)
            }
        }
        return rows + columns + keys
    }

    /// The columns that TAP clients are told to be fast to search by: a key that is written as a single column, and
    /// the columns that an index of their own.
    private static func indexedColumns(of table: Table) -> Set<String> {
        var ids: Set<String> = []
        if case .single(let id) = table.primaryKey { ids.insert(id) }
        for index in table.indexes where index.columns.count == 1 { ids.formUnion(index.columns) }
        return ids
    }

    private static func values(_ column: Column, table: String, isIndexed: Bool) -> [TapValue] {
        [
            .text(table), .text(column.name), TapValue(column.utype), TapValue(column.ucd), TapValue(column.unit),
            TapValue(column.description), .text(column.datatype.votableName), TapValue(column.arraysize),
            TapValue(column.xtype), TapValue(column.size), TapValue(column.principal), .int(isIndexed ? 1 : 0),
            TapValue(column.standard), TapValue(column.columnIndex),
        ]
    }

    private func keyRows(
        _ constraint: Constraint, table: Table, name: String, schema: Schema,
        places: [String: (table: Int, column: Int)]
    ) throws(DefinitionError) -> [TapRow] {
        guard let key = constraint.foreignKey else { return [] }
        func place(_ id: String) throws(DefinitionError) -> (table: Table, column: Column) {
            guard let place = places[id] else {
                throw .unknownColumn(id: id, user: "The constraint '\(constraint.name)'", table: table.name)
            }
            let table = schema.tables[place.table]
            return (table, table.columns[place.column])
        }
        let keyID = hasUniqueKeys ? "\(schema.name)_\(constraint.name)" : constraint.name
        var rows: [TapRow] = []
        for (own, other) in zip(key.columns, key.referenced) {
            let target = try place(other)
            if rows.isEmpty {
                rows.append(
                    TapRow(
                        table: .keys,
                        values: [
                            .text(keyID), .text(name), .text("\(schema.name).\(target.table.name)"),
                            TapValue(constraint.utype), TapValue(constraint.description),
                        ]))
            }
            rows.append(
                TapRow(
                    table: .keyColumns,
                    values: [.text(keyID), .text(try place(own).column.name), .text(target.column.name)]))
        }
        return rows
    }
}
