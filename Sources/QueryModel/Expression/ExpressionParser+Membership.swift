/// `value IN (items)`: the items are no expressions, so their list is read straight through.
extension ExpressionParser {
    /// Reads IN and its list, and makes one operand of them and the value before.
    mutating func readMembership(negated: Bool) throws(ExpressionError) {
        try refuseAfterMembership()
        try complete(above: .comparison)
        guard let value = operands.popLast() else { return }
        try advance()
        guard token.kind == .leftParenthesis else { throw unexpected("'(' and a list of values after IN") }
        var items: [ExpressionSyntax] = []
        repeat {
            try advance()
            items.append(try readItem())
        } while token.kind == .comma
        guard token.kind == .rightParenthesis else { throw unexpected("',' or ')' in the list of IN") }
        let range = value.range.lowerBound..<token.range.upperBound
        try push(.membership(value.node, items, negated: negated), range, over: [value])
        operands[operands.count - 1].form = .membership
        try advance()
    }

    private mutating func readItem() throws(ExpressionError) -> ExpressionSyntax {
        let expected = "a literal, a name or a bind name in the list of IN"
        let first = token
        var kind: ExpressionSyntax.Kind
        switch token.kind {
        case .identifier(let terms) where terms.count == 1:
            kind = .identifier(terms)
        case .arithmetic(.add), .arithmetic(.subtract):
            try advance()
            guard token.kind == .number,
                let number = try literal(sign: first.kind == .arithmetic(.subtract) ? .minus : .plus)
            else { throw unexpected("a number after the sign") }
            kind = number
        case .identifier:
            throw unexpected(expected, advice: "columns of other tables cannot be items")
        case .rightParenthesis:
            throw unexpected(expected, advice: "pass a list that may be empty as a bind value")
        default:
            guard let literal = try literal(sign: .plus) else { throw unexpected(expected) }
            kind = literal
        }
        var range = first.range.lowerBound..<token.range.upperBound
        try advance()
        if case .identifier(let terms) = kind, token.kind == .leftParenthesis {
            guard terms[0].uppercased() == "UUID" else {
                throw ExpressionError(
                    .arguments(function: terms[0], problem: "cannot be an item of IN; of functions only UUID can"),
                    at: first.range.lowerBound, in: text)
            }
            kind = try readUUIDArgument(range)
            range = range.lowerBound..<token.range.upperBound
            try advance()
        }
        return ExpressionSyntax(kind: kind, range: range)
    }

    /// Reads the argument of UUID, up to the last closing parenthesis.
    private mutating func readUUIDArgument(_ name: Range<Int>) throws(ExpressionError) -> ExpressionSyntax.Kind {
        var open = 0
        while token.kind == .leftParenthesis {
            open += 1
            try advance()
        }
        guard let argument = try literal(sign: .plus) else { throw unexpected("a string") }
        let operand = Operand(
            node: ExpressionSyntax(kind: argument, range: token.range), range: token.range, height: 1)
        for _ in 0..<open {
            try advance()
            guard token.kind == .rightParenthesis else { throw unexpected("')'") }
        }
        return try call("UUID", [operand], name)
    }

    func refuseAfterMembership() throws(ExpressionError) {
        guard operands.last?.form != .membership else {
            throw unexpected("AND, OR or a comparison after the list of IN")
        }
    }
}
