import Felis

/// The SQL that makes the tables of a schema.
///
/// Statements come in the order of the Python tool: tables after those that they point to, each followed by its indexes
/// and, in PostgreSQL, its comments; last what has to wait until all tables are there.
public struct SchemaDefinitions: Sendable {
    public struct Options: Sendable {
        /// The schema (PostgreSQL) or database (MySQL) of the tables; `nil` for the schema's own name. SQLite has none.
        public var schemaName: String?
        /// Leave out all constraints but primary keys.
        public var ignoresConstraints = false
        public var skipsIndexes = false

        public init(schemaName: String? = nil, ignoresConstraints: Bool = false, skipsIndexes: Bool = false) {
            self.schemaName = schemaName
            self.ignoresConstraints = ignoresConstraints
            self.skipsIndexes = skipsIndexes
        }
    }

    public let schema: Schema
    public let dialect: Dialect
    public let options: Options
    private let places: [String: (table: Int, column: Int)]

    public init(_ schema: Schema, dialect: Dialect, options: Options = Options()) {
        self.schema = schema
        self.dialect = dialect
        self.options = options
        places = schema.columnsByID()
    }

    /// The name of the schema in the database; `nil` for SQLite.
    public var schemaName: String? { dialect == .sqlite ? nil : options.schemaName ?? schema.name }

    /// - Parameter present: the names of tables that are there already, of which nothing is made.
    /// - Throws: ``DefinitionError``.
    public func statements(without present: Set<String> = []) throws(DefinitionError) -> [Statement] {
        for table in schema.tables { try checkOverrides(of: table) }
        let order = try tableOrder()
        var statements: [Statement] = []
        var last: [Statement] = []
        for index in order.tables {
            let table = schema.tables[index]
            guard !present.contains(table.name) else { continue }
            let isDeferred = order.cyclic.contains(index) && dialect != .sqlite
            statements.append(Statement(.createTable, try tableText(table, leavesOutKeys: isDeferred)))
            if !options.skipsIndexes { statements += try indexStatements(of: table) }
            if dialect == .postgresql { statements += comments(on: table) }
            guard !options.ignoresConstraints else { continue }
            for constraint in table.constraints {
                let comment = dialect == .postgresql ? self.comment(on: constraint, of: table) : nil
                if isDeferred, constraint.foreignKey != nil {
                    let text = try constraintText(constraint, of: table)
                    last.append(Statement(.addConstraint, "ALTER TABLE \(name(of: table)) ADD \(text)"))
                    if let comment { last.append(comment) }
                } else if let comment {
                    statements.append(comment)
                }
            }
        }
        return statements + last
    }

    /// The statements that make indexes, table by table.
    public func indexStatements() throws(DefinitionError) -> [Statement] {
        var statements: [Statement] = []
        for table in schema.tables { statements += try indexStatements(of: table) }
        return statements
    }

    // MARK: Names

    public func name(of table: Table) -> String { qualified(table.name) }

    /// The name of a table, index or sequence, in quotes where it needs them, after that of the schema.
    func qualified(_ name: String) -> String {
        guard let schemaName else { return dialect.quoted(name) }
        return "\(dialect.quoted(schemaName)).\(dialect.quoted(name))"
    }

    private func column(_ id: String, of table: Table, user: String) throws(DefinitionError) -> Column {
        guard let place = places[id] else { throw .unknownColumn(id: id, user: user, table: table.name) }
        return schema.tables[place.table].columns[place.column]
    }

    func names(_ ids: [String], of table: Table, user: String) throws(DefinitionError) -> String {
        var names: [String] = []
        for id in ids { names.append(dialect.quoted(try column(id, of: table, user: user).name)) }
        return names.joined(separator: ", ")
    }

    // MARK: Tables

    /// - Parameter newName: the table's name instead of its own, quoted.
    func tableText(
        _ table: Table, leavesOutKeys: Bool, newName: String? = nil
    ) throws(DefinitionError) -> String {
        if table.columns.isEmpty, dialect != .postgresql { throw .emptyTable(table.name, dialect) }
        let key = table.primaryKey?.ids ?? []
        let counter = try autoincrementColumn(of: table, key: key)
        var items: [String] = []
        for column in table.columns {
            items.append(try columnText(column, of: table, isCounter: column.id == counter))
        }
        if !key.isEmpty { items.append("PRIMARY KEY (\(try names(key, of: table, user: "The primary key")))") }
        if !options.ignoresConstraints {
            for constraint in table.constraints where !(leavesOutKeys && constraint.foreignKey != nil) {
                items.append(try constraintText(constraint, of: table))
            }
        }
        var text = "CREATE TABLE \(newName ?? name(of: table)) (\n\t"
        text += items.joined(separator: ", \n\t")
        text += "\n)"
        guard dialect == .mysql else { return text }
        var tail: [String] = []
        if let engine = table.mysqlEngine { tail.append("ENGINE=\(engine)") }
        if let charset = table.mysqlCharset { tail.append("CHARSET=\(charset)") }
        if let description = table.description { tail.append("COMMENT=\(dialect.literal(description))") }
        return text + tail.joined(separator: " ")
    }

    /// The id of the column that counts by itself.
    func autoincrementColumn(of table: Table, key: [String]) throws(DefinitionError) -> String? {
        for id in key where try column(id, of: table, user: "The primary key").autoincrement == true { return id }
        guard key.count == 1, let id = key.first else { return nil }
        let only = try column(id, of: table, user: "The primary key")
        guard only.datatype.isInteger, only.autoincrement == nil, only.value == nil else { return nil }
        let isForeign =
            !options.ignoresConstraints
            && table.constraints.contains { $0.foreignKey?.columns.contains(id) ?? false }
        return isForeign ? nil : id
    }

    // MARK: Columns

    func columnText(_ column: Column, of table: Table, isCounter: Bool) throws(DefinitionError) -> String {
        var text = "\(dialect.quoted(column.name)) "
        let type = try typeText(column, of: table)
        let isSerial = isCounter && dialect == .postgresql && column.value == nil
        if isSerial {
            text += type == "BIGINT" ? "BIGSERIAL" : type == "SMALLINT" ? "SMALLSERIAL" : "SERIAL"
        } else {
            text += type
        }
        let value = column.value.map { " DEFAULT \(defaultText($0))" } ?? ""
        let null = column.isNullable ? "" : " NOT NULL"
        guard dialect == .mysql else { return text + value + null }
        // Without a word, a TIMESTAMP of MySQL may not be NULL.
        text += column.isNullable && type == "TIMESTAMP" ? " NULL" : null
        if let description = column.description { text += " COMMENT \(dialect.literal(description))" }
        text += value
        return isCounter && column.value == nil ? text + " AUTO_INCREMENT" : text
    }

    func typeText(_ column: Column, of table: Table) throws(DefinitionError) -> String {
        let override: String? =
            switch dialect {
            case .sqlite: nil
            case .postgresql: column.postgresqlDatatype
            case .mysql: column.mysqlDatatype
            }
        guard let override, column.precision == nil else {
            return dialect.typeName(column.datatype, length: column.length, precision: column.precision)
        }
        do throws(DialectType.Failure) {
            return try DialectType(creating: override, in: dialect).definition()
        } catch {
            throw .badOverride(column: column.name, table: table.name, error)
        }
    }

    /// Overrides of all dialects have to be good, whichever is made.
    private func checkOverrides(of table: Table) throws(DefinitionError) {
        for column in table.columns {
            for (text, dialect) in [(column.mysqlDatatype, Dialect.mysql), (column.postgresqlDatatype, .postgresql)] {
                guard let text else { continue }
                do throws(DialectType.Failure) {
                    _ = try DialectType(creating: text, in: dialect)
                } catch {
                    throw .badOverride(column: column.name, table: table.name, error)
                }
            }
        }
    }

    private static let bareDefaults: Set<String> = ["CURRENT_TIMESTAMP", "NOW()", "LOCALTIMESTAMP", "NULL"]

    func defaultText(_ value: DefaultValue) -> String {
        let text: String
        switch value {
        case .string(let string): text = Self.bareDefaults.contains(string) ? string : dialect.literal(string)
        case .int(let number): text = String(number)
        case .float(let number): text = DefaultText.python(number)
        case .bool(let flag): text = flag ? "True" : "False"
        }
        guard dialect != .postgresql, !text.hasPrefix("'"), !text.hasPrefix("("),
            text.contains(where: { !($0.isLetter || $0.isNumber || $0 == "_") })
        else { return text }
        return "(\(text))"
    }

    // MARK: Constraints

    func constraintText(_ constraint: Constraint, of table: Table) throws(DefinitionError) -> String {
        let user = "The constraint '\(constraint.name)'"
        var text = "CONSTRAINT \(dialect.quoted(constraint.name)) "
        switch constraint.content {
        case .unique(let columns): text += "UNIQUE (\(try names(columns, of: table, user: user)))"
        case .check(let expression): text += "CHECK (\(expression))"
        case .foreignKey(let key):
            let target = schema.tables[try targetTable(of: key, constraint: constraint, table: table)]
            text += "FOREIGN KEY(\(try names(key.columns, of: table, user: user))) REFERENCES \(name(of: target)) "
            text += "(\(try names(key.referenced, of: table, user: user)))"
            if let action = key.onDelete { text += " ON DELETE \(action.rawValue)" }
            if let action = key.onUpdate { text += " ON UPDATE \(action.rawValue)" }
        }
        if constraint.isDeferrable { text += " DEFERRABLE" }
        if let initially = constraint.initially { text += " INITIALLY \(initially.rawValue)" }
        return text
    }

    private func targetTable(
        of key: Constraint.ForeignKey, constraint: Constraint, table: Table
    ) throws(DefinitionError) -> Int {
        var target: Int?
        for id in key.referenced {
            guard let place = places[id] else {
                throw .unknownColumn(id: id, user: "The constraint '\(constraint.name)'", table: table.name)
            }
            if let target, target != place.table { throw .severalTargets(constraint: constraint.name) }
            target = place.table
        }
        guard let target else { throw .severalTargets(constraint: constraint.name) }
        return target
    }

    // MARK: Indexes

    func indexStatements(of table: Table) throws(DefinitionError) -> [Statement] {
        var statements: [Statement] = []
        for index in table.indexes {
            let columns: String
            switch index.content {
            case .columns(let ids): columns = try names(ids, of: table, user: "The index '\(index.name)'")
            case .expressions(let expressions):
                columns = expressions.map { expression in
                    table.column(name: expression) == nil ? "(\(expression))" : dialect.quoted(expression)
                }.joined(separator: ", ")
            }
            statements.append(
                Statement(
                    .createIndex, "CREATE INDEX \(dialect.quoted(index.name)) ON \(name(of: table)) (\(columns))"))
        }
        return statements
    }

    // MARK: Comments

    func comments(on table: Table) -> [Statement] {
        var statements: [Statement] = []
        if let description = table.description {
            statements.append(
                Statement(.comment, "COMMENT ON TABLE \(name(of: table)) IS \(dialect.literal(description))"))
        }
        let tableName = name(of: table)
        for column in table.columns {
            guard let description = column.description else { continue }
            let name = "\(tableName).\(dialect.quoted(column.name))"
            statements.append(Statement(.comment, "COMMENT ON COLUMN \(name) IS \(dialect.literal(description))"))
        }
        return statements
    }

    func comment(on constraint: Constraint, of table: Table) -> Statement? {
        constraint.description.map { description in
            Statement(
                .comment,
                "COMMENT ON CONSTRAINT \(dialect.quoted(constraint.name)) ON \(name(of: table)) IS "
                    + dialect.literal(description))
        }
    }

    // MARK: Order

    /// The tables, each after those that it points to, and those that point to each other in a circle.
    func tableOrder() throws(DefinitionError) -> (tables: [Int], cyclic: Set<Int>) {
        var targets = Array(repeating: Set<Int>(), count: schema.tables.count)
        if !options.ignoresConstraints {
            for (index, table) in schema.tables.enumerated() {
                for constraint in table.constraints {
                    guard let key = constraint.foreignKey else { continue }
                    let target = try targetTable(of: key, constraint: constraint, table: table)
                    if target != index { targets[index].insert(target) }
                }
            }
        }
        let cyclic = TableCycles.members(targets)
        for index in cyclic { targets[index] = [] }
        return (TableCycles.layered(targets), cyclic)
    }
}
