import Felis

/// Makes the tables of TAP_SCHEMA.
public struct TapSchemaCreation: Sendable {
    public let target: TapSchemaTarget
    /// Schemas whose tables, of the same names, add columns.
    public var extensions: Schema?
    /// Whether the tables describe themselves.
    public var describesItself = true

    public init(_ target: TapSchemaTarget, extensions: Schema? = nil, describesItself: Bool = true) {
        self.target = target
        self.extensions = extensions
        self.describesItself = describesItself
    }

    /// The statements that make the schema, its tables and their own rows.
    public func statements() throws(DefinitionError) -> [Statement] {
        let options = SchemaDefinitions.Options(schemaName: target.schemaName)
        let definitions = SchemaDefinitions(schema(), dialect: target.dialect, options: options)
        var statements = SchemaCreation(definitions).preparation(.initialize) + (try definitions.statements())
        if describesItself { statements += target.inserts(Self.ownRows) }
        return statements
    }

    /// The tables as a schema of the language.
    public func schema() -> Schema {
        var schema = Schema(name: target.schemaName, id: "#\(target.schemaName)")
        schema.tables = TapSchemaStandard.tables.map { standard in
            let name = standard.table.rawValue
            var table = Table(name: name + target.postfix, id: "#\(name)")
            table.description = standard.description
            table.mysqlEngine = "InnoDB"
            let key = TapSchemaStandard.primaryKey(of: standard.table)
            if !key.isEmpty { table.primaryKey = .list(key.map { "#\(name).\($0)" }) }
            table.columns = standard.columns.map { Self.column($0, table: name) }
            let additional = extensions?.table(name: name)?.columns ?? []
            table.columns += additional.map { column in
                var column = column
                column.id = "#\(name).\(column.name)"
                return column
            }
            table.constraints = Self.constraints(of: standard.table)
            return table
        }
        return schema
    }

    private static func column(_ standard: TapSchemaStandard.Column, table: String) -> Column {
        var column = Column(
            name: standard.name, id: "#\(table).\(standard.name)", datatype: standard.width == nil ? .int : .string)
        column.length = standard.width
        column.isNullable = !standard.isRequired
        // The real tool says nothing about these, so databases are the same.
        if table != TapTable.keyColumns.rawValue { column.description = standard.comment ?? standard.description }
        return column
    }

    private static func constraints(of table: TapTable) -> [Constraint] {
        TapSchemaStandard.keys.filter { $0.from.table == table && $0.isEnforced }.map { key in
            Constraint(
                name: key.name, id: "#\(key.name)",
                content: .foreignKey(
                    .init(
                        columns: ["#\(table.rawValue).\(key.from.column)"],
                        referenced: ["#\(key.target.table.rawValue).\(key.target.column)"])))
        }
    }

    /// The rows that describe TAP_SCHEMA; their names are those of the standard, whatever the tables are called here.
    static let ownRows: [TapRow] = {
        let name = TapSchemaStandard.schemaName
        var rows = [
            TapRow(
                table: .schemas,
                values: [
                    .text(name), .null, .text(TapSchemaStandard.schemaDescription), .int(TapSchemaStandard.schemaIndex),
                ])
        ]
        for table in TapSchemaStandard.tables {
            rows.append(
                TapRow(
                    table: .tables,
                    values: [
                        .text(name), .text("\(name).\(table.table.rawValue)"), .text("table"), .null,
                        .text(table.description), .int(table.index),
                    ]))
        }
        for table in TapSchemaStandard.tables {
            for column in table.columns {
                let width = column.describedWidth
                rows.append(
                    TapRow(
                        table: .columns,
                        values: [
                            .text("\(name).\(table.table.rawValue)"),
                            // A reserved word of ADQL, which queries have to quote.
                            .text(column.name == "size" ? "\"size\"" : column.name), .null, .null, .null,
                            .text(column.description), .text(width == nil ? "int" : "char"),
                            TapValue(width.map { "\($0)*" }), .null, TapValue(width), .int(1), .int(0), .int(1),
                            .int(column.index),
                        ]))
            }
        }
        for key in TapSchemaStandard.keys {
            rows.append(
                TapRow(
                    table: .keys,
                    values: [
                        .text(key.name), .text("\(name).\(key.from.table.rawValue)"),
                        .text("\(name).\(key.target.table.rawValue)"), .null, .null,
                    ]))
        }
        for key in TapSchemaStandard.keys {
            rows.append(
                TapRow(table: .keyColumns, values: [.text(key.name), .text(key.from.column), .text(key.target.column)]))
        }
        return rows
    }()
}
