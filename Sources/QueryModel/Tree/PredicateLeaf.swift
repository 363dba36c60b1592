import ButlerModel

/// One condition on a row, without AND or OR.
public indirect enum PredicateLeaf: Hashable, Sendable {
    case comparison(ColumnExpression, ComparisonOperator, ColumnExpression)
    case isNull(ColumnExpression)
    /// The operand is a column of boolean type.
    case isTrue(ColumnReference)
    case inContainer(ColumnExpression, [ColumnExpression])
    /// `start ..< stop` by `step`; without `stop` there is no upper limit.
    case inRange(ColumnExpression, start: Int64, stop: Int64?, step: Int64)
    /// Whether the first value is among those that another query gives its column.
    case inQuery(ColumnExpression, column: ColumnReference, QueryTree)
    /// The operand is no `not`.
    case not(PredicateLeaf)
}

public enum ComparisonOperator: String, Hashable, Sendable, CaseIterable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case greater = ">"
    case lessOrEqual = "<="
    case greaterOrEqual = ">="
    case overlaps
    case glob

    /// As the expression language writes it; the raw value is that of the wire.
    public var symbol: String {
        switch self {
        case .equal: "="
        case .overlaps: "OVERLAPS"
        case .glob: "GLOB"
        default: rawValue
        }
    }
}

// MARK: - Checked construction

extension PredicateLeaf {
    /// - Throws: `ButlerError` of kind `invalidQuery` when the operator cannot be applied to these types.
    public static func comparing(
        _ a: ColumnExpression, _ operation: ComparisonOperator, _ b: ColumnExpression
    ) throws(ButlerError) -> PredicateLeaf {
        let (left, right) = (a.type, b.type)
        let fits: Bool
        switch operation {
        case .equal, .notEqual:
            if left == .timespan, right == .timespan {
                throw ButlerError(
                    .invalidQuery,
                    "Timespans cannot be compared with '\(operation.rawValue)' in '\(a) \(operation.rawValue) \(b)'; "
                        + "use OVERLAPS, or compare their .begin and .end.")
            }
            fits =
                (left == right && left != .bool) || (left.isNumber && right.isNumber)
                || Self.isTimePair(left, right)
        case .less, .greater, .lessOrEqual, .greaterOrEqual:
            fits =
                (left.isNumber && right.isNumber) || (left == right && (left == .string || left == .datetime))
                || Self.isTimePair(left, right)
        case .overlaps:
            if left == .region, right == .region {
                guard a.isColumn || b.isColumn else {
                    throw ButlerError(
                        .invalidQuery, "OVERLAPS needs the region of a dimension on at least one side; got \(a) and \(b).")
                }
                fits = true
            } else {
                fits =
                    (left == .timespan && [.timespan, .datetime, .ingestDate].contains(right))
                    || (right == .timespan && [.datetime, .ingestDate].contains(left))
            }
        case .glob:
            fits = left == .string && right == .string
            if fits, case .literal(.string) = b {} else if fits {
                throw ButlerError(.invalidQuery, "The pattern of GLOB must be a string literal, not \(b).")
            }
        }
        guard fits else {
            throw ButlerError(
                .invalidQuery,
                "Operator '\(operation.symbol)' does not apply to '\(a)' (\(left)) and '\(b)' (\(right)).")
        }
        return .comparison(a, operation, b)
    }

    private static func isTimePair(_ a: ValueType, _ b: ValueType) -> Bool {
        (a == .datetime && b == .ingestDate) || (a == .ingestDate && b == .datetime)
    }

    /// - Throws: `ButlerError` of kind `invalidQuery` unless all values have exactly the type of the member, and that
    ///   type is neither a timespan nor a region.
    public static func container(
        _ member: ColumnExpression, _ values: [ColumnExpression]
    ) throws(ButlerError) -> PredicateLeaf {
        guard member.type != .timespan, member.type != .region else {
            throw ButlerError(.invalidQuery, "IN does not apply to '\(member)', which is of type \(member.type).")
        }
        if let stranger = values.first(where: { $0.type != member.type }) {
            throw ButlerError(
                .invalidQuery,
                "Value \(stranger) of an IN list is of type \(stranger.type), but '\(member)' is of type \(member.type).")
        }
        return .inContainer(member, values)
    }

    /// - Throws: `ButlerError` of kind `invalidQuery` unless the member is a whole number, the step positive and the
    ///   stop no less than the start.
    public static func range(
        _ member: ColumnExpression, start: Int64, stop: Int64?, step: Int64
    ) throws(ButlerError) -> PredicateLeaf {
        guard member.type == .int else {
            throw ButlerError(.invalidQuery, "'\(member)' is of type \(member.type); only whole numbers can be in a range.")
        }
        guard step >= 1 else { throw ButlerError(.invalidQuery, "The step of a range must be positive, not \(step).") }
        guard stop.map({ $0 >= start }) ?? true else {
            throw ButlerError(.invalidQuery, "A range must not end (\(stop ?? 0)) before it starts (\(start)).")
        }
        return .inRange(member, start: start, stop: stop, step: step)
    }

    /// - Throws: `ButlerError` of kind `invalidQuery` unless the column has the member's type and the other query holds
    ///   the column's dimensions and dataset type.
    public static func query(
        _ member: ColumnExpression, column: ColumnReference, _ tree: QueryTree
    ) throws(ButlerError) -> PredicateLeaf {
        guard member.type == column.type, member.type != .timespan, member.type != .region else {
            throw ButlerError(
                .invalidQuery,
                "Cannot look for '\(member)' (\(member.type)) among values of '\(column)' (\(column.type)).")
        }
        try tree.requireColumn(column)
        return .inQuery(member, column: column, tree)
    }

    /// - Throws: `ButlerError` of kind `invalidQuery` unless the column is boolean.
    public static func truth(of column: ColumnReference) throws(ButlerError) -> PredicateLeaf {
        guard column.type == .bool else {
            throw ButlerError(
                .invalidQuery, "'\(column)' is of type \(column.type), so it is no condition by itself; compare it with something.")
        }
        return .isTrue(column)
    }
}

// MARK: - Reading

extension PredicateLeaf {
    public var negation: PredicateLeaf { if case .not(let operand) = self { operand } else { .not(self) } }

    /// Calls `body` with each column that decides about a row; not with those inside another query.
    public func forEachColumn(_ body: (ColumnReference) -> Void) {
        switch self {
        case .comparison(let a, _, let b):
            a.forEachColumn(body)
            b.forEachColumn(body)
        case .isNull(let operand): operand.forEachColumn(body)
        case .isTrue(let column): body(column)
        case .inContainer(let member, let values):
            member.forEachColumn(body)
            for value in values { value.forEachColumn(body) }
        case .inRange(let member, _, _, _): member.forEachColumn(body)
        case .inQuery(let member, _, _): member.forEachColumn(body)
        case .not(let operand): operand.forEachColumn(body)
        }
    }
}

extension PredicateLeaf: CustomStringConvertible {
    public var description: String {
        switch self {
        case .comparison(let a, .glob, let b): "GLOB(\(a), \(b))"
        case .comparison(let a, .overlaps, let b): "\(a) OVERLAPS \(b)"
        case .comparison(let a, .equal, let b): "\(a) = \(b)"
        case .comparison(let a, let operation, let b): "\(a) \(operation.rawValue) \(b)"
        case .isNull(let operand): "\(operand) = NULL"
        case .isTrue(let column): column.description
        case .inContainer(let member, let values):
            "\(member) IN [\(values.prefix(20).map(\.description).joined(separator: ", "))\(values.count > 20 ? ", …" : "")]"
        case .inRange(let member, let start, let stop?, _) where stop == start: "\(member) IN ()"
        case .inRange(let member, let start, let stop, let step):
            "\(member) IN (\(start)..\(stop.map { String($0 - 1) } ?? "∞")\(step == 1 ? "" : ":\(step)"))"
        case .inQuery(let member, let column, let tree): "\(member) IN (\(column) OF \(tree.predicate))"
        case .not(let operand): "NOT \(operand)"
        }
    }
}
