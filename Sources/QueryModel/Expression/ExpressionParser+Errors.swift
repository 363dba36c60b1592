import StructuredData

/// What to tell the author of a text that stops making sense at the current token.
extension ExpressionParser {
    func unexpected(_ expected: String, advice: String? = nil) -> ExpressionError {
        let found: String
        switch token.kind {
        case .end: found = "the end of the text"
        case .string: found = "the string \(written(token))"
        default: found = "'\(written(token))'"
        }
        return ExpressionError(
            .unexpected(found: found, expected: expected, advice: advice), at: token.range.lowerBound, in: text)
    }

    func unexpectedInsteadOfOperand() -> ExpressionError { unexpected("a value") }

    func unexpectedInsteadOfOperator() -> ExpressionError {
        var expected = "an operator such as = or AND"
        var advice = adviceInsteadOfOperator
        if let parenthesis = openParenthesis {
            let position = ExpressionExcerpt(of: text, at: parenthesis).position
            expected = token.kind == .end ? "')'" : expected + ", or ')'"
            expected += " for the '(' at \(position)"
        } else if token.kind == .rightParenthesis {
            advice = "no '(' is open here"
        }
        return unexpected(expected, advice: advice)
    }

    /// Two comparison signs without a blank between them, the second of which is the current token.
    func misspelledOperator(from start: Int) -> ExpressionError {
        let written = String(decoding: lexer.bytes[start..<token.range.upperBound], as: UTF8.self)
        let advice: String? =
            switch written {
            case "==": "write '=' for equality"
            case "<>": "write '!=' for inequality"
            case "=<": "write '<='"
            case "=>": "write '>='"
            case "!==": "write '!=' for inequality"
            default: nil
            }
        return ExpressionError(
            .unexpected(found: "'\(written)'", expected: "one operator", advice: advice), at: start, in: text)
    }

    func tooDeep(at offset: Int) -> ExpressionError {
        ExpressionError(.tooDeep(limit: ExpressionSyntax.nestingLimit), at: offset, in: text)
    }

    /// What people who know SQL, Python or C try.
    private var adviceInsteadOfOperator: String? {
        switch token.kind {
        case .identifier(let terms):
            switch terms[0].utf8.count <= 8 ? terms[0].uppercased() : "" {
            case "IS", "ISNULL", "NOTNULL": "write x = NULL or x != NULL"
            case "LIKE", "ILIKE", "REGEXP", "SIMILAR": "write GLOB(column, 'pattern*')"
            case "BETWEEN": "write x IN (a..b) for integers, or x >= a AND x <= b"
            case "MOD", "DIV": "write % for the remainder, / for division"
            default: nil
            }
        case .string where token.range.lowerBound > 0 && lexer.bytes[token.range.lowerBound - 1] == UInt8(ascii: "'"):
            "a string cannot contain a single quote; pass such a value as a bind value"
        case .range where lexer.bytes[token.range.lowerBound] == UInt8(ascii: "-"):
            "'-' directly before a range is its sign; a range can only be an item of IN"
        default: nil
        }
    }

    private func written(_ token: ExpressionToken) -> String {
        let source = String(decoding: lexer.bytes[token.range].prefix(200), as: UTF8.self)
        return ExpressionExcerpt.shortened(source, to: 40)
    }
}
