import AstroTime

/// A timespan inside a statement: a column or a value.
///
/// SQLite keeps a timespan in two columns and PostgreSQL in one range; this type hides the difference. Comparisons
/// with a NULL timespan are NULL, that is, not fulfilled.
public struct TimespanExpression: Sendable {
    indirect enum Storage: Sendable {
        case column(name: String, alias: String?)
        case literal(Timespan?)
        case bounds(begin: SQL, end: SQL)
        case anyValue(TimespanExpression)
    }

    let storage: Storage

    /// The timespan column `name` of a table or subquery.
    public static func column(_ name: String = "timespan", of alias: String? = nil) -> TimespanExpression {
        TimespanExpression(storage: .column(name: name, alias: alias))
    }

    /// A given timespan; `nil` is NULL.
    public static func literal(_ timespan: Timespan?) -> TimespanExpression {
        TimespanExpression(storage: .literal(timespan))
    }

    /// The half-open timespan between two instants given as expressions in TAI nanoseconds.
    public static func bounds(begin: SQL, end: SQL) -> TimespanExpression {
        TimespanExpression(storage: .bounds(begin: begin, end: end))
    }

    /// In a grouped query: the timespan of some row of the group.
    public var anyValue: TimespanExpression { TimespanExpression(storage: .anyValue(self)) }

    /// Whether the two share an instant.
    public func overlaps(_ other: TimespanExpression) -> SQL { condition(.overlaps(other)) }

    /// Whether this timespan holds the instant `time`, an expression in TAI nanoseconds.
    public func contains(time: SQL) -> SQL { condition(.contains(time)) }

    /// Whether this timespan ends before `other` begins. False when either is empty.
    public func isBefore(_ other: TimespanExpression) -> SQL { condition(.isBefore(other)) }

    /// Whether `other` ends before this timespan begins. False when either is empty.
    public func isAfter(_ other: TimespanExpression) -> SQL { other.isBefore(self) }

    public func isEqual(to other: TimespanExpression) -> SQL { condition(.isEqual(other)) }

    public var isNull: SQL { condition(.isNull) }
    public var isEmpty: SQL { condition(.isEmpty) }

    /// The first instant in TAI nanoseconds, as stored: 0 for an unbounded begin, the latest instant when empty.
    public var begin: SQL { condition(.begin) }

    /// The instant after the last in TAI nanoseconds, as stored: the latest instant when unbounded, 0 when empty.
    public var end: SQL { condition(.end) }

    private func condition(_ role: SQL.TimespanRole) -> SQL { SQL(elements: [.timespan(self, role)]) }
}
