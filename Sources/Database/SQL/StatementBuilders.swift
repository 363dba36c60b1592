/// What an insert does with a row that a key or unique constraint does not allow.
public enum ConflictRule: Hashable, Sendable {
    /// Throw ``DatabaseError/constraintViolation(_:)``.
    case fail
    /// Skip the row, whichever uniqueness it violates.
    case ignore
    /// Skip the row if these columns, a key or unique together, exist already; other violations fail.
    case ignoreOn([String])
    /// Replace the values of `set` (`nil`: all inserted columns outside the key) in the row that has the same `key`.
    case update(key: [String], set: [String]? = nil)
}

extension SQL {
    /// An insert for `executeMany(_:rows:)`: each row holds one value for each of `columns`.
    ///
    /// `columns` defaults to all but the autoincrement key, whose value the database supplies when it is left out.
    ///
    /// - Throws: ``DatabaseError/invalidStatement(_:)`` for columns that the table does not have.
    public static func insert(
        into table: TableSpecification, columns names: [String]? = nil, onConflict rule: ConflictRule = .fail,
        temporary: Bool = false, returning: [String] = []
    ) throws(DatabaseError) -> SQL {
        let columns = try insertedColumns(table, names)
        let values = columns.map { SQL(elements: [.parameter($0.type)]) }
        let statement = try insert(
            table, columns, source: .values(values), rule, temporary: temporary, returning: returning)
        guard returning.isEmpty, !columns.isEmpty else { return statement }
        let parts = BulkInsert(table: table, columns: columns, conflictRule: rule, isTemporary: temporary)
        return SQL(elements: [.insertTemplate(parts, statement)])
    }

    /// An insert of one row.
    public static func insert(
        into table: TableSpecification, columns names: [String]? = nil, values: [SQLValue],
        onConflict rule: ConflictRule = .fail, temporary: Bool = false, returning: [String] = []
    ) throws(DatabaseError) -> SQL {
        let columns = try insertedColumns(table, names)
        guard columns.count == values.count else {
            throw .invalidStatement("\(values.count) values for \(columns.count) columns of table '\(table.name)'")
        }
        let bound = zip(columns, values).map { SQL(elements: [.typedValue($1, $0.type)]) }
        return try insert(table, columns, source: .values(bound), rule, temporary: temporary, returning: returning)
    }

    /// An insert of the rows of `select`, whose columns must be those of `columns` in order, each timespan as
    /// `\(timespan:as:)` gives it.
    public static func insert(
        into table: TableSpecification, columns names: [String]? = nil, select: SQL,
        onConflict rule: ConflictRule = .fail, temporary: Bool = false, returning: [String] = []
    ) throws(DatabaseError) -> SQL {
        let columns = try insertedColumns(table, names)
        return try insert(table, columns, source: .select(select), rule, temporary: temporary, returning: returning)
    }

    /// An update of the rows that fulfil `condition`.
    public static func update(
        _ table: TableSpecification, set assignments: [(column: String, value: SQLValue)], where condition: SQL
    ) throws(DatabaseError) -> SQL {
        let columns = try table.columns(named: assignments.map(\.column))
        guard !columns.isEmpty else { throw .invalidStatement("an update of table '\(table.name)' sets no column") }
        let parts = zip(columns, assignments).map { column, assignment in
            SQL(elements: [.assignment(column, assignment.value)])
        }
        return "UPDATE \(table: table) SET \(parts.joined(separator: ", ")) WHERE \(condition)"
    }

    /// The columns of the outermost select in the form that ``DatabaseRow`` expects: one logical column each.
    public static func results(_ columns: [ColumnSpecification], of alias: String? = nil) -> SQL {
        columns.map { column in
            column.type == .timespan
                ? SQL(elements: [.timespan(.column(column.name, of: alias), .result)])
                : "\(column: column.name, of: alias)"
        }.joined(separator: ", ")
    }

    // MARK: - Parts

    private enum InsertSource {
        case values([SQL])
        case select(SQL)
    }

    private static func insertedColumns(
        _ table: TableSpecification, _ names: [String]?
    ) throws(DatabaseError) -> [ColumnSpecification] {
        guard let names else { return table.columns.filter { $0.type != .autoincrement } }
        return try table.columns(named: names)
    }

    private static func insert(
        _ table: TableSpecification, _ columns: [ColumnSpecification], source: InsertSource, _ rule: ConflictRule,
        temporary: Bool, returning: [String]
    ) throws(DatabaseError) -> SQL {
        let target = SQL(elements: [temporary ? .temporaryTable(table.name) : .table(table.name)])
        // A key that the caller leaves out comes from the database: by itself in SQLite, from a sequence otherwise.
        var key: SQL?
        if let auto = table.autoincrementColumn, !columns.contains(auto) {
            key = SQL(elements: [.generatedKey(table: table.name, column: auto)])
        }
        let names = SQL(elements: [.targetColumns(columns, generatedKey: key == nil ? nil : table.autoincrementColumn)])
        var statement: SQL = "INSERT INTO \(target)"
        if columns.isEmpty {
            guard let auto = table.autoincrementColumn, case .values = source else {
                throw .invalidStatement("an insert into table '\(table.name)' names no column")
            }
            statement += SQL(elements: [.generatedKeyOnly(table: table.name, column: auto)])
        } else {
            switch source {
            case .values(let values):
                statement += " (\(names)) VALUES (\(values.joined(separator: ", "))\(key ?? ""))"
            case .select(let select):
                // The condition keeps SQLite from reading ON CONFLICT as a join constraint.
                statement += " (\(names)) SELECT *\(key ?? "") FROM (\(select)) AS source WHERE 1 = 1"
            }
        }
        statement += try clause(for: rule, table, columns)
        if !returning.isEmpty { statement += " RETURNING \(results(try table.columns(named: returning)))" }
        return statement
    }

    private static func clause(
        for rule: ConflictRule, _ table: TableSpecification, _ columns: [ColumnSpecification]
    ) throws(DatabaseError) -> SQL {
        switch rule {
        case .fail: return ""
        case .ignore: return " ON CONFLICT DO NOTHING"
        case .ignoreOn(let key):
            _ = try table.columns(named: key)
            return " ON CONFLICT (\(columns: key)) DO NOTHING"
        case .update(let key, let set):
            _ = try table.columns(named: key)
            let updated =
                if let set { try table.columns(named: set) } else { columns.filter { !key.contains($0.name) } }
            guard !updated.isEmpty else { return " ON CONFLICT (\(columns: key)) DO NOTHING" }
            let parts = updated.map { SQL(elements: [.replacement($0)]) }
            return " ON CONFLICT (\(columns: key)) DO UPDATE SET \(parts.joined(separator: ", "))"
        }
    }
}
