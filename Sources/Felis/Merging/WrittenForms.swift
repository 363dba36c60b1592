import StructuredData

/// Objects of a schema as people would write them into a file: without ids that follow from names, and without what
/// follows from the datatype.
struct WrittenForms {
    /// The id that a column has in the file; ids of other schemas may differ.
    let columnID: (String) -> String
    private let dump = SchemaDump(dereferences: true)

    init(columnID: @escaping (String) -> String) { self.columnID = columnID }

    func column(_ column: Column, table: String) -> StructuredMapping {
        var mapping = dump.column(column)
        if column.id == "#\(table).\(column.name)" { mapping["@id"] = nil }
        if column.arraysize == column.datatype.defaultArraysize(length: column.length) {
            mapping["votable:arraysize"] = nil
        }
        if column.datatype == .timestamp, column.xtype == "timestamp" { mapping["votable:xtype"] = nil }
        return mapping
    }

    func constraint(_ constraint: Constraint) -> StructuredMapping {
        var constraint = constraint
        switch constraint.content {
        case .unique(let columns): constraint.content = .unique(columns: columns.map(columnID))
        case .check: break
        case .foreignKey(var key):
            key.columns = key.columns.map(columnID)
            key.referenced = key.referenced.map(columnID)
            constraint.content = .foreignKey(key)
        }
        var mapping = dump.constraint(constraint)
        if constraint.id == "#\(constraint.name)" { mapping["@id"] = nil }
        return mapping
    }

    func index(_ index: Index) -> StructuredMapping {
        var index = index
        if case .columns(let ids) = index.content { index.content = .columns(ids.map(columnID)) }
        var mapping = dump.index(index)
        if index.id == "#\(index.name)" { mapping["@id"] = nil }
        return mapping
    }

    func group(_ group: ColumnGroup) -> StructuredMapping {
        var group = group
        group.columns = group.columns.map(columnID)
        return dump.group(group)
    }

    func table(_ table: Table) -> StructuredMapping {
        var mapping = dump.table(table)
        if table.id == "#\(table.name)" { mapping["@id"] = nil }
        func objects(_ items: [StructuredMapping]) -> StructuredValue { .array(items.map { .object($0) }) }
        if mapping["columns"] != nil {
            mapping["columns"] = objects(table.columns.map { column($0, table: table.name) })
        }
        if !table.constraints.isEmpty { mapping["constraints"] = objects(table.constraints.map { constraint($0) }) }
        if !table.indexes.isEmpty { mapping["indexes"] = objects(table.indexes.map { index($0) }) }
        return mapping
    }
}
