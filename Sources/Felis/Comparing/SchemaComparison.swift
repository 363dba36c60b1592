import StructuredData

/// The differences between two schemas, found by the names of tables, columns, constraints and indexes. The order of
/// things does not count, and neither do ids.
public struct SchemaComparison: Sendable {
    public let changes: [SchemaChange]

    public init(_ old: Schema, _ new: Schema) {
        var builder = Builder(old: old, new: new)
        builder.run()
        changes = builder.changes
    }

    /// Changes that were found in another way.
    public init(changes: [SchemaChange]) { self.changes = changes }

    public var isEmpty: Bool { changes.isEmpty }

    public var text: String { changes.map { "\($0)\n" }.joined() }

    public var json: String {
        var writer = JSONWriter(options: .init(style: .pretty, nan: .python))
        writer.value(.array(changes.map(\.structured)))
        return writer.text + "\n"
    }
}

private struct Builder {
    let old: Schema
    let new: Schema
    let dump = SchemaDump(dereferences: true)
    /// Names for ids, so that ids do not count.
    let namesBefore: [String: String]
    let namesAfter: [String: String]
    var changes: [SchemaChange] = []

    init(old: Schema, new: Schema) {
        self.old = old
        self.new = new
        namesBefore = Self.columnNames(old)
        namesAfter = Self.columnNames(new)
    }

    mutating func run() {
        compareFields(schemaFields(old), schemaFields(new), .schema, table: nil, name: new.name)
        let oldTables = Dictionary(old.tables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let newNames = Set(new.tables.map(\.name))
        for table in old.tables where !newNames.contains(table.name) {
            changes.append(SchemaChange(kind: .removed, object: .table, name: table.name))
        }
        for table in new.tables {
            guard let before = oldTables[table.name] else {
                changes.append(SchemaChange(kind: .added, object: .table, name: table.name))
                continue
            }
            compare(before, table)
        }
    }

    private func schemaFields(_ schema: Schema) -> StructuredMapping {
        var fields = dump.value(schema).objectValue ?? StructuredMapping()
        for key in ["@id", "tables", "resources"] { fields[key] = nil }
        return fields
    }

    // MARK: Tables

    private mutating func compare(_ before: Table, _ after: Table) {
        compareFields(
            tableFields(before, namesBefore), tableFields(after, namesAfter), .table, table: nil, name: after.name)
        compareColumns(before, after)
        compare(
            .group, table: after.name,
            before.groups.map { ($0.name, groupFields($0, namesBefore)) },
            after.groups.map { ($0.name, groupFields($0, namesAfter)) })
        compare(
            .constraint, table: after.name,
            before.constraints.map { ($0.name, constraintFields($0, namesBefore)) },
            after.constraints.map { ($0.name, constraintFields($0, namesAfter)) })
        compare(
            .index, table: after.name,
            before.indexes.map { ($0.name, indexFields($0, namesBefore)) },
            after.indexes.map { ($0.name, indexFields($0, namesAfter)) })
    }

    private static func columnNames(_ schema: Schema) -> [String: String] {
        var names: [String: String] = [:]
        for table in schema.tables { for column in table.columns { names[column.id] = "\(table.name).\(column.name)" } }
        return names
    }

    private func named(_ ids: [String], _ names: [String: String]) -> StructuredValue {
        .array(ids.map { .string(names[$0] ?? $0) })
    }

    private func tableFields(_ table: Table, _ names: [String: String]) -> StructuredMapping {
        var fields = StructuredMapping()
        if let description = table.description { fields["description"] = .string(description) }
        if let utype = table.utype { fields["votable:utype"] = .string(utype) }
        if let key = table.primaryKey { fields["primaryKey"] = named(key.ids, names) }
        if let index = table.tableIndex { fields["tap:table_index"] = .int(Int64(index)) }
        if let engine = table.mysqlEngine { fields["mysql:engine"] = .string(engine) }
        if let charset = table.mysqlCharset { fields["mysql:charset"] = .string(charset) }
        return fields
    }

    private func common(_ description: String?, _ utype: String?) -> StructuredMapping {
        var fields = StructuredMapping()
        if let description { fields["description"] = .string(description) }
        if let utype { fields["votable:utype"] = .string(utype) }
        return fields
    }

    private func groupFields(_ group: ColumnGroup, _ names: [String: String]) -> StructuredMapping {
        var fields = common(group.description, group.utype)
        fields["columns"] = named(group.columns, names)
        if let ucd = group.ucd { fields["ivoa:ucd"] = .string(ucd) }
        return fields
    }

    private func constraintFields(_ constraint: Constraint, _ names: [String: String]) -> StructuredMapping {
        var fields = common(constraint.description, constraint.utype)
        fields["@type"] = .string(constraint.typeName)
        if constraint.isDeferrable { fields["deferrable"] = true }
        if let initially = constraint.initially { fields["initially"] = .string(initially.rawValue) }
        switch constraint.content {
        case .unique(let columns): fields["columns"] = named(columns, names)
        case .check(let expression): fields["expression"] = .string(expression)
        case .foreignKey(let key):
            fields["columns"] = named(key.columns, names)
            fields["referencedColumns"] = named(key.referenced, names)
            if let action = key.onDelete { fields["on_delete"] = .string(action.rawValue) }
            if let action = key.onUpdate { fields["on_update"] = .string(action.rawValue) }
        }
        return fields
    }

    private func indexFields(_ index: Index, _ names: [String: String]) -> StructuredMapping {
        var fields = common(index.description, index.utype)
        switch index.content {
        case .columns(let ids): fields["columns"] = named(ids, names)
        case .expressions(let expressions): fields["expressions"] = .array(expressions.map { .string($0) })
        }
        return fields
    }

    // MARK: Columns

    private func columnFields(_ column: Column) -> StructuredMapping {
        var fields = dump.column(column)
        fields["name"] = nil
        fields["@id"] = nil
        return fields
    }

    private mutating func compareColumns(_ before: Table, _ after: Table) {
        let namesBefore = Set(before.columns.map(\.name))
        let namesAfter = Set(after.columns.map(\.name))
        let removed = before.columns.filter { !namesAfter.contains($0.name) }
        let added = after.columns.filter { !namesBefore.contains($0.name) }
        let renamed = Self.renames(removed, added, fields: columnFields)
        for column in removed where renamed[column.name] == nil {
            changes.append(SchemaChange(kind: .removed, object: .column, table: after.name, name: column.name))
        }
        let known = Dictionary(before.columns.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let oldNames = Dictionary(renamed.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
        for column in after.columns {
            if let earlier = known[column.name] {
                compareFields(
                    columnFields(earlier), columnFields(column), .column, table: after.name, name: column.name)
            } else if let oldName = oldNames[column.name] {
                changes.append(
                    SchemaChange(
                        kind: .renamed, object: .column, table: after.name, name: column.name, old: .string(oldName),
                        new: .string(column.name)))
            } else {
                changes.append(SchemaChange(kind: .added, object: .column, table: after.name, name: column.name))
            }
        }
    }

    /// Columns that are the same but for their names, if there is no choice, and if they say enough about themselves:
    /// they have a description.
    private static func renames(
        _ removed: [Column], _ added: [Column], fields: (Column) -> StructuredMapping
    ) -> [String: String] {
        var candidates: [StructuredMapping: [String]] = [:]
        for column in added where !(column.description ?? "").isEmpty {
            candidates[fields(column), default: []].append(column.name)
        }
        var counts: [StructuredMapping: Int] = [:]
        for column in removed { counts[fields(column), default: 0] += 1 }
        var result: [String: String] = [:]
        for column in removed {
            let key = fields(column)
            guard counts[key] == 1, let names = candidates[key], names.count == 1 else { continue }
            result[column.name] = names[0]
        }
        return result
    }

    // MARK: Fields

    private mutating func compare(
        _ object: SchemaChange.Object, table: String, _ before: [(String, StructuredMapping)],
        _ after: [(String, StructuredMapping)]
    ) {
        let known = Dictionary(before, uniquingKeysWith: { first, _ in first })
        let names = Set(after.map(\.0))
        for (name, _) in before where !names.contains(name) {
            changes.append(SchemaChange(kind: .removed, object: object, table: table, name: name))
        }
        for (name, fields) in after {
            if let earlier = known[name] {
                compareFields(earlier, fields, object, table: table, name: name)
            } else {
                changes.append(SchemaChange(kind: .added, object: object, table: table, name: name))
            }
        }
    }

    private mutating func compareFields(
        _ before: StructuredMapping, _ after: StructuredMapping, _ object: SchemaChange.Object, table: String?,
        name: String
    ) {
        guard before != after else { return }
        var keys = before.keys
        for key in after.keys where before[key] == nil { keys.append(key) }
        for key in keys where before[key] != after[key] {
            changes.append(
                SchemaChange(
                    kind: .changed, object: object, table: table, name: name, field: key, old: before[key],
                    new: after[key]))
        }
    }
}
