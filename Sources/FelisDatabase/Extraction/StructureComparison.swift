import Felis

/// What a database of a dialect can tell about a schema, so that two can be compared as its databases would be: the
/// names and types of columns, what may be NULL, defaults, keys, constraints, indexes and, where the database keeps
/// them, descriptions.
public struct StructureComparison: Sendable {
    /// A line for each difference.
    public let differences: [String]
    /// The same as changes: definitions, descriptions, keys and the like are the fields of objects.
    public let changes: [SchemaChange]

    /// - Throws: ``DefinitionError``.
    public init(_ old: Schema, _ new: Schema, dialect: Dialect) throws(DefinitionError) {
        let before = try Self.facts(old, dialect)
        let after = try Self.facts(new, dialect)
        let factsBefore = Dictionary(before.map { ($0.place, $0) }, uniquingKeysWith: { first, _ in first })
        let factsAfter = Dictionary(after.map { ($0.place, $0) }, uniquingKeysWith: { first, _ in first })
        var lines: [String] = []
        var changes: [SchemaChange] = []
        for fact in before where factsAfter[fact.place]?.text != fact.text {
            if let other = factsAfter[fact.place] {
                lines.append("changed \(fact.place): \(fact.text) → \(other.text)")
                changes.append(fact.change(to: other))
            } else {
                lines.append("removed \(fact.place): \(fact.text)")
                changes.append(fact.removal)
            }
        }
        for fact in after where factsBefore[fact.place] == nil {
            lines.append("added \(fact.place): \(fact.text)")
            changes.append(fact.addition)
        }
        differences = lines
        self.changes = changes
    }

    /// The changes in the form in which those of files are shown.
    public var comparison: SchemaComparison { SchemaComparison(changes: changes) }

    /// What a database says about one thing.
    private struct Fact {
        var object: SchemaChange.Object
        var table: String?
        var name: String
        /// The field of the object; `nil` for its definition, without which there is none.
        var field: String?
        var text: String

        var place: String {
            let own = "\(object.rawValue) \(table.map { "\($0)." } ?? "")\(name)"
            return field.map { "\($0) of \(own)" } ?? own
        }

        private func change(_ kind: SchemaChange.Kind, old: String?, new: String?) -> SchemaChange {
            SchemaChange(
                kind: kind, object: object, table: table, name: name, field: kind == .changed ? field : nil,
                old: old.map { .string($0) }, new: new.map { .string($0) })
        }

        func change(to other: Fact) -> SchemaChange {
            var change = change(.changed, old: text, new: other.text)
            change.field = field ?? "definition"
            return change
        }

        var removal: SchemaChange { change(field == nil ? .removed : .changed, old: text, new: nil) }
        var addition: SchemaChange { change(field == nil ? .added : .changed, old: nil, new: text) }
    }

    private static func facts(_ schema: Schema, _ dialect: Dialect) throws(DefinitionError) -> [Fact] {
        let definitions = SchemaDefinitions(schema, dialect: dialect, options: .init(schemaName: "s"))
        var facts: [Fact] = []
        func state(_ object: SchemaChange.Object, _ table: String?, _ name: String, _ field: String?, _ text: String) {
            facts.append(Fact(object: object, table: table, name: name, field: field, text: text))
        }
        func describe(_ object: SchemaChange.Object, _ table: String?, _ name: String, _ text: String?) {
            guard dialect != .sqlite, let text, !text.isEmpty else { return }
            state(object, table, name, "description", text)
        }
        for table in schema.tables {
            state(.table, nil, table.name, nil, "table")
            describe(.table, nil, table.name, table.description)
            let key = table.primaryKey?.ids ?? []
            let counter = try definitions.autoincrementColumn(of: table, key: key)
            for column in table.columns {
                let text = try columnFact(column, of: table, key: key, counter: counter, definitions)
                state(.column, table.name, column.name, nil, text)
                describe(.column, table.name, column.name, column.description)
            }
            let keyNames = try definitions.names(key, of: table, user: "The primary key")
            if !keyNames.isEmpty { state(.table, nil, table.name, "primary key", keyNames) }
            if dialect == .mysql {
                if let engine = table.mysqlEngine { state(.table, nil, table.name, "storage engine", engine) }
                if let charset = table.mysqlCharset { state(.table, nil, table.name, "character set", charset) }
            }
            for constraint in table.constraints where !definitions.isMerged(constraint, of: table) {
                let text = try definitions.constraintText(plain(constraint, dialect), of: table)
                state(.constraint, table.name, constraint.name, nil, text)
                if dialect == .postgresql {
                    describe(.constraint, table.name, constraint.name, constraint.description)
                }
            }
            for (index, statement) in zip(table.indexes, try definitions.indexStatements(of: table)) {
                state(.index, table.name, index.name, nil, statement.text)
            }
        }
        return facts
    }

    /// The definition of a column as the database keeps it.
    private static func columnFact(
        _ column: Column, of table: Table, key: [String], counter: String?, _ definitions: SchemaDefinitions
    ) throws(DefinitionError) -> String {
        let dialect = definitions.dialect
        var column = column
        // Only SQLite lets keys be NULL.
        if dialect != .sqlite, key.contains(column.id) { column.isNullable = false }
        column.description = nil
        // No default is NULL too.
        if dialect == .postgresql, column.value == .string("NULL") { column.value = nil }
        let text = try definitions.columnText(column, of: table, isCounter: dialect != .sqlite && column.id == counter)
        guard dialect == .postgresql else { return text }
        let type = try definitions.typeText(column, of: table)
        let start = "\(dialect.quoted(column.name)) \(type)"
        guard let stored = storedType(type), text.hasPrefix(start) else { return text }
        return "\(dialect.quoted(column.name)) \(stored)" + text.dropFirst(start.count)
    }

    /// The type that PostgreSQL makes of one; `nil` for itself.
    private static func storedType(_ type: String) -> String? {
        switch type {
        case "FLOAT": "DOUBLE PRECISION"
        case "TIMESTAMP(6) WITHOUT TIME ZONE": "TIMESTAMP WITHOUT TIME ZONE"
        case "CHAR": "CHAR(1)"
        default:
            if type.hasPrefix("FLOAT("), let bits = Int(type.dropFirst(6).dropLast()) {
                bits <= 24 ? "REAL" : "DOUBLE PRECISION"
            } else {
                nil
            }
        }
    }

    /// The constraint without words that say what is so anyway.
    private static func plain(_ constraint: Constraint, _ dialect: Dialect) -> Constraint {
        guard dialect == .postgresql else { return constraint }
        var constraint = constraint
        if constraint.initially == .immediate { constraint.initially = nil }
        if case .foreignKey(var key) = constraint.content {
            if key.onDelete == .noAction { key.onDelete = nil }
            if key.onUpdate == .noAction { key.onUpdate = nil }
            constraint.content = .foreignKey(key)
        }
        return constraint
    }
}
