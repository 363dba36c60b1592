import Felis

/// What a database of a dialect can tell about a schema, so that two can be compared as its databases would be: the
/// names and types of columns, what may be NULL, defaults, keys, constraints, indexes and, where the database keeps
/// them, descriptions.
public struct StructureComparison: Sendable {
    /// A line for each difference.
    public let differences: [String]

    /// - Throws: ``DefinitionError``.
    public init(_ old: Schema, _ new: Schema, dialect: Dialect) throws(DefinitionError) {
        let before = try Self.facts(old, dialect)
        let after = try Self.facts(new, dialect)
        var lines: [String] = []
        for (place, fact) in before.order where after.facts[place] != fact {
            if let other = after.facts[place] {
                lines.append("changed \(place): \(fact) → \(other)")
            } else {
                lines.append("removed \(place): \(fact)")
            }
        }
        for (place, fact) in after.order where before.facts[place] == nil { lines.append("added \(place): \(fact)") }
        differences = lines
    }

    private static func facts(
        _ schema: Schema, _ dialect: Dialect
    ) throws(DefinitionError) -> (facts: [String: String], order: [(String, String)]) {
        let definitions = SchemaDefinitions(schema, dialect: dialect, options: .init(schemaName: "s"))
        var order: [(String, String)] = []
        func describe(_ place: String, _ text: String?) {
            guard dialect != .sqlite, let text, !text.isEmpty else { return }
            order.append(("description of \(place)", text))
        }
        for table in schema.tables {
            order.append(("table \(table.name)", "table"))
            describe("table \(table.name)", table.description)
            let key = table.primaryKey?.ids ?? []
            let counter = try definitions.autoincrementColumn(of: table, key: key)
            for column in table.columns {
                let place = "column \(table.name).\(column.name)"
                order.append((place, try columnFact(column, of: table, key: key, counter: counter, definitions)))
                describe(place, column.description)
            }
            let keyNames = try definitions.names(key, of: table, user: "The primary key")
            if !keyNames.isEmpty { order.append(("primary key of \(table.name)", keyNames)) }
            for constraint in table.constraints where !definitions.isMerged(constraint, of: table) {
                let place = "constraint \(table.name).\(constraint.name)"
                order.append((place, try definitions.constraintText(plain(constraint, dialect), of: table)))
                if dialect == .postgresql { describe(place, constraint.description) }
            }
            for (index, statement) in zip(table.indexes, try definitions.indexStatements(of: table)) {
                order.append(("index \(table.name).\(index.name)", statement.text))
            }
        }
        return (Dictionary(order, uniquingKeysWith: { first, _ in first }), order)
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
