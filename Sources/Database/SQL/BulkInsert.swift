/// What a template that inserts rows is made of.
struct BulkInsert: Sendable {
    var table: TableSpecification
    var columns: [ColumnSpecification]
    var conflictRule: ConflictRule
    var isTemporary: Bool

    /// The insert of all of these rows.
    func statement(_ rows: [[SQLValue]]) throws(DatabaseError) -> SQL {
        let given = SQL.rows(columns.map { ($0.name, $0.type) }, rows)
        return try statement(selecting: "SELECT * FROM \(given) AS \(alias: "given")")
    }

    /// The insert of the rows of `select`, whose columns are these in order.
    func statement(selecting select: SQL) throws(DatabaseError) -> SQL {
        try .insert(
            into: table, columns: columns.map(\.name), select: select, onConflict: conflictRule, temporary: isTemporary)
    }
}

extension SQL {
    /// What is inserted, if this is a template of an insert and nothing else.
    var bulkInsert: BulkInsert? {
        guard elements.count == 1, case .insertTemplate(let insert, _) = elements[0] else { return nil }
        return insert
    }
}
