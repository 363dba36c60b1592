import AstroTime
import ButlerModel
import SkyGeometry

extension Predicate {
    /// The condition that an expression states where its names have this meaning; always true for a blank text.
    ///
    ///     let context = IdentifierContext(dimensions: try universe.group(["visit"]))
    ///     let predicate = try Predicate("instrument = 'HSC' AND visit > 5", in: context)
    ///
    /// - Throws: `ButlerError` of kind `invalidQuery`, whose text shows the place, for syntax errors, unknown names and
    ///   values that operators do not apply to.
    public init(_ text: String, in context: IdentifierContext) throws(ButlerError) {
        let syntax: ExpressionSyntax?
        do throws(ExpressionError) { syntax = try ExpressionSyntax.parse(text) } catch { throw ButlerError(error) }
        guard let syntax else {
            self = .alwaysTrue
            return
        }
        self = try Interpreter(context: context, text: text).predicate(syntax)
    }
}

extension OrderTerm {
    /// The order that a name states, descending if it begins with a minus.
    /// - Throws: `ButlerError` of kind `invalidQuery` for unknown names and columns without an order.
    public init(_ text: String, in context: IdentifierContext) throws(ButlerError) {
        let name = text.hasPrefix("-") ? String(text.dropFirst()) : text
        guard !name.isEmpty else { throw ButlerError(.invalidQuery, "Empty dimension name in ORDER BY") }
        let terms = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        try self.init(try context.expression(terms), isDescending: text.hasPrefix("-"))
    }
}

/// Gives syntax its meaning. Recursion is as deep as the syntax, which is limited.
struct Interpreter {
    let context: IdentifierContext
    /// The whole expression, for messages.
    let text: String

    /// What a part of an expression is.
    enum Value {
        case predicate(Predicate)
        case scalar(ColumnExpression)
        case null
        case range(start: Int64, stop: Int64, stride: Int64)
        case list([ColumnExpression])

        var typeName: String {
            switch self {
            case .predicate: "a condition"
            case .scalar(let expression): expression.type.rawValue
            case .null: "NULL"
            case .range: "a range"
            case .list: "a list"
            }
        }
    }

    func predicate(_ syntax: ExpressionSyntax) throws(ButlerError) -> Predicate {
        guard case .predicate(let predicate) = try value(syntax) else {
            throw failure("'\(syntax)' is not a condition; compare it with something", at: syntax)
        }
        return predicate
    }

    /// An error with the place in the text.
    private func failure(_ message: String, at syntax: ExpressionSyntax) -> ButlerError {
        failure(ButlerError(.invalidQuery, message.hasSuffix(".") ? message : message + "."), at: syntax)
    }

    private func failure(_ error: ButlerError, at syntax: ExpressionSyntax) -> ButlerError {
        guard !error.message.contains("\n") else { return error }
        let excerpt = ExpressionExcerpt(of: text, at: syntax.range.lowerBound)
        return ButlerError(error.kind, "\(error.message)\n\(excerpt)")
    }

    /// Runs a step whose errors know no place.
    private func located<T>(
        _ syntax: ExpressionSyntax, _ body: () throws(ButlerError) -> T
    ) throws(ButlerError) -> T {
        do throws(ButlerError) { return try body() } catch { throw failure(error, at: syntax) }
    }

    // MARK: Values

    private func value(_ syntax: ExpressionSyntax) throws(ButlerError) -> Value {
        switch syntax.kind {
        case .integer(let number): return .scalar(.literal(.int(number)))
        case .float(let number): return .scalar(.literal(.float(number)))
        case .string(let text): return .scalar(.literal(.string(text)))
        case .time(let literal): return .scalar(.literal(.datetime(literal.time)))
        case .uuid(let id): return .scalar(.literal(.uuid(id)))
        case .range(let start, let stop, let stride): return .range(start: start, stop: stop, stride: stride)
        case .identifier(let terms): return try named(terms, at: syntax)
        case .bind(let name):
            guard context.bind[name] != nil else { throw failure("Name '\(name)' is not in the bind map", at: syntax) }
            return try named([name], at: syntax)
        case .not(let operand): return .predicate(try negation(operand, at: syntax))
        case .and(let operands):
            return .predicate(.all(try conditions(operands, of: "AND", at: syntax)))
        case .or(let operands):
            let alternatives = try conditions(operands, of: "OR", at: syntax)
            return .predicate(try located(syntax) { () throws(ButlerError) in try .any(alternatives) })
        case .signed(let sign, let operand): return try signed(sign, operand, at: syntax)
        case .arithmetic(let operation, let a, let b):
            guard case .scalar(let left) = try value(a), case .scalar(let right) = try value(b) else {
                throw mismatch(operation.rawValue, try value(a), try value(b), at: syntax)
            }
            return .scalar(
                try located(syntax) { () throws(ButlerError) in try .combining(left, operation, right) })
        case .comparison(let operation, let a, let b):
            return .predicate(try comparison(operation, try value(a), try value(b), at: syntax))
        case .membership(let member, let items, let isNegated):
            return .predicate(try membership(member, items, isNegated, at: syntax))
        case .tuple(let begin, let end):
            return .scalar(.literal(.timespan(try timespan(begin, end, at: syntax))))
        case .point, .circle, .box, .polygon, .region:
            return .scalar(.literal(.region(EncodedRegion(try region(syntax)))))
        case .glob(let column, let pattern): return .predicate(try glob(column, pattern, at: syntax))
        case .unknownFunction(let name, _):
            throw failure("Unknown function '\(name)' in expression", at: syntax)
        }
    }

    private func mismatch(_ operation: String, _ a: Value, _ b: Value, at syntax: ExpressionSyntax) -> ButlerError {
        failure(
            "Invalid types \(a.typeName), \(b.typeName) for binary operator '\(operation)' in expression \(syntax)",
            at: syntax)
    }

    private func named(_ terms: [String], at syntax: ExpressionSyntax) throws(ButlerError) -> Value {
        if case .list(let literals)? = context.bind[terms.joined(separator: ".")] {
            if let first = literals.first, let other = literals.first(where: { $0.type != first.type }) {
                throw failure(
                    "Mismatched types in bind iterable: the list has a mix of \(first.type) and \(other.type)", at: syntax)
            }
            return .list(literals.map { .literal($0) })
        }
        if terms.count == 1, context.bind[terms[0]] == nil, terms[0].uppercased() == "NULL" { return .null }
        let expression = try located(syntax) { () throws(ButlerError) in try context.expression(terms) }
        // A boolean column is a condition by itself.
        if expression.type == .bool, case .column(let column) = expression {
            return .predicate(Predicate(try located(syntax) { () throws(ButlerError) in try .truth(of: column) }))
        }
        return .scalar(expression)
    }

    private func signed(
        _ sign: ExpressionSyntax.Sign, _ operand: ExpressionSyntax, at syntax: ExpressionSyntax
    ) throws(ButlerError) -> Value {
        let operandValue = try value(operand)
        guard case .scalar(let expression) = operandValue, expression.type.isNumber else {
            throw failure(
                "Unary operator '\(sign.rawValue)' is not valid for operand of type \(operandValue.typeName) in \(syntax)",
                at: syntax)
        }
        return .scalar(sign == .plus ? expression : .negated(expression))
    }

    // MARK: Conditions

    private func conditions(
        _ operands: [ExpressionSyntax], of operation: String, at syntax: ExpressionSyntax
    ) throws(ButlerError) -> [Predicate] {
        var result: [Predicate] = []
        for operand in operands { result.append(try condition(operand, of: operation, at: syntax)) }
        return result
    }

    private func condition(
        _ operand: ExpressionSyntax, of operation: String, at syntax: ExpressionSyntax
    ) throws(ButlerError) -> Predicate {
        let operandValue = try value(operand)
        guard case .predicate(let predicate) = operandValue else {
            throw failure(
                "\(operation) takes conditions, but '\(operand)' is \(operandValue.typeName); compare it with something",
                at: operand)
        }
        return predicate
    }

    private func negation(
        _ operand: ExpressionSyntax, at syntax: ExpressionSyntax
    ) throws(ButlerError) -> Predicate {
        let predicate = try condition(operand, of: "NOT", at: syntax)
        return try located(syntax) { () throws(ButlerError) in try predicate.negated() }
    }

    private func comparison(
        _ operation: ExpressionSyntax.Comparison, _ a: Value, _ b: Value, at syntax: ExpressionSyntax
    ) throws(ButlerError) -> Predicate {
        switch (a, b) {
        case (.scalar(let left), .scalar(let right)):
            return Predicate(
                try located(syntax) { () throws(ButlerError) in try .comparing(left, operation.meaning, right) })
        case (.scalar(let operand), .null), (.null, .scalar(let operand)):
            return try nullness(operand, operation, a, b, at: syntax)
        case (.predicate(let predicate), .null), (.null, .predicate(let predicate)):
            guard let column = predicate.booleanColumn else { break }
            return try nullness(.column(column), operation, a, b, at: syntax)
        default: break
        }
        throw mismatch(operation.rawValue, a, b, at: syntax)
    }

    private func nullness(
        _ operand: ColumnExpression, _ operation: ExpressionSyntax.Comparison, _ a: Value, _ b: Value,
        at syntax: ExpressionSyntax
    ) throws(ButlerError) -> Predicate {
        switch operation {
        case .equal: return Predicate(.isNull(operand))
        case .notEqual: return Predicate(.not(.isNull(operand)))
        default: throw mismatch(operation.rawValue, a, b, at: syntax)
        }
    }

    private func membership(
        _ member: ExpressionSyntax, _ items: [ExpressionSyntax], _ isNegated: Bool, at syntax: ExpressionSyntax
    ) throws(ButlerError) -> Predicate {
        let memberValue = try value(member)
        guard case .scalar(let operand) = memberValue else {
            throw failure("The left side of IN must be a column or value, not \(memberValue.typeName)", at: member)
        }
        // One OR of leaves; an IN list of many items must not be multiplied out item by item.
        var leaves: [PredicateLeaf] = []
        leaves.reserveCapacity(items.count)
        for item in items {
            let itemValue = try value(item)
            leaves.append(
                try located(item) { () throws(ButlerError) in
                    switch itemValue {
                    case .list(let values): return try .container(operand, values)
                    case .range(let start, let stop, let stride):
                        let (end, overflow) = stop.addingReportingOverflow(1)
                        return try .range(operand, start: start, stop: overflow ? nil : end, step: stride)
                    case .scalar(let other): return try .comparing(operand, .equal, other)
                    case .null: return .isNull(operand)
                    case .predicate:
                        throw ButlerError(.invalidQuery, "Invalid IN expression: '\(syntax)'.")
                    }
                })
        }
        guard leaves.count <= Predicate.maximumLeafCount else {
            throw failure(
                "An IN list may have at most \(Predicate.maximumLeafCount) items; this one has \(leaves.count). "
                    + "Upload the data IDs instead", at: syntax)
        }
        let predicate = Predicate(groups: [leaves])
        return isNegated
            ? try located(syntax) { () throws(ButlerError) in try predicate.negated() } : predicate
    }

    private func glob(
        _ column: ExpressionSyntax, _ pattern: ExpressionSyntax, at syntax: ExpressionSyntax
    ) throws(ButlerError) -> Predicate {
        guard case .scalar(let operand) = try value(column), operand.isColumn, operand.type == .string else {
            throw failure("glob() first argument must be a string column (in \(syntax))", at: column)
        }
        guard case .scalar(let given) = try value(pattern), case .literal(.string) = given else {
            throw failure("glob() second argument must be a string (in \(syntax))", at: pattern)
        }
        return Predicate(try located(syntax) { () throws(ButlerError) in try .comparing(operand, .glob, given) })
    }

    // MARK: Times and regions

    private func timespan(
        _ begin: ExpressionSyntax, _ end: ExpressionSyntax, at syntax: ExpressionSyntax
    ) throws(ButlerError) -> Timespan {
        let (first, last) = (try bound(begin, of: syntax), try bound(end, of: syntax))
        do throws(TimespanError) {
            return try Timespan(begin: first, end: last)
        } catch {
            throw failure("\(error)", at: syntax)
        }
    }

    private func bound(
        _ syntax: ExpressionSyntax, of tuple: ExpressionSyntax
    ) throws(ButlerError) -> TAINanoseconds? {
        switch try value(syntax) {
        case .null: return nil
        case .scalar(.literal(.datetime(let time))): return time
        default:
            throw failure(
                "Invalid type in timespan tuple \"\(tuple)\" (Note that date/time strings must be preceded by \"T\" to be "
                    + "recognized)", at: syntax)
        }
    }

    private func region(_ syntax: ExpressionSyntax) throws(ButlerError) -> Region {
        do {
            switch syntax.kind {
            case .point(let ra, let dec): return .circle(Circle(UnitVector(try position(ra, dec, of: "POINT"))))
            case .circle(let ra, let dec, let radius):
                // The opening angle is twice the number given: so the language has it from the start.
                return .circle(
                    Circle(
                        center: UnitVector(try position(ra, dec, of: "CIRCLE")),
                        openingAngle: Angle(degrees: try degrees(radius, of: "CIRCLE") * 2)))
            case .box(let ra, let dec, let width, let height):
                return .box(
                    Box(
                        center: try position(ra, dec, of: "BOX"),
                        halfWidth: Angle(degrees: try degrees(width, of: "BOX") / 2),
                        halfHeight: Angle(degrees: try degrees(height, of: "BOX") / 2)))
            case .polygon(let vertices):
                var points: [UnitVector] = []
                for vertex in vertices {
                    points.append(UnitVector(try position(vertex.ra, vertex.dec, of: "POLYGON")))
                }
                return .polygon(try ConvexPolygon(hullOf: points))
            case .region(let position):
                guard case .scalar(.literal(.string(let text))) = try value(position) else {
                    throw failure("Expression '\(position)' in REGION() is not a literal string", at: position)
                }
                return try Region(ivoaPosition: text)
            default: throw failure("'\(syntax)' is no region", at: syntax)
            }
        } catch let error as ButlerError {
            throw error
        } catch {
            throw failure("\(error)", at: syntax)
        }
    }

    private func position(
        _ ra: ExpressionSyntax, _ dec: ExpressionSyntax, of function: String
    ) throws -> LonLat {
        try LonLat(lonDegrees: try degrees(ra, of: function), latDegrees: try degrees(dec, of: function))
    }

    private func degrees(_ syntax: ExpressionSyntax, of function: String) throws(ButlerError) -> Double {
        guard case .scalar(let expression) = try value(syntax), let number = expression.literalNumber else {
            throw failure("Expression '\(syntax)' in \(function)() is not a literal number", at: syntax)
        }
        guard number.isFinite else {
            throw failure("Number '\(syntax)' in \(function)() is not finite", at: syntax)
        }
        return number
    }
}

extension ColumnExpression {
    /// A number literal, possibly with minus signs.
    fileprivate var literalNumber: Double? {
        switch self {
        case .literal(.int(let number)): Double(number)
        case .literal(.float(let number)): number
        case .negated(let operand): operand.literalNumber.map { -$0 }
        default: nil
        }
    }
}

extension Predicate {
    /// The boolean column that this condition tests, if it is nothing else.
    fileprivate var booleanColumn: ColumnReference? {
        guard groups.count == 1, groups[0].count == 1, case .isTrue(let column) = groups[0][0] else { return nil }
        return column
    }
}

extension ExpressionSyntax.Comparison {
    fileprivate var meaning: ComparisonOperator {
        switch self {
        case .equal: .equal
        case .notEqual: .notEqual
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        case .overlaps: .overlaps
        }
    }
}
