/// A piece of a statement, or a whole one, made of trusted text, quoted identifiers and values.
///
///     let young: SQL = "SELECT \(column: "name") FROM \(table: "visit") WHERE \(column: "id") > \(value: 12)"
///
/// Values become bindings of the prepared statement and identifiers are quoted, so text that came from outside can
/// not change the meaning of a statement: there is no way to paste a runtime string. How a table is qualified, a
/// list is sent or a timespan is compared is decided by the ``SQLDialect`` when the statement is run. Literal parts
/// may not contain `?`.
public struct SQL: Sendable {
    indirect enum Element: Sendable {
        case text(String)
        case identifier(String)
        case table(String)
        case temporaryTable(String)
        case value(SQLValue)
        /// The next value of a row given to `executeMany`, or of the values given to a builder.
        case parameter(ColumnType)
        /// Whether an expression equals one of the values.
        case member(SQL, [SQLValue])
        /// Whether a tuple of expressions equals one of the rows.
        case membership([SQL], [[SQLValue]])
        case timespan(TimespanExpression, TimespanRole)
        case function(SQLFunction)
        /// A table of given values: names and types of its columns, and rows.
        case rows([String], [ColumnType], [[SQLValue]])
        /// A value for a column of this type.
        case typedValue(SQLValue, ColumnType)
        /// The column list of an insert, with the key that the database generates if it has to be named.
        case targetColumns([ColumnSpecification], generatedKey: ColumnSpecification?)
        /// The last value of an insert that leaves the key to the database, with the comma before it.
        case generatedKey(table: String, column: ColumnSpecification)
        /// All of an insert's columns and values when the generated key is the only column.
        case generatedKeyOnly(table: String, column: ColumnSpecification)
        /// An insert of one row that is given later, and what it is made of, for systems that insert many rows otherwise.
        case insertTemplate(BulkInsert, SQL)
        /// `column = value` in an update.
        case assignment(ColumnSpecification, SQLValue)
        /// `column = the value that could not be inserted` in an upsert.
        case replacement(ColumnSpecification)
    }

    enum TimespanRole: Sendable {
        case inner(name: String)
        case result
        case overlaps(TimespanExpression)
        case isBefore(TimespanExpression)
        case isEqual(TimespanExpression)
        case contains(SQL)
        case isNull, isEmpty, begin, end
    }

    var elements: [Element]

    init(elements: [Element]) { self.elements = elements }

    /// The empty fragment.
    public init() { elements = [] }

    public var isEmpty: Bool { elements.isEmpty }

    public mutating func append(_ other: SQL) { elements.append(contentsOf: other.elements) }

    public static func + (a: SQL, b: SQL) -> SQL { SQL(elements: a.elements + b.elements) }
    public static func += (a: inout SQL, b: SQL) { a.append(b) }
}

extension Sequence where Element == SQL {
    /// The fragments in order with `separator` between them.
    public func joined(separator: SQL) -> SQL {
        var result = SQL()
        for (index, part) in self.enumerated() {
            if index > 0 { result.append(separator) }
            result.append(part)
        }
        return result
    }
}

// MARK: - Conditions

extension SQL {
    /// Whether `expression` equals one of `values`; false for an empty list. NULL is never a member.
    ///
    /// The list may have any length: the dialect sends it as one array when it is long. The values must be of one
    /// kind.
    public static func isIn(_ expression: SQL, _ values: [SQLValue]) -> SQL {
        SQL(elements: [.member(expression, values)])
    }

    /// Whether the tuple of `expressions` equals one of `rows`; false for no rows.
    public static func isIn(_ expressions: [SQL], rows: [[SQLValue]]) -> SQL {
        SQL(elements: [.membership(expressions, rows)])
    }

    /// All of the conditions; true when there are none.
    public static func all(_ conditions: [SQL]) -> SQL {
        switch conditions.count {
        case 0: "1 = 1"
        case 1: conditions[0]
        default: "(" + conditions.joined(separator: " AND ") + ")"
        }
    }

    /// At least one of the conditions; false when there are none.
    public static func any(_ conditions: [SQL]) -> SQL {
        switch conditions.count {
        case 0: "1 = 0"
        case 1: conditions[0]
        default: "(" + conditions.joined(separator: " OR ") + ")"
        }
    }

    public static func not(_ condition: SQL) -> SQL { "NOT (\(condition))" }
}
