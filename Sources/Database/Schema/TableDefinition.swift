/// A column as a database has it.
struct PhysicalColumn: Hashable, Sendable {
    var name: String
    var type: String
    /// The text of the default value.
    var defaultValue: String?
}

extension TableSpecification {
    /// The statements that make the table in this dialect: sequence, table, indexes. The text and the names of
    /// constraints and indexes are those that Python clients write. Source: repository format reference, section 2.2.
    public func definition(in dialect: SQLDialect) -> [String] {
        TableDefinition(self, rules: dialect.rules).statements(temporary: false, ifNotExists: false)
    }

    /// The names of the table's columns as this dialect has them.
    public func columnNames(in dialect: SQLDialect) -> [String] {
        columns.flatMap { dialect.rules.physicalColumns($0) }.map(\.name)
    }
}

/// Writes the definition of a table.
struct TableDefinition {
    let table: TableSpecification
    let rules: any DialectRules
    private let physical: [String: [PhysicalColumn]]

    init(_ table: TableSpecification, rules: any DialectRules) {
        self.table = table
        self.rules = rules
        physical = Dictionary(
            table.columns.map { ($0.name, rules.physicalColumns($0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Temporary tables have neither foreign keys nor sequences.
    func statements(temporary: Bool, ifNotExists: Bool) -> [String] {
        let condition = ifNotExists ? "IF NOT EXISTS " : ""
        var statements: [String] = []
        if rules.usesSequences, !temporary, let key = table.autoincrementColumn {
            statements.append("CREATE SEQUENCE \(condition)\(qualified(sequenceName(key.name)))")
        }
        let lines = columnLines() + constraintLines(withForeignKeys: !temporary)
        let kind = temporary ? "TEMPORARY TABLE" : "TABLE"
        let name = temporary ? quoted(table.name) : qualified(table.name)
        // Where a transaction may end by itself, so does its table.
        let end = temporary && rules.usesSequences ? ") ON COMMIT DROP" : ")"
        statements.append("CREATE \(kind) \(condition)\(name) (\n\t" + lines.joined(separator: ", \n\t") + "\n" + end)
        for index in indexes(withForeignKeys: !temporary) {
            let prefix = temporary && !rules.usesSequences ? "temp." : ""
            statements.append(
                "CREATE INDEX \(condition)\(prefix)\(quoted(index.name)) ON \(temporary ? quoted(table.name) : name) "
                    + "(\(list(index.columns)))")
        }
        if !temporary {
            for column in table.spatialIndexes {
                statements.append(
                    "CREATE INDEX \(condition)\(quoted(objectName([table.name, "idx", column]))) ON \(name) "
                        + "USING gist (\(quoted(column)))")
            }
        }
        return statements
    }

    // MARK: - Parts

    private func columnLines() -> [String] {
        table.columns.flatMap { column in
            let isNullable = column.isNullable && !table.primaryKey.contains(column.name)
            return (physical[column.name] ?? []).map { part in
                "\(quoted(part.name)) \(part.type)" + (part.defaultValue.map { " DEFAULT \($0)" } ?? "")
                    + (isNullable ? "" : " NOT NULL")
            }
        }
    }

    private func constraintLines(withForeignKeys: Bool) -> [String] {
        var lines = table.primaryKey.isEmpty ? [] : ["PRIMARY KEY (\(list(table.primaryKey)))"]
        if rules.checksStringLengths {
            for column in table.columns {
                guard case .string(let length) = column.type, length <= ColumnType.longestCheckedString else {
                    continue
                }
                let value = "length(\(quotedIdentifier(column.name)))"
                lines.append(
                    "CONSTRAINT \(quoted("\(table.name)_len_\(column.name)")) CHECK (\(value)<=\(length) AND \(value)>=1)"
                )
            }
        }
        for columns in table.unique {
            let name = objectName([table.name, "unq"] + columns)
            lines.append("CONSTRAINT \(quoted(name)) UNIQUE (\(list(columns)))")
        }
        guard withForeignKeys else { return lines }
        for key in table.foreignKeys {
            let name = objectName(["fkey", table.name, key.table] + key.targetColumns + key.columns)
            lines.append(
                "CONSTRAINT \(quoted(name)) FOREIGN KEY(\(list(key.columns))) REFERENCES \(qualified(key.table)) "
                    + "(\(key.targetColumns.map(quoted).joined(separator: ", ")))"
                    + (key.deletesCascade ? " ON DELETE CASCADE" : ""))
        }
        return lines
    }

    /// The explicit indexes, then one for each foreign key that no key or index serves.
    private func indexes(withForeignKeys: Bool) -> [(name: String, columns: [String])] {
        var served = Set(table.unique)
        served.insert(table.primaryKey)
        var indexes: [(name: String, columns: [String])] = []
        for columns in table.indexes where served.insert(columns).inserted {
            indexes.append((objectName([table.name, "idx"] + expanded(columns)), columns))
        }
        guard withForeignKeys else { return indexes }
        for key in table.foreignKeys where served.insert(key.columns).inserted {
            indexes.append((objectName([table.name, "fkidx"] + key.columns), key.columns))
        }
        return indexes
    }

    // MARK: - Names

    private func sequenceName(_ column: String) -> String { rules.objectName("\(table.name)_seq_\(column)") }

    private func objectName(_ parts: [String]) -> String { rules.objectName(parts.joined(separator: "_")) }

    /// Physical names: a timespan column counts as its parts.
    private func expanded(_ columns: [String]) -> [String] {
        columns.flatMap { physical[$0]?.map(\.name) ?? [$0] }
    }

    private func list(_ columns: [String]) -> String { expanded(columns).map(quoted).joined(separator: ", ") }

    private func quoted(_ name: String) -> String {
        ReservedWords.needsQuotes(name, reserved: rules.reservedWords) ? quotedIdentifier(name) : name
    }

    private func qualified(_ name: String) -> String {
        guard let schema = rules.schema else { return quoted(name) }
        return quoted(schema) + "." + quoted(name)
    }
}

extension SQLValue {
    /// The text of the value in a definition; `nil` for values that definitions do not use.
    var plainLiteral: String? {
        switch self {
        case .null, .bytes, .blob, .uuid, .timespan: nil
        case .bool(let value): value ? "1" : "0"
        case .int(let value): String(value)
        case .double(let value): "\(value)"
        case .text(let value):
            "'" + value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
        }
    }
}
