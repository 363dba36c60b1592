import StructuredData

/// Reads tables with all that is in them, and checks each table by itself.
struct TableReader {
    let context: ReadingContext

    static let keys = FieldTable(
        "name", "@id=id", "description", "votable:utype=votable_utype", "primaryKey=primary_key",
        "tap:table_index=tap_table_index", "mysql:engine=mysql_engine", "mysql:charset=mysql_charset",
        "columnRefs=column_refs", "columns", "columnGroups=column_groups", "constraints", "indexes")

    func table(_ node: YAMLNode) -> Table? {
        guard let fields = Fields(node, Self.keys, className: "the table", in: context) else { return nil }
        let common = CommonFields(fields, generatedID: { "#\($0)" })
        let name = common.name ?? ""
        var table = Table(name: name, id: common.id ?? "")
        table.position = node.position
        table.description = common.description
        table.utype = common.utype
        table.primaryKey = primaryKey(fields)
        table.tableIndex = fields.integer(5)
        table.mysqlEngine = fields.has(6) ? fields.text(6) : Table.defaultEngine
        table.mysqlCharset = fields.text(7)
        if let references = fields[8] {
            table.references = fields.inside(8) { ReferenceReader(context: context).references(references) }
        }
        let columns = ColumnReader(context: context)
        var wrongColumns = false
        fields.forEach(9) { node in
            if let column = columns.column(node, tableName: name) {
                table.columns.append(column)
            } else {
                wrongColumns = true
            }
        }
        fields.forEach(10) { node in
            let reader = GroupReader(context: context)
            let getsID = !fields.hasOtherName(10)
            if let group = reader.group(node, tableName: name, getsID: getsID) { table.groups.append(group) }
        }
        fields.forEach(11) { node in
            if let constraint = ConstraintReader(context: context).constraint(node) {
                table.constraints.append(constraint)
            }
        }
        fields.forEach(12) { node in
            if let index = IndexReader(context: context).index(node) { table.indexes.append(index) }
        }
        check(table, fields, wrongColumns: wrongColumns)
        return common.name == nil ? nil : table
    }

    private func primaryKey(_ fields: Fields) -> PrimaryKey? {
        guard let node = fields.present(4) else { return nil }
        if case .sequence = node.content { return fields.texts(4).map { .list($0) } }
        return fields.text(4).map { .single($0) }
    }

    private func check(_ table: Table, _ fields: Fields, wrongColumns: Bool) {
        var names: Set<String> = []
        for (index, column) in table.columns.enumerated() where !names.insert(column.name).inserted {
            context.report(
                .value,
                "column names must be unique: '\(column.name)' (item \(index)) appears again in table '\(table.name)'",
                at: column.position, below: [.key("columns")])
        }
        if !wrongColumns, !table.groups.isEmpty {
            let ids = Set(table.columns.map(\.id))
            for group in table.groups {
                for id in group.columns where !ids.contains(id) {
                    context.report(
                        .value, "column '\(id)' of the group '\(group.name)' not found in table '\(table.name)'",
                        at: group.position)
                }
            }
        }
        if context.options.checks.contains(.tableIndexes), table.tableIndex == nil {
            context.report(
                .value, "table '\(table.name)' is missing a TAP table index", at: table.position,
                remedy: "add 'tap:table_index'")
        }
        if context.options.checks.contains(.principal), !table.columns.contains(where: { $0.principal == 1 }) {
            context.report(
                .value, "table '\(table.name)' is missing at least one column designated as 'tap:principal'",
                at: table.position)
        }
    }
}

/// Reads groups of columns.
private struct GroupReader {
    let context: ReadingContext

    static let keys = FieldTable(
        "name", "@id=id", "description", "votable:utype=votable_utype", "columns", "ivoa:ucd=ivoa_ucd")

    func group(_ node: YAMLNode, tableName: String, getsID: Bool) -> ColumnGroup? {
        guard let fields = Fields(node, Self.keys, className: "the column group", in: context) else { return nil }
        let common = CommonFields(fields, generatedID: getsID ? { "#\(tableName).\($0)" } : nil)
        let ucd = UCDCheck.read(fields, 5)
        guard fields.has(4) else {
            fields.reportMissing(4)
            return nil
        }
        var ids: [String] = []
        var count = 0
        fields.forEach(4) { item in
            count += 1
            if case .mapping = item.content {
                if let column = ColumnReader(context: context).column(item, tableName: nil) {
                    ids.append(column.id)
                }
            } else if let id = Scalars.text(item, in: context) {
                ids.append(id)
            }
        }
        if count == 0, let node = fields[4], case .sequence = node.content {
            context.report(.tooShort, "at least 1 item is needed", at: node.position, below: [.key("columns")])
        }
        if Set(ids).count < ids.count {
            context.report(.value, "columns in the group must be unique", at: fields[4]?.position)
        }
        guard let name = common.name, let id = common.id else { return nil }
        return ColumnGroup(
            name: name, id: id, description: common.description, utype: common.utype, columns: ids, ucd: ucd,
            position: node.position)
    }
}

/// Reads indexes.
struct IndexReader {
    let context: ReadingContext

    static let keys = FieldTable(
        "name", "@id=id", "description", "votable:utype=votable_utype", "columns", "expressions")

    func index(_ node: YAMLNode) -> Index? {
        guard let fields = Fields(node, Self.keys, className: "the index", in: context) else { return nil }
        let common = CommonFields(fields, generatedID: { "#\($0)" })
        let columns = fields.texts(4)
        let expressions = fields.texts(5)
        let hasColumns = fields.present(4) != nil
        let hasExpressions = fields.present(5) != nil
        // An empty list counts as nothing.
        let content: Index.Content? =
            if let columns, !columns.isEmpty { .columns(columns) } else {
                expressions.flatMap { $0.isEmpty ? nil : .expressions($0) }
            }
        if hasColumns, hasExpressions {
            context.report(.value, "an index of columns and expressions is not valid", at: node.position)
        } else if content == nil, columns != nil || !hasColumns, expressions != nil || !hasExpressions {
            context.report(.value, "an index must define columns or expressions", at: node.position)
        }
        guard let name = common.name, let id = common.id, let content else { return nil }
        var index = Index(name: name, id: id, content: content, position: node.position)
        index.description = common.description
        index.utype = common.utype
        return index
    }
}
