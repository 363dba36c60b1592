import Felis

/// What a database of a dialect can tell about a schema, so that two can be compared as its databases would be: the
/// names and types of columns, what may be NULL, defaults, keys, constraints and indexes.
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
        for table in schema.tables {
            order.append(("table \(table.name)", "table"))
            for column in table.columns {
                let text = try definitions.columnText(column, of: table, isCounter: false)
                order.append(("column \(table.name).\(column.name)", text))
            }
            let key = try definitions.names(table.primaryKey?.ids ?? [], of: table, user: "The primary key")
            if !key.isEmpty { order.append(("primary key of \(table.name)", key)) }
            for constraint in table.constraints {
                order.append(
                    (
                        "constraint \(table.name).\(constraint.name)",
                        try definitions.constraintText(constraint, of: table)
                    ))
            }
            for (index, statement) in zip(table.indexes, try definitions.indexStatements(of: table)) {
                order.append(("index \(table.name).\(index.name)", statement.text))
            }
        }
        return (Dictionary(order, uniquingKeysWith: { first, _ in first }), order)
    }
}
