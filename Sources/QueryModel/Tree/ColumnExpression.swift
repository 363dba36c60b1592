import ButlerModel

/// A value computed for each row of a query.
public indirect enum ColumnExpression: Hashable, Sendable {
    case literal(QueryLiteral)
    case column(ColumnReference)
    case negated(ColumnExpression)
    /// The begin or end of a timespan, as a datetime.
    case bound(TimespanBound, ColumnExpression)
    case arithmetic(ArithmeticOperator, ColumnExpression, ColumnExpression)
}

public enum TimespanBound: String, Hashable, Sendable {
    case begin = "begin_of"
    case end = "end_of"
}

public enum ArithmeticOperator: String, Hashable, Sendable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    /// True division, also of whole numbers.
    case divide = "/"
    case remainder = "%"
}

extension ColumnExpression {
    public var type: ValueType {
        switch self {
        case .literal(let literal): literal.type
        case .column(let column): column.type
        case .negated(let operand): operand.type
        case .bound: .datetime
        case .arithmetic(_, let a, _): a.type
        }
    }

    public var isColumn: Bool { if case .column = self { true } else { false } }

    /// Calls `body` with each column that the expression reads.
    public func forEachColumn(_ body: (ColumnReference) -> Void) {
        switch self {
        case .literal: break
        case .column(let column): body(column)
        case .negated(let operand), .bound(_, let operand): operand.forEachColumn(body)
        case .arithmetic(_, let a, let b):
            a.forEachColumn(body)
            b.forEachColumn(body)
        }
    }

    // MARK: Checked construction

    /// `-operand`.
    /// - Throws: `ButlerError` of kind `invalidQuery` unless it is a number.
    public static func negative(_ operand: ColumnExpression) throws(ButlerError) -> ColumnExpression {
        guard operand.type.isNumber else {
            throw ButlerError(.invalidQuery, "Cannot negate \(operand), which is of type \(operand.type), not a number.")
        }
        return .negated(operand)
    }

    /// - Throws: `ButlerError` of kind `invalidQuery` unless `operand` is a timespan.
    public static func bound(
        _ bound: TimespanBound, of operand: ColumnExpression
    ) throws(ButlerError) -> ColumnExpression {
        guard operand.type == .timespan else {
            let name = bound == .begin ? "begin" : "end"
            throw ButlerError(
                .invalidQuery, "Only timespans have a \(name); \(operand) is of type \(operand.type).")
        }
        return .bound(bound, operand)
    }

    /// - Throws: `ButlerError` of kind `invalidQuery` unless both are whole numbers or both floating-point numbers.
    public static func combining(
        _ a: ColumnExpression, _ operation: ArithmeticOperator, _ b: ColumnExpression
    ) throws(ButlerError) -> ColumnExpression {
        guard a.type == b.type, a.type == .int || (a.type == .float && operation != .remainder) else {
            let wanted = operation == .remainder ? "two whole numbers" : "two numbers of the same type"
            throw ButlerError(
                .invalidQuery,
                "Operator '\(operation.rawValue)' takes \(wanted); in '\(a) \(operation.rawValue) \(b)' they are "
                    + "\(a.type) and \(b.type).")
        }
        return .arithmetic(operation, a, b)
    }
}

extension ColumnExpression: CustomStringConvertible {
    public var description: String {
        switch self {
        case .literal(let literal): literal.description
        case .column(let column): column.description
        case .negated(let operand): "-\(operand.operandDescription)"
        case .bound(let bound, let operand): "\(operand.operandDescription).\(bound == .begin ? "begin" : "end")"
        case .arithmetic(let operation, let a, let b):
            "\(a.operandDescription) \(operation.rawValue) \(b.operandDescription)"
        }
    }

    private var operandDescription: String {
        if case .arithmetic = self { "(\(self))" } else { description }
    }
}

/// One term of an ORDER BY.
public struct OrderTerm: Hashable, Sendable, CustomStringConvertible {
    public let expression: ColumnExpression
    public let isDescending: Bool

    /// - Throws: `ButlerError` of kind `invalidQuery` for types without an order.
    public init(_ expression: ColumnExpression, isDescending: Bool = false) throws(ButlerError) {
        guard expression.type.isOrdered else {
            throw ButlerError(.invalidQuery, "Column type \(expression.type) of \(expression) is not ordered.")
        }
        self.expression = expression
        self.isDescending = isDescending
    }

    public var description: String { isDescending ? "\(expression) DESC" : "\(expression)" }
}
