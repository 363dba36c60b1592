import StructuredData

/// One of the schemas of a merge, whose objects are found by name.
struct MergeSide {
    let schema: Schema
    private let tables: [String: Table]
    private let columns: [String: [String: Column]]

    /// - Complexity: O(columns).
    init(_ schema: Schema) {
        self.schema = schema
        tables = Dictionary(schema.tables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        columns = tables.mapValues { table in
            Dictionary(table.columns.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        }
    }

    func table(_ name: String) -> Table? { tables[name] }
    func column(_ name: String, of table: String) -> Column? { columns[table]?[name] }

    func column(of change: SchemaChange) -> Column? { change.table.flatMap { columns[$0]?[change.name] } }

    private func constraint(of change: SchemaChange) -> Constraint? {
        change.table.flatMap { tables[$0] }?.constraints.first { $0.name == change.name }
    }

    private func index(of change: SchemaChange) -> Index? {
        change.table.flatMap { tables[$0] }?.indexes.first { $0.name == change.name }
    }

    /// The value of the key that a change is about; for added and removed objects whether they are there.
    func value(of change: SchemaChange) -> StructuredValue? {
        guard change.kind == .changed else { return .bool(has(change)) }
        guard let field = change.field else { return nil }
        let dump = SchemaDump()
        switch change.object {
        case .schema: return dump.value(schema)[field]
        case .table:
            guard let table = tables[change.name] else { return nil }
            // A dump leaves out the default, and so cannot tell it from a null.
            return field == "mysql:engine" ? table.mysqlEngine.map { .string($0) } : dump.table(table)[field]
        case .column: return column(of: change).flatMap { dump.column($0)[field] }
        case .constraint: return constraint(of: change).flatMap { dump.constraint($0)[field] }
        case .index: return index(of: change).flatMap { dump.index($0)[field] }
        case .group: return nil
        }
    }

    /// Whether the schema has the object that a change is about.
    func has(_ change: SchemaChange) -> Bool {
        let table = tables[change.table ?? change.name]
        return switch change.object {
        case .schema: true
        case .table: table != nil
        case .column: column(of: change) != nil
        case .constraint: constraint(of: change) != nil
        case .index: index(of: change) != nil
        case .group: table?.groups.contains { $0.name == change.name } ?? false
        }
    }

    /// The object that a change is about, as one would write it.
    func written(_ change: SchemaChange, _ forms: WrittenForms) -> StructuredMapping? {
        switch change.object {
        case .table: tables[change.name].map { forms.table($0) }
        case .column: column(of: change).map { forms.column($0, table: change.table ?? "") }
        case .constraint: constraint(of: change).map { forms.constraint($0) }
        case .index: index(of: change).map { forms.index($0) }
        case .group:
            tables[change.table ?? ""]?.groups.first { $0.name == change.name }.map { forms.group($0) }
        case .schema: nil
        }
    }
}
