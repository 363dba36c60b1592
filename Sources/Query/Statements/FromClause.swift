import ButlerModel
import Database

/// What a select reads from: tables and subqueries joined on the dimension keys they share, and conditions on them.
struct FromClause {
    let keepsOrder: Bool
    private var joins: [Join] = []
    private(set) var conditions: [SQL] = []
    private(set) var sources = ColumnSources()

    private struct Join {
        let table: SQL
        var on: [SQL]
    }

    init(keepsOrder: Bool) { self.keepsOrder = keepsOrder }

    var isEmpty: Bool { joins.isEmpty }

    /// Joins a table.
    ///
    /// - Parameters:
    ///   - table: a table, or a subquery, with its alias.
    ///   - keys: the columns that hold dimension keys. Where an earlier table gives the key too, both must be equal.
    ///   - on: further conditions on the joined row.
    mutating func join(_ table: SQL, keys: [(dimension: Int, sql: SQL)], on: [SQL] = []) {
        var equalities: [SQL] = []
        for (dimension, sql) in keys {
            if let known = sources.keys[dimension] {
                equalities.append("\(sql) = \(known)")
            } else {
                sources.keys[dimension] = sql
            }
        }
        joins.append(Join(table: table, on: equalities + on))
    }

    /// Joins a table whose rows belong to the table before it.
    mutating func attach(_ table: SQL, on: [SQL]) { joins.append(Join(table: table, on: on)) }

    mutating func filter(_ conditions: [SQL]) { self.conditions += conditions }

    mutating func withSources(_ body: (inout ColumnSources) throws -> Void) rethrows { try body(&sources) }

    /// `FROM … WHERE …`, with a blank before it; nothing at all without tables and conditions.
    var sql: SQL {
        var sql = SQL()
        var first: [SQL] = []
        for (index, join) in joins.enumerated() {
            if index == 0 {
                sql += " FROM \(join.table)"
                first = join.on
            } else {
                let on: SQL = join.on.isEmpty ? "1 = 1" : join.on.joined(separator: " AND ")
                sql += " \(keepsOrder ? SQL.joinInOrder : "JOIN") \(join.table) ON \(on)"
            }
        }
        let all = first + conditions
        if !all.isEmpty { sql += " WHERE \(Self.conjunction(all))" }
        return sql
    }

    private static func conjunction(_ conditions: [SQL]) -> SQL {
        conditions.count <= 100 ? conditions.joined(separator: " AND ") : .allBalanced(conditions)
    }
}
