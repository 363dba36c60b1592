import AstroTime

/// Builds the tree of an expression by operator precedence, on stacks of its own rather than by recursion: however
/// deep a text nests, it cannot overflow the stack of the thread.
///
/// Reading alternates between two states. Where an operand must come, prefixes and opening parentheses pile up until
/// a literal, a name or a call without arguments is there. After an operand, closing parentheses and IN lists complete
/// it until an operator or a comma asks for the next one. Source: query system reference, section 1.2.
struct ExpressionParser {
    let text: String
    var lexer: ExpressionLexer
    var token: ExpressionToken
    /// Completed parts that wait for the operators around them.
    var operands: [Operand] = []
    private var pending: [Pending] = []
    /// How many of `pending` enclose what comes next: open parentheses, NOT, signs.
    private var depth = 0

    /// A completed part of the expression.
    struct Operand {
        var node: ExpressionSyntax
        /// The text it was made of, with parentheses around it.
        var range: Range<Int>
        var height: Int
        var form = Form.plain

        enum Form { case plain, parenthesised, membership }
    }

    /// An operator or a parenthesis whose operands are not complete.
    private enum Pending {
        case opened(Opening)
        case or(count: Int)
        case and(count: Int)
        case not(at: Int)
        case comparison(ExpressionSyntax.Comparison)
        case arithmetic(ArithmeticOperator)
        case sign(ExpressionSyntax.Sign, at: Int)

        var binding: Binding {
            switch self {
            case .opened: .nothing
            case .or: .or
            case .and: .and
            case .not: .not
            case .comparison: .comparison
            case .arithmetic(.add), .arithmetic(.subtract): .sum
            case .arithmetic: .product
            case .sign: .sign
            }
        }
    }

    enum Binding: Int, Comparable {
        case nothing, or, and, not, comparison, sum, product, sign

        static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    private struct Opening {
        /// The name of the function, or nil for a parenthesis alone.
        let function: String?
        let start: Int
        let parenthesis: Int
        /// How many operands there were before.
        let operandsBefore: Int
    }

    init(_ text: String) throws(ExpressionError) {
        let length = text.utf8.count
        guard length <= ExpressionSyntax.lengthLimit else {
            let reason = ExpressionError.Reason.tooLong(bytes: length, limit: ExpressionSyntax.lengthLimit)
            throw ExpressionError(reason, at: ExpressionSyntax.lengthLimit, in: text)
        }
        self.text = text
        lexer = ExpressionLexer(text)
        token = try lexer.next()
    }

    /// Where the parenthesis stands that the next ')' would close.
    var openParenthesis: Int? {
        for case .opened(let opening) in pending.reversed() { return opening.parenthesis }
        return nil
    }

    mutating func parse() throws(ExpressionError) -> ExpressionSyntax? {
        if token.kind == .end { return nil }
        repeat {
            try readOperand()
        } while try readOperator()
        return operands.last?.node
    }
}

// MARK: - Operands

extension ExpressionParser {
    private mutating func readOperand() throws(ExpressionError) {
        while true {
            let start = token.range.lowerBound
            switch token.kind {
            case .not:
                guard (pending.last?.binding ?? .nothing) <= .not else {
                    throw unexpected("a value", advice: "write parentheses around NOT …")
                }
                try enter(.not(at: start))
                try advance()
            case .arithmetic(.add):
                try enter(.sign(.plus, at: start))
                try advance()
            case .arithmetic(.subtract):
                try enter(.sign(.minus, at: start))
                try advance()
            case .leftParenthesis:
                try open(function: nil, start: start)
            case .identifier(let terms):
                let name = token
                try advance()
                guard terms.count == 1, token.kind == .leftParenthesis else {
                    push(.identifier(terms), name.range)
                    return
                }
                try open(function: terms[0], start: start)
                // The original takes a comma before the first argument; so do we.
                if token.kind == .comma { try advance() } else if token.kind == .rightParenthesis { return }
            default:
                guard let literal = try literal(sign: .plus) else { throw unexpectedInsteadOfOperand() }
                push(literal, token.range)
                try advance()
                return
            }
        }
    }

    /// The token as a literal or a bind name, or nil if it is neither.
    func literal(sign: ExpressionSyntax.Sign) throws(ExpressionError) -> ExpressionSyntax.Kind? {
        switch token.kind {
        case .number: return try lexer.value(ofNumber: token.range, sign: sign)
        case .string(let value): return .string(value)
        case .range(let start, let stop, let stride): return .range(start: start, stop: stop, stride: stride)
        case .bind(let name): return .bind(name)
        case .time(let content):
            do {
                return .time(try TimeLiteral(content))
            } catch {
                throw ExpressionError(.time(error), at: token.range.lowerBound, in: text)
            }
        default: return nil
        }
    }

    private mutating func open(function: String?, start: Int) throws(ExpressionError) {
        let parenthesis = token.range.lowerBound
        try enter(
            .opened(
                Opening(
                    function: function, start: start, parenthesis: parenthesis, operandsBefore: operands.count)))
        try advance()
    }

    private mutating func enter(_ prefix: Pending) throws(ExpressionError) {
        depth += 1
        guard depth <= ExpressionSyntax.nestingLimit else { throw tooDeep(at: token.range.lowerBound) }
        pending.append(prefix)
    }

    private mutating func push(_ kind: ExpressionSyntax.Kind, _ range: Range<Int>, height: Int = 1) {
        operands.append(
            Operand(node: ExpressionSyntax(kind: kind, range: range), range: range, height: height))
    }

    mutating func advance() throws(ExpressionError) { token = try lexer.next() }
}

// MARK: - Operators

extension ExpressionParser {
    /// Reads on until another operand must come; false at the end of the text.
    private mutating func readOperator() throws(ExpressionError) -> Bool {
        while true {
            switch token.kind {
            case .and:
                try complete(above: .and)
                if case .and(let count) = pending.last {
                    pending[pending.count - 1] = .and(count: count + 1)
                } else {
                    pending.append(.and(count: 2))
                }
                try advance()
                return true
            case .or:
                try complete(above: .or)
                if case .or(let count) = pending.last {
                    pending[pending.count - 1] = .or(count: count + 1)
                } else {
                    pending.append(.or(count: 2))
                }
                try advance()
                return true
            case .comparison(let comparison):
                return try readBinary(.comparison(comparison))
            case .arithmetic(let operation):
                try refuseAfterMembership()
                return try readBinary(.arithmetic(operation))
            case .in:
                try readMembership(negated: false)
            case .not:
                try advance()
                guard token.kind == .in else { throw unexpected("IN after NOT") }
                try readMembership(negated: true)
            case .rightParenthesis:
                try close()
            case .comma:
                try complete(above: .nothing)
                guard case .opened(let opening) = pending.last else { throw unexpectedInsteadOfOperator() }
                if opening.function == nil, operands.count - opening.operandsBefore == 2 {
                    throw unexpected("')'", advice: "a tuple has two items, (begin, end)")
                }
                try advance()
                return true
            case .end:
                try complete(above: .nothing)
                guard pending.isEmpty else { throw unexpectedInsteadOfOperator() }
                return false
            default:
                throw unexpectedInsteadOfOperator()
            }
        }
    }

    private mutating func readBinary(_ operation: Pending) throws(ExpressionError) -> Bool {
        let previous = token
        while let last = pending.last, last.binding >= operation.binding { try completeLast() }
        pending.append(operation)
        try advance()
        if case .comparison = token.kind, token.range.lowerBound == previous.range.upperBound {
            throw misspelledOperator(from: previous.range.lowerBound)
        }
        return true
    }

    private mutating func close() throws(ExpressionError) {
        try complete(above: .nothing)
        guard case .opened(let opening) = pending.popLast() else { throw unexpectedInsteadOfOperator() }
        depth -= 1
        let range = opening.start..<token.range.upperBound
        let count = operands.count - opening.operandsBefore
        if let function = opening.function {
            let arguments = popOperands(count)
            let kind = try call(function, arguments, range)
            try push(kind, range, over: arguments)
        } else if count == 2 {
            let items = popOperands(2)
            try push(.tuple(items[0].node, items[1].node), range, over: items)
        } else {
            operands[operands.count - 1].range = range
            operands[operands.count - 1].form = .parenthesised
        }
        try advance()
    }

    /// Completes the pending operators that bind more tightly than `binding`.
    mutating func complete(above binding: Binding) throws(ExpressionError) {
        while let last = pending.last, last.binding > binding { try completeLast() }
    }

    /// Makes one operand of the last pending operator and its operands.
    private mutating func completeLast() throws(ExpressionError) {
        guard let last = pending.popLast() else { return }
        let parts: [Operand]
        switch last {
        case .opened: return
        case .or(let count), .and(let count): parts = popOperands(count)
        case .comparison, .arithmetic: parts = popOperands(2)
        case .not, .sign:
            depth -= 1
            parts = popOperands(1)
        }
        let left = parts[0]
        let right = parts[parts.count - 1]
        var start = left.range.lowerBound
        let kind: ExpressionSyntax.Kind
        switch last {
        case .opened: return
        case .or: kind = .or(parts.map(\.node))
        case .and: kind = .and(parts.map(\.node))
        case .comparison(let comparison): kind = .comparison(comparison, left.node, right.node)
        case .arithmetic(let operation): kind = .arithmetic(operation, left.node, right.node)
        case .not(let place): (kind, start) = (.not(left.node), place)
        case .sign(let sign, let place): (kind, start) = (.signed(sign, left.node), place)
        }
        try push(kind, start..<right.range.upperBound, over: parts)
    }

    private mutating func popOperands(_ count: Int) -> [Operand] {
        // A copy: a slice would share the storage, and removing from it would then copy everything.
        let last = Array(operands.suffix(count))
        operands.removeLast(count)
        return last
    }

    /// Adds a node made of `parts`.
    mutating func push(
        _ kind: ExpressionSyntax.Kind, _ range: Range<Int>, over parts: [Operand]
    ) throws(ExpressionError) {
        let height = 1 + (parts.lazy.map(\.height).max() ?? 0)
        guard height <= ExpressionSyntax.nestingLimit else {
            throw tooDeep(at: parts.last?.range.lowerBound ?? range.lowerBound)
        }
        push(kind, range, height: height)
    }
}
