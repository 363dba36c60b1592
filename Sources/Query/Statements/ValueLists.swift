import ButlerModel
import Database
import QueryModel

/// Many conditions on one column as one, so that a statement does not grow with the number of values.
extension ExpressionSQL {
    /// `a = 1 OR a = 2 OR …` as a list.
    func list(of group: [PredicateLeaf]) throws -> SQL? {
        var member: ColumnReference?
        var values: [SQLValue] = []
        for leaf in group {
            guard case .comparison(.column(let column), .equal, .literal(let literal)) = leaf,
                member == nil || member == column, let value = Self.listed(literal, in: column)
            else { return nil }
            values.append(value)
            member = column
        }
        return try member.map { .isIn(try scalar($0), values) }
    }

    /// `a != 1 AND a != 2 AND …`, which NOT IN becomes, as lists; and the groups that are something else.
    func exclusions(_ groups: [[PredicateLeaf]]) throws -> (lists: [SQL], rest: [[PredicateLeaf]]) {
        var values: [ColumnReference: [SQLValue]] = [:]
        for group in groups {
            if let (column, value) = Self.exclusion(group) { values[column, default: []].append(value) }
        }
        values = values.filter { $0.value.count > 1 }
        let rest = groups.filter { group in Self.exclusion(group).map { values[$0.column] == nil } ?? true }
        let lists = try values.map { column, values -> (text: String, sql: SQL) in
            (column.description, .not(.isIn(try scalar(column), values)))
        }
        return (lists.sorted { $0.text < $1.text }.map(\.sql), rest)
    }

    /// What `a != 1` excludes.
    static func exclusion(_ group: [PredicateLeaf]) -> (column: ColumnReference, value: SQLValue)? {
        guard group.count == 1 else { return nil }
        switch group[0] {
        case .comparison(.column(let column), .notEqual, .literal(let literal)),
            .not(.comparison(.column(let column), .equal, .literal(let literal))):
            return listed(literal, in: column).map { (column, $0) }
        default: return nil
        }
    }

    private static func listed(_ literal: QueryLiteral, in column: ColumnReference) -> SQLValue? {
        switch (literal, column.type) {
        case (.int(let number), .int): .int(number)
        case (.string(let text), .string): .text(text)
        default: nil
        }
    }

    /// Many ranges of one value as a table.
    func ranges(of group: [PredicateLeaf]) throws -> SQL? {
        guard group.count > 8 else { return nil }
        var member: ColumnExpression?
        var rows: [[SQLValue]] = []
        for leaf in group {
            guard case .inRange(let operand, let start, let stop?, step: 1) = leaf, member == nil || member == operand
            else { return nil }
            rows.append([.int(start), .int(stop)])
            member = operand
        }
        guard let member else { return nil }
        let value = try scalar(member)
        // With a blank, so that it is the name of no dataset type.
        let ranges = "given ranges"
        return """
            EXISTS (SELECT 1 FROM \(SQL.rows([("start", .int), ("stop", .int)], rows)) AS \(alias: ranges) \
            WHERE \(value) >= \(column: "start", of: ranges) AND \(value) < \(column: "stop", of: ranges))
            """
    }
}
