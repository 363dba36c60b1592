/// Cuts the text of an expression into tokens, one at a time.
///
/// The order in which forms are tried is part of the language: a time before a string, both before a range, which
/// comes before a number. Digits, letters and blanks are those of ASCII. Source: query system reference, section 1.1.
struct ExpressionLexer {
    let text: String
    let bytes: [UInt8]
    private var position = 0
    /// The last token was a range, which explains a stray colon.
    private var followsRange = false

    init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
    }

    mutating func next() throws(ExpressionError) -> ExpressionToken {
        while case let byte = byte(position), byte == 0x20 || byte == 0x09 || byte == 0x0A { position += 1 }
        let start = position
        guard start < bytes.count else { return ExpressionToken(kind: .end, range: start..<start) }
        let kind = try form()
        if case .range = kind { followsRange = true } else { followsRange = false }
        return ExpressionToken(kind: kind, range: start..<position)
    }

    // MARK: Forms

    private mutating func form() throws(ExpressionError) -> ExpressionToken.Kind {
        if let quoted = try quoted() { return quoted }
        if let range = try range() { return range }
        guard let kind = number() ?? identifier() ?? bind() ?? symbol() else { throw unexpectedCharacter() }
        return kind
    }

    // Each of the following returns nil and moves nothing if the text at the position does not have its form.

    private mutating func quoted() throws(ExpressionError) -> ExpressionToken.Kind? {
        let isTime = byte(position) | 0x20 == UInt8(ascii: "t") && byte(position + 1) == UInt8(ascii: "'")
        guard isTime || byte(position) == UInt8(ascii: "'") else { return nil }
        let begin = position + (isTime ? 2 : 1)
        var end = begin
        while byte(end) != UInt8(ascii: "'") {
            guard end < bytes.count, byte(end) != UInt8(ascii: "\n") else {
                throw ExpressionError(.unterminatedString, at: begin - 1, in: text)
            }
            end += 1
        }
        position = end + 1
        return isTime ? .time(string(begin..<end)) : .string(string(begin..<end))
    }

    private mutating func range() throws(ExpressionError) -> ExpressionToken.Kind? {
        let point = UInt8(ascii: ".")
        guard let start = integer(from: position) else { return nil }
        let points = blanks(from: start.upperBound)
        guard byte(points) == point, byte(points + 1) == point, let stop = integer(from: blanks(from: points + 2))
        else { return nil }
        var end = stop.upperBound
        var stride: Range<Int>?
        let colon = blanks(from: end)
        if byte(colon) == UInt8(ascii: ":") {
            let digits = blanks(from: colon + 1)
            if (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(byte(digits)) {
                end = self.digits(from: digits)
                stride = digits..<end
            }
        }
        let kind = ExpressionToken.Kind.range(
            start: try value(ofInteger: start), stop: try value(ofInteger: stop),
            stride: try stride.map { bounds throws(ExpressionError) in try value(ofInteger: bounds) } ?? 1)
        position = end
        return kind
    }

    private mutating func number() -> ExpressionToken.Kind? {
        var end = digits(from: position)
        if byte(end) == UInt8(ascii: ".") {
            let decimals = digits(from: end + 1)
            guard end > position || decimals > end + 1 else { return nil }
            end = decimals
        }
        guard end > position else { return nil }
        if byte(end) | 0x20 == UInt8(ascii: "e") {
            let sign = byte(end + 1)
            let exponent = end + (sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") ? 2 : 1)
            let exponentEnd = digits(from: exponent)
            if exponentEnd > exponent { end = exponentEnd }
        }
        position = end
        return .number
    }

    private mutating func identifier() -> ExpressionToken.Kind? {
        var end = word(from: position)
        guard end > position else { return nil }
        var terms = [string(position..<end)]
        while terms.count < 3, byte(end) == UInt8(ascii: "."), case let next = word(from: end + 1), next > end + 1 {
            terms.append(string(end + 1..<next))
            end = next
        }
        position = end
        guard terms.count == 1 else { return .identifier(terms) }
        return switch terms[0].utf8.count <= 8 ? terms[0].uppercased() : "" {
        case "AND": .and
        case "OR": .or
        case "NOT": .not
        case "IN": .in
        case "OVERLAPS": .comparison(.overlaps)
        default: .identifier(terms)
        }
    }

    private mutating func bind() -> ExpressionToken.Kind? {
        guard byte(position) == UInt8(ascii: ":"), case let end = word(from: position + 1), end > position + 1 else {
            return nil
        }
        defer { position = end }
        return .bind(string(position + 1..<end))
    }

    private mutating func symbol() -> ExpressionToken.Kind? {
        let equals = byte(position + 1) == UInt8(ascii: "=")
        let kind: ExpressionToken.Kind? =
            switch Unicode.Scalar(byte(position)) {
            case "(": .leftParenthesis
            case ")": .rightParenthesis
            case ",": .comma
            case "+": .arithmetic(.add)
            case "-": .arithmetic(.subtract)
            case "*": .arithmetic(.multiply)
            case "/": .arithmetic(.divide)
            case "%": .arithmetic(.remainder)
            case "=": .comparison(.equal)
            case "!" where equals: .comparison(.notEqual)
            case "<": .comparison(equals ? .lessOrEqual : .less)
            case ">": .comparison(equals ? .greaterOrEqual : .greater)
            default: nil
            }
        guard let kind else { return nil }
        if case .comparison(let comparison) = kind {
            position += comparison.rawValue.utf8.count
        } else {
            position += 1
        }
        return kind
    }

    // MARK: Characters

    /// The byte at an offset, or 0, which no token holds, after the end.
    private func byte(_ offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }

    private func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private func digits(from start: Int) -> Int {
        var end = start
        while isDigit(byte(end)) { end += 1 }
        return end
    }

    /// An optional minus and digits.
    private func integer(from start: Int) -> Range<Int>? {
        let first = byte(start) == UInt8(ascii: "-") ? start + 1 : start
        let end = digits(from: first)
        return end > first ? start..<end : nil
    }

    /// The end of the white space from `start` on. Within a range, lines may break.
    private func blanks(from start: Int) -> Int {
        var end = start
        while case let byte = byte(end), byte == 0x20 || (0x09...0x0D).contains(byte) { end += 1 }
        return end
    }

    private func word(from start: Int) -> Int {
        var end = start
        while case let byte = byte(end), isLetter(byte) || (end > start && isDigit(byte)) { end += 1 }
        return end
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    private func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
    }
}

// MARK: - Values

extension ExpressionLexer {
    /// The value of an optional minus and digits.
    private func value(ofInteger range: Range<Int>) throws(ExpressionError) -> Int64 {
        guard let value = Int64(string(range)) else {
            throw ExpressionError(.integerOutOfRange(string(range)), at: range.lowerBound, in: text)
        }
        return value
    }

    /// The value of a number token, with the sign that stands before it.
    func value(
        ofNumber range: Range<Int>, sign: ExpressionSyntax.Sign
    ) throws(ExpressionError) -> ExpressionSyntax.Kind {
        let written = (sign == .minus ? "-" : "") + string(range)
        if bytes[range].allSatisfy(isDigit) {
            guard let value = Int64(written) else {
                throw ExpressionError(.integerOutOfRange(written), at: range.lowerBound, in: text)
            }
            return .integer(value)
        }
        guard let value = Double(written), value.isFinite else {
            throw ExpressionError(.floatOutOfRange(written), at: range.lowerBound, in: text)
        }
        return .float(value)
    }
}

// MARK: - Errors

extension ExpressionLexer {
    private func unexpectedCharacter() -> ExpressionError {
        let rest = text.utf8.dropFirst(position)
        let character = Substring(rest).first ?? "\u{FFFD}"
        return ExpressionError(.unexpectedCharacter(character, advice: advice(on: character)), at: position, in: text)
    }

    private func advice(on character: Character) -> String? {
        switch character {
        case "\"", "\u{2018}", "\u{2019}", "\u{201C}", "\u{201D}", "`", "´":
            "write strings in single quotes, such as 'HSC'"
        case "&": "write AND"
        case "|": "write OR"
        case "!": "write NOT to negate, and != for inequality"
        case ";": "an expression has no end mark"
        case "[", "]", "{", "}": "write parentheses"
        case "^": "there is no power operator"
        case "$", "?", "@": "write :name for a bind value"
        case "≠": "write !="
        case "≤": "write <="
        case "≥": "write >="
        case "\r", "\r\n": "end lines with a line feed alone"
        case "\u{A0}": "this is a no-break space; write a space"
        case ":" where followsRange: "the stride of a range is a whole number from 1 on, as in 1..9:2"
        case ":": "a bind name begins directly after its colon, as in :name"
        case "." where position > 0 && (isLetter(bytes[position - 1]) || isDigit(bytes[position - 1])):
            "a name has at most three terms, such as visit.timespan.begin"
        default: nil
        }
    }
}
