public import ButlerModel

/// A condition on the rows of a query, written with operators instead of text.
///
///     let visit = QueryColumn("visit"), band = QueryColumn("band")
///     query.where(visit > 5 && band.isIn(["g", "r"]) && !QueryColumn("exposure.can_see_sky").isTrue)
///
/// Names mean what they mean in an expression; they and the types are checked when the query runs.
public indirect enum QueryCondition: Sendable {
    /// A text of the expression language.
    case expression(String, bind: [String: BindValue])
    /// `dimension = value` for each value.
    case dataID([String: DataIDValue])
    /// A finished condition.
    case predicate(Predicate)

    case comparison(QueryOperand, ComparisonOperator, QueryOperand)
    case isTrue(QueryColumn)
    case isNull(QueryColumn)
    case isInList(QueryColumn, [QueryLiteral])
    /// Both ends included.
    case isInRange(QueryColumn, ClosedRange<Int64>, step: Int64)
    /// Whether the value is among those that another query gives the second column.
    case isInQuery(QueryColumn, of: QueryColumn, QueryDefinition)

    case and(QueryCondition, QueryCondition)
    case or(QueryCondition, QueryCondition)
    case not(QueryCondition)
}

/// What a typed condition compares: a column, a value, or a number computed from them.
public indirect enum QueryOperand: Hashable, Sendable {
    case column(QueryColumn)
    case literal(QueryLiteral)
    case negated(QueryOperand)
    case arithmetic(QueryOperand, ArithmeticOperator, QueryOperand)
}

/// A column, or a number computed from columns: `visit`, `visit % 2`.
public protocol QueryComputable: Sendable {
    var operand: QueryOperand { get }
}

extension QueryColumn: QueryComputable {
    public var operand: QueryOperand { .column(self) }
}

extension QueryOperand: QueryComputable {
    public var operand: QueryOperand { self }
}

/// A column by name, as expressions name it: `visit`, `visit.exposure_time`, `timespan.begin`, `calexp.run`.
public struct QueryColumn: Hashable, Sendable {
    public let name: String

    public init(_ name: String) { self.name = name }

    public var isTrue: QueryCondition { .isTrue(self) }
    public var isNull: QueryCondition { .isNull(self) }

    public func isIn(_ values: [QueryLiteral]) -> QueryCondition { .isInList(self, values) }
    public func isIn(_ range: ClosedRange<Int64>, step: Int64 = 1) -> QueryCondition {
        .isInRange(self, range, step: step)
    }

    /// Whether the value is among those that another query gives `column`.
    public func isIn(_ column: QueryColumn, of query: QueryDefinition) -> QueryCondition {
        .isInQuery(self, of: column, query)
    }

    /// - Parameter pattern: `*` is any text, `?` one character; a backslash makes them ordinary.
    public func matches(glob pattern: String) -> QueryCondition {
        .comparison(.column(self), .glob, .literal(.string(pattern)))
    }

    /// For regions and timespans; a timespan may also overlap a time.
    public func overlaps(_ other: QueryLiteral) -> QueryCondition {
        .comparison(.column(self), .overlaps, .literal(other))
    }

    public func overlaps(_ other: QueryColumn) -> QueryCondition {
        .comparison(.column(self), .overlaps, .column(other))
    }
}

// MARK: - Operators

extension QueryComputable {
    public static func == (a: Self, b: QueryLiteral) -> QueryCondition { a.compared(.equal, b) }
    public static func != (a: Self, b: QueryLiteral) -> QueryCondition { a.compared(.notEqual, b) }
    public static func < (a: Self, b: QueryLiteral) -> QueryCondition { a.compared(.less, b) }
    public static func <= (a: Self, b: QueryLiteral) -> QueryCondition { a.compared(.lessOrEqual, b) }
    public static func > (a: Self, b: QueryLiteral) -> QueryCondition { a.compared(.greater, b) }
    public static func >= (a: Self, b: QueryLiteral) -> QueryCondition { a.compared(.greaterOrEqual, b) }

    private func compared(_ operation: ComparisonOperator, _ value: QueryLiteral) -> QueryCondition {
        .comparison(operand, operation, .literal(value))
    }

    /// A comparison of two columns, or of numbers computed from them.
    public func compared(_ operation: ComparisonOperator, to other: some QueryComputable) -> QueryCondition {
        .comparison(operand, operation, other.operand)
    }
}

/// Arithmetic: both sides whole numbers, or both floating-point numbers; `/` is true division, `%` takes whole numbers.
extension QueryComputable {
    public static prefix func - (a: Self) -> QueryOperand { .negated(a.operand) }

    public static func + (a: Self, b: QueryLiteral) -> QueryOperand { a.computed(.add, .literal(b)) }
    public static func - (a: Self, b: QueryLiteral) -> QueryOperand { a.computed(.subtract, .literal(b)) }
    public static func * (a: Self, b: QueryLiteral) -> QueryOperand { a.computed(.multiply, .literal(b)) }
    public static func / (a: Self, b: QueryLiteral) -> QueryOperand { a.computed(.divide, .literal(b)) }
    public static func % (a: Self, b: QueryLiteral) -> QueryOperand { a.computed(.remainder, .literal(b)) }

    public static func + (a: Self, b: some QueryComputable) -> QueryOperand { a.computed(.add, b.operand) }
    public static func - (a: Self, b: some QueryComputable) -> QueryOperand { a.computed(.subtract, b.operand) }
    public static func * (a: Self, b: some QueryComputable) -> QueryOperand { a.computed(.multiply, b.operand) }
    public static func / (a: Self, b: some QueryComputable) -> QueryOperand { a.computed(.divide, b.operand) }
    public static func % (a: Self, b: some QueryComputable) -> QueryOperand { a.computed(.remainder, b.operand) }

    private func computed(_ operation: ArithmeticOperator, _ other: QueryOperand) -> QueryOperand {
        .arithmetic(operand, operation, other)
    }
}

extension QueryCondition {
    public static func && (a: QueryCondition, b: QueryCondition) -> QueryCondition { .and(a, b) }
    public static func || (a: QueryCondition, b: QueryCondition) -> QueryCondition { .or(a, b) }
    public static prefix func ! (operand: QueryCondition) -> QueryCondition { .not(operand) }
}

extension QueryLiteral: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByFloatLiteral {
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(floatLiteral value: Double) { self = .float(value) }
}
