import StructuredData

/// Writes a schema in its normal form: keys in the order of the language, no nulls, no values that are the defaults,
/// derived array sizes and ids included. The text is that of the Python tool's `dump`.
public struct SchemaDump: Sendable {
    /// Leave out the ids. References to columns keep theirs.
    public var stripsIDs = false
    /// Columns by name, in the order of code points.
    public var sortsColumns = false
    /// Write the columns that come from other schemas, and not the references to them.
    public var dereferences = false

    public init(stripsIDs: Bool = false, sortsColumns: Bool = false, dereferences: Bool = false) {
        self.stripsIDs = stripsIDs
        self.sortsColumns = sortsColumns
        self.dereferences = dereferences
    }

    public func yaml(_ schema: Schema) -> String { YAMLWriter.text(value(schema)) }

    /// JSON, indented by four blanks, without a final line break.
    public func json(_ schema: Schema) -> String {
        var writer = JSONWriter(options: .init(style: .pretty, nan: .python, escapesNonASCII: true))
        writer.value(value(schema))
        return writer.text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(repeating: " ", count: line.prefix { $0 == " " }.count) + line
        }.joined(separator: "\n")
    }

    public func value(_ schema: Schema) -> StructuredValue {
        var result = common(schema.name, schema.id, schema.description, schema.utype)
        switch schema.version {
        case nil: break
        case .text(let text): result["version"] = .string(text)
        case .detailed(let current, let compatible, let readCompatible):
            var version = StructuredMapping([("current", .string(current))])
            if !compatible.isEmpty { version["compatible"] = texts(compatible) }
            if !readCompatible.isEmpty { version["read_compatible"] = texts(readCompatible) }
            result["version"] = .object(version)
        }
        if !schema.resources.isEmpty {
            result["resources"] = .object(
                StructuredMapping(schema.resources.map { ($0.alias, .object(["uri": .string($0.uri)])) }))
        }
        result["tables"] = .array(schema.tables.map { .object(table($0)) })
        return .object(result)
    }

    private func common(_ name: String, _ id: String, _ description: String?, _ utype: String?) -> StructuredMapping {
        var result = StructuredMapping([("name", .string(name))])
        if !stripsIDs { result["@id"] = .string(id) }
        if let description { result["description"] = .string(description) }
        if let utype { result["votable:utype"] = .string(utype) }
        return result
    }

    private func texts(_ items: [String]) -> StructuredValue { .array(items.map { .string($0) }) }

    // MARK: Tables

    func table(_ table: Table) -> StructuredMapping {
        var result = common(table.name, table.id, table.description, table.utype)
        switch table.primaryKey {
        case nil: break
        case .single(let id): result["primaryKey"] = .string(id)
        case .list(let ids): result["primaryKey"] = texts(ids)
        }
        if let index = table.tableIndex { result["tap:table_index"] = .int(Int64(index)) }
        if let engine = table.mysqlEngine, engine != Table.defaultEngine { result["mysql:engine"] = .string(engine) }
        if let charset = table.mysqlCharset { result["mysql:charset"] = .string(charset) }
        if !dereferences, !table.references.isEmpty { result["columnRefs"] = references(table.references) }
        var columns = dereferences ? table.columns : table.columns.filter { !$0.isReferenced }
        if sortsColumns {
            columns.sort { $0.name.unicodeScalars.lexicographicallyPrecedes($1.name.unicodeScalars) }
        }
        result["columns"] = .array(columns.map { .object(column($0)) })
        if !table.groups.isEmpty { result["columnGroups"] = .array(table.groups.map { .object(group($0)) }) }
        if !table.constraints.isEmpty {
            result["constraints"] = .array(table.constraints.map { .object(constraint($0)) })
        }
        if !table.indexes.isEmpty { result["indexes"] = .array(table.indexes.map { .object(index($0)) }) }
        return result
    }

    private func references(_ references: [ColumnReference]) -> StructuredValue {
        var result = StructuredMapping()
        for reference in references {
            var tables = result[reference.resource]?.objectValue ?? StructuredMapping()
            var columns = tables[reference.table]?.objectValue ?? StructuredMapping()
            var details = StructuredMapping()
            if let name = reference.referencedName { details["ref_name"] = .string(name) }
            if let overrides = reference.overrides { details["overrides"] = self.overrides(overrides) }
            columns[reference.name] = reference.hasDetails ? .object(details) : .null
            tables[reference.table] = .object(columns)
            result[reference.resource] = .object(tables)
        }
        return .object(result)
    }

    private func overrides(_ overrides: ColumnOverrides) -> StructuredValue {
        var result = StructuredMapping()
        if let datatype = overrides.datatype { result["datatype"] = .string(datatype.rawValue) }
        if let length = overrides.length { result["length"] = .int(Int64(length)) }
        if let description = overrides.description.flatMap({ $0 }) { result["description"] = .string(description) }
        if let isNullable = overrides.isNullable { result["nullable"] = .bool(isNullable) }
        if let principal = overrides.principal.flatMap({ $0 }) { result["tap:principal"] = .int(Int64(principal)) }
        if let index = overrides.columnIndex.flatMap({ $0 }) { result["tap:column_index"] = .int(Int64(index)) }
        return .object(result)
    }

    func column(_ column: Column) -> StructuredMapping {
        var result = common(column.name, column.id, column.description, column.utype)
        result["datatype"] = .string(column.datatype.rawValue)
        if let length = column.length { result["length"] = .int(Int64(length)) }
        if let precision = column.precision { result["precision"] = .int(Int64(precision)) }
        if !column.isNullable { result["nullable"] = false }
        if let value = column.value { result["value"] = value.structured }
        if let autoincrement = column.autoincrement { result["autoincrement"] = .bool(autoincrement) }
        let texts: [(String, String?)] = [
            ("ivoa:ucd", column.ucd), ("fits:tunit", column.fitsUnit), ("ivoa:unit", column.ivoaUnit),
        ]
        for (key, text) in texts { if let text { result[key] = .string(text) } }
        if let index = column.columnIndex { result["tap:column_index"] = .int(Int64(index)) }
        if let principal = column.principal, principal != 0 { result["tap:principal"] = .int(Int64(principal)) }
        if let arraysize = column.arraysize { result["votable:arraysize"] = .string(arraysize) }
        if let standard = column.standard, standard != 0 { result["tap:std"] = .int(Int64(standard)) }
        let rest: [(String, String?)] = [
            ("votable:xtype", column.xtype), ("votable:datatype", column.votableDatatype),
            ("mysql:datatype", column.mysqlDatatype), ("postgresql:datatype", column.postgresqlDatatype),
        ]
        for (key, text) in rest { if let text { result[key] = .string(text) } }
        return result
    }

    func group(_ group: ColumnGroup) -> StructuredMapping {
        var result = common(group.name, group.id, group.description, group.utype)
        result["columns"] = texts(group.columns)
        if let ucd = group.ucd { result["ivoa:ucd"] = .string(ucd) }
        return result
    }

    func constraint(_ constraint: Constraint) -> StructuredMapping {
        var result = common(constraint.name, constraint.id, constraint.description, constraint.utype)
        if constraint.isDeferrable { result["deferrable"] = true }
        if let initially = constraint.initially { result["initially"] = .string(initially.rawValue) }
        result["@type"] = .string(constraint.typeName)
        switch constraint.content {
        case .unique(let columns): result["columns"] = texts(columns)
        case .check(let expression): result["expression"] = .string(expression)
        case .foreignKey(let key):
            result["columns"] = texts(key.columns)
            result["referencedColumns"] = texts(key.referenced)
            if let action = key.onDelete { result["on_delete"] = .string(action.rawValue) }
            if let action = key.onUpdate { result["on_update"] = .string(action.rawValue) }
        }
        return result
    }

    func index(_ index: Index) -> StructuredMapping {
        var result = common(index.name, index.id, index.description, index.utype)
        switch index.content {
        case .columns(let ids): result["columns"] = texts(ids)
        case .expressions(let expressions): result["expressions"] = texts(expressions)
        }
        return result
    }
}
