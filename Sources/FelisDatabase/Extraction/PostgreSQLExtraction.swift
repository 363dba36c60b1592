import Felis

/// Makes a schema of what a PostgreSQL database says about its tables.
struct PostgreSQLExtraction {
    let name: String
    private(set) var remarks: [String] = []
    private(set) var unsaid = UnsaidParts()

    init(name: String) { self.name = name }

    mutating func schema(_ catalog: PostgreSQLCatalog) -> Schema {
        var schema = Schema(name: name, id: "#\(name)")
        let columns = Dictionary(grouping: catalog.columns, by: \.table)
        let constraints = Dictionary(grouping: catalog.constraints, by: \.table)
        let indexes = Dictionary(grouping: catalog.indexes, by: \.table)
        for entry in catalog.tables {
            var table = Table(name: entry.name, id: "#\(entry.name)")
            table.description = Self.description(entry.comment)
            let own = constraints[entry.name] ?? []
            let key = own.first { $0.kind == "p" }?.columns ?? []
            let ids = key.map { Self.id($0, entry.name) }
            table.primaryKey = ids.isEmpty ? nil : ids.count == 1 ? .single(ids[0]) : .list(ids)
            let foreign = Set(own.filter { $0.kind == "f" }.flatMap(\.columns))
            for column in columns[entry.name] ?? [] {
                table.columns.append(self.column(column, key: key, foreign: foreign))
            }
            for constraint in own {
                if let constraint = self.constraint(constraint) { table.constraints.append(constraint) }
            }
            for index in indexes[entry.name] ?? [] {
                if let index = self.index(index) { table.indexes.append(index) }
            }
            schema.tables.append(table)
        }
        for other in catalog.others { remarks.append("The \(other.kind) '\(other.name)' is left out.") }
        return schema
    }

    /// A comment as files keep it: without blanks around it, and none if it is empty.
    private static func description(_ comment: String?) -> String? {
        guard let comment else { return nil }
        let text = comment.drop { $0.isWhitespace }
        let end = text.lastIndex { !$0.isWhitespace }
        return end.map { String(text[...$0]) }
    }

    private static func id(_ column: String, _ table: String) -> String { "#\(table).\(column)" }

    // MARK: Columns

    private mutating func column(_ entry: PostgreSQLCatalog.ColumnEntry, key: [String], foreign: Set<String>) -> Column {
        let place = "\(entry.table).\(entry.name)"
        let type = PostgreSQLColumnType(entry.type)
        if let remark = type.remark {
            remarks.append("The type '\(entry.type)' of column \(place) \(remark).")
            unsaid.ofTypes[place] = "its type is \(entry.type)"
        }
        var column = Column(name: entry.name, id: Self.id(entry.name, entry.table), datatype: type.datatype)
        column.length = type.length
        column.precision = type.precision
        column.postgresqlDatatype = type.override
        column.isNullable = entry.isNullable
        column.description = Self.description(entry.comment)
        column.arraysize = type.datatype.defaultArraysize(length: type.length)
        column.xtype = type.datatype == .timestamp ? "timestamp" : nil
        if entry.isGenerated {
            remarks.append("The column \(place) is computed from others; it is written as a plain one.")
            return column
        }
        let counts = entry.isIdentity || entry.value?.hasPrefix("nextval(") ?? false
        // The rule by which a column counts unless it says otherwise.
        let countsByRule = key == [entry.name] && type.datatype.isInteger && !foreign.contains(entry.name)
        if counts, !key.contains(entry.name) {
            remarks.append("The column \(place) counts by itself, which only keys can do here; that is left out.")
        } else if counts != countsByRule {
            column.autoincrement = key.contains(entry.name) && type.datatype.isInteger ? counts : nil
        }
        guard !counts, let text = entry.value else { return column }
        column.value = PostgreSQLDefault.value(text, type.datatype)
        if column.value != nil, countsByRule { column.autoincrement = nil }
        if column.value == nil, !PostgreSQLDefault.isNull(text) {
            remarks.append("The default of column \(place), \(text), is no plain value; it is left out.")
        }
        return column
    }

    // MARK: Constraints and indexes

    private mutating func constraint(_ entry: PostgreSQLCatalog.ConstraintEntry) -> Constraint? {
        let ids = entry.columns.map { Self.id($0, entry.table) }
        let content: Constraint.Content
        switch entry.kind {
        case "u": content = .unique(columns: ids)
        case "c": content = .check(expression: Self.bare(entry.expression ?? ""))
        case "f":
            guard entry.targetSchema == nil, let target = entry.target else {
                remarks.append(
                    "The foreign key '\(entry.name)' of table \(entry.table) leads to another schema; it is left out.")
                return nil
            }
            content = .foreignKey(
                .init(
                    columns: ids, referenced: entry.targetColumns.map { Self.id($0, target) },
                    onDelete: Self.action(entry.onDelete), onUpdate: Self.action(entry.onUpdate)))
        case "x":
            remarks.append("The exclusion '\(entry.name)' of table \(entry.table) is left out.")
            return nil
        default: return nil
        }
        for part in PostgreSQLDefinition.unsaid(ofConstraint: entry.definition) {
            remarks.append("The constraint '\(entry.name)' of table \(entry.table) \(part); that is left out.")
        }
        var constraint = Constraint(name: entry.name, id: "#\(entry.name)", content: content)
        constraint.isDeferrable = entry.isDeferrable
        constraint.initially = entry.isDeferred ? .deferred : nil
        constraint.description = Self.description(entry.comment)
        return constraint
    }

    /// A condition without the parentheses around all of it.
    private static func bare(_ text: String) -> String {
        guard text.hasPrefix("("), text.hasSuffix(")") else { return text }
        let inner = text.dropFirst().dropLast()
        var level = 0
        var quote: Character?
        for character in inner {
            if let open = quote {
                if character == open { quote = nil }
                continue
            }
            switch character {
            case "'", "\"": quote = character
            case "(": level += 1
            case ")": level -= 1
            default: break
            }
            if level < 0 { return text }
        }
        return String(inner)
    }

    /// `nil` for the default, which is not told apart from `NO ACTION`.
    private static func action(_ letter: String) -> Constraint.Action? {
        switch letter {
        case "c": .cascade
        case "n": .setNull
        case "d": .setDefault
        case "r": .restrict
        default: nil
        }
    }

    private mutating func index(_ entry: PostgreSQLCatalog.IndexEntry) -> Index? {
        var reason: String?
        if entry.isUnique { reason = "is unique" }
        if entry.isPartial { reason = "covers some rows only" }
        if entry.method != "btree" { reason = "is of the kind \(entry.method)" }
        if let reason {
            remarks.append("The index '\(entry.name)' of table \(entry.table) \(reason); it is left out.")
            return nil
        }
        for part in PostgreSQLDefinition.unsaid(ofIndex: entry.definition, keys: entry.spelledKeys) {
            remarks.append("The index '\(entry.name)' of table \(entry.table) \(part); that is left out.")
        }
        let content: Index.Content =
            entry.hasExpressions
            ? .expressions(entry.keys) : .columns(entry.keys.map { Self.id($0, entry.table) })
        return Index(name: entry.name, id: "#\(entry.name)", content: content)
    }
}
