import Felis

/// Brings the rows of a schema up to date in place: what a service has added to them — columns of extensions such as
/// owners and rights, the place of the schema, the type of a table — stays.
///
/// TAP_SCHEMA does not say which file a table came from, and several files may have one schema name. So only tables of
/// the file are touched, and those of an earlier version of it, if that is given: what it had and the new one lacks
/// goes. The statements look nothing up beforehand; they do the same run by this program or as a script.
public struct TapSchemaUpdate: Sendable {
    public let target: TapSchemaTarget
    private let rows: [TapRow]
    private let hasSchemaIndex: Bool
    /// Full names of the tables of the file.
    public let tables: [String]
    /// Full names of the tables that go.
    public let removedTables: [String]

    /// - Parameters:
    ///   - rows: how the rows are made; without a place of the schema, the one that is there stays.
    ///   - previous: the version that is loaded, whose tables may go.
    public init(
        _ schema: Schema, rows: TapSchemaRows, previous: Schema?, target: TapSchemaTarget
    ) throws(DefinitionError) {
        self.target = target
        self.rows = try rows.rows(of: schema)
        hasSchemaIndex = rows.schemaIndex != nil
        let tables = schema.tables.map { "\(schema.name).\($0.name)" }
        self.tables = tables
        let kept = Set(tables)
        removedTables = (previous.map { old in old.tables.map { "\(old.name).\($0.name)" } } ?? [])
            .filter { !kept.contains($0) }
    }

    /// The statements, in an order that the keys of the tables allow; for one transaction.
    ///
    /// A key of another schema with the name of one of this makes them fail.
    public func statements() -> [Statement] {
        (removals() + rows.flatMap(write)).map { Statement(.other, $0) }
    }

    /// A query for the names of the tables of a schema.
    public func tablesQuery(ofSchema schema: String) -> String {
        "SELECT table_name FROM \(name(.tables)) WHERE schema_name = \(literal(.text(schema)))"
    }

    // MARK: Rows that go

    private func removals() -> [String] {
        var result: [String] = []
        let keyIDs = rows.filter { $0.table == .keys }.map { $0.values[0] }
        let touched = tables + removedTables
        if !touched.isEmpty {
            var condition = "from_table IN (\(list(touched)))"
            if !keyIDs.isEmpty { condition += " AND key_id NOT IN (\(keyIDs.map(literal).joined(separator: ", ")))" }
            result += removal(ofKeys: condition)
        }
        if !removedTables.isEmpty {
            let gone = list(removedTables)
            result += removal(ofKeys: "from_table IN (\(gone)) OR target_table IN (\(gone))")
            result.append("DELETE FROM \(name(.columns)) WHERE table_name IN (\(gone))")
            result.append("DELETE FROM \(name(.tables)) WHERE table_name IN (\(gone))")
        }
        let columns = Dictionary(grouping: rows.filter { $0.table == .columns }) { $0.values[0] }
        for table in tables {
            var statement = "DELETE FROM \(name(.columns)) WHERE table_name = \(literal(.text(table)))"
            if let names = columns[.text(table)] {
                statement += " AND column_name NOT IN (\(names.map { literal($0.values[1]) }.joined(separator: ", ")))"
            }
            result.append(statement)
        }
        let parts = Dictionary(grouping: rows.filter { $0.table == .keyColumns }) { $0.values[0] }
        for id in keyIDs {
            let pairs = (parts[id] ?? []).map { row in
                "(from_column = \(literal(row.values[1])) AND target_column = \(literal(row.values[2])))"
            }
            guard !pairs.isEmpty else { continue }
            result.append(
                "DELETE FROM \(name(.keyColumns)) WHERE key_id = \(literal(id)) AND key_id IN "
                    + "(SELECT key_id FROM \(name(.keys)) WHERE from_table IN (\(list(touched)))) "
                    + "AND NOT (\(pairs.joined(separator: " OR ")))")
        }
        return result
    }

    private func removal(ofKeys condition: String) -> [String] {
        [
            "DELETE FROM \(name(.keyColumns)) WHERE key_id IN (SELECT key_id FROM \(name(.keys)) WHERE \(condition))",
            "DELETE FROM \(name(.keys)) WHERE \(condition)",
        ]
    }

    // MARK: Rows that are there or come

    /// Changes a row if it is there, and inserts it if not.
    private func write(_ row: TapRow) -> [String] {
        let columns = row.table.columns
        let identity = Self.identity(of: row.table)
        var isThere = condition(identity.map { ($0, row.values[columns.firstIndex(of: $0) ?? 0]) })
        // A key of this name that is another schema's is an error, not a row to change.
        if row.table == .keys { isThere += " AND from_table IN (\(list(tables)))" }
        let kept = Set(identity + (row.table == .tables ? ["table_type"] : []))
            .union(row.table == .schemas && !hasSchemaIndex ? ["schema_index"] : [])
        let values = zip(columns, row.values).filter { !kept.contains($0.0) }.map { column, value in
            "\(target.dialect.quoted(column)) = \(literal(value))"
        }
        var result: [String] = []
        if !values.isEmpty {
            result.append("UPDATE \(name(row.table)) SET \(values.joined(separator: ", ")) WHERE \(isThere)")
        }
        let names = columns.map { target.dialect.quoted($0) }.joined(separator: ", ")
        let source = target.dialect == .mysql ? " FROM DUAL" : ""
        result.append(
            "INSERT INTO \(name(row.table)) (\(names)) SELECT \(row.values.map(literal).joined(separator: ", "))"
                + "\(source) WHERE NOT EXISTS (SELECT 1 FROM \(name(row.table)) WHERE \(isThere))")
        return result
    }

    /// The columns that tell rows of a table apart.
    private static func identity(of table: TapTable) -> [String] {
        table == .keyColumns ? table.columns : TapSchemaStandard.primaryKey(of: table)
    }

    private func condition(_ values: [(String, TapValue)]) -> String {
        values.map { "\(target.dialect.quoted($0.0)) = \(literal($0.1))" }.joined(separator: " AND ")
    }

    private func name(_ table: TapTable) -> String { target.name(of: table) }
    private func literal(_ value: TapValue) -> String { value.literal(target.dialect) }
    private func list(_ names: [String]) -> String { names.map { literal(.text($0)) }.joined(separator: ", ") }
}
