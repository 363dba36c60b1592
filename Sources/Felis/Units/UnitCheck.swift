import Foundation

/// Checks units: the *generic* format of astropy's units, whichever key of the language holds the unit.
///
/// The grammar, on tokens; `e` stands for nothing:
///
///     main    = subunit { "," [ subunit ] }            several parts make a structure
///     subunit = unit | "(" main ")"                    the latter for a structure only
///     unit    = [ factor [ "*" ] ] product { "/" product } | [ factor [ "*" ] ] "/" term | factor
///     product = term { [ "*" ] term }
///     term    = function "(" main ")" | name [ [ "**" ] power ] | "(" product ")"
///     power   = [ sign ] integer | "(" ( [ sign ] integer [ "/" [ sign ] integer ] | [ sign ] float ) ")"
///
/// A `.` is a product too, `^` a power. An integer or `(` right after a name is its power.
public enum UnitCheck {
    public struct Problem: Error, Sendable, Hashable {
        public var message: String
        public var remedy: String?
    }

    /// The longest unit that is looked at.
    static let lengthLimit = 1000

    /// What is wrong with a unit; `nil` for a good one. Blank text is the dimensionless unit. Powers may be of any
    /// size: no scale is computed, which in astropy can leave the range of its numbers.
    ///
    /// - Complexity: O(n).
    public static func problem(of unit: String) -> Problem? {
        guard unit.utf8.count <= lengthLimit else {
            return Problem(message: "the unit is longer than \(lengthLimit) bytes")
        }
        if unit.unicodeScalars.allSatisfy(\.properties.isWhitespace) { return nil }
        let text = unit.utf8.allSatisfy { $0 < 0x80 } ? unit : translated(unit)
        if isKnown(text) { return nil }
        do throws(Problem) {
            var parser = UnitParser(tokens: try UnitLexer.tokens(text))
            try parser.whole()
            return nil
        } catch {
            return error
        }
    }

    // MARK: Characters beyond ASCII

    private static let superscripts: [Unicode.Scalar: Character] = [
        "\u{207B}": "-", "\u{207A}": "+", "\u{2070}": "0", "\u{B9}": "1", "\u{B2}": "2", "\u{B3}": "3", "\u{2074}": "4",
        "\u{2075}": "5", "\u{2076}": "6", "\u{2077}": "7", "\u{2078}": "8", "\u{2079}": "9",
    ]

    /// Superscripts become powers in parentheses, the minus sign a hyphen.
    private static func translated(_ unit: String) -> String {
        let scalars = Array(unit.precomposedStringWithCanonicalMapping.unicodeScalars)
        var result = String.UnicodeScalarView()
        var index = 0
        func digit(_ at: Int) -> Bool {
            guard at < scalars.count, let character = superscripts[scalars[at]] else { return false }
            return character.isNumber
        }
        while index < scalars.count {
            let scalar = scalars[index]
            let hasSign = superscripts[scalar] != nil && !digit(index)
            guard digit(index) || (hasSign && digit(index + 1)) else {
                result.append(scalar == "\u{2212}" ? "-" : scalar)
                index += 1
                continue
            }
            result.append("(")
            repeat {
                if let character = superscripts[scalars[index]] { result.append(contentsOf: character.unicodeScalars) }
                index += 1
            } while digit(index)
            result.append(")")
        }
        return String(result)
    }

    private static let symbols = [
        "%": "percent", "\u{2032}": "arcmin", "\u{2033}": "arcsec", "\u{2B0}": "hourangle", "e\u{207B}": "electron",
    ]
    private static let suffixes: [Character: String] = [
        "\u{2299}": "sun", "\u{2609}": "sun", "\u{2295}": "earth", "\u{1F728}": "earth", "\u{2641}": "earth",
        "\u{2643}": "jupiter", "\u{2091}": "_e", "\u{209A}": "_p",
    ]

    static func isKnown(_ name: String) -> Bool {
        var name = symbols[name] ?? name
        if name.utf8.contains(where: { $0 >= 0x80 }) {
            if name.hasPrefix("°") { name = name.count == 1 ? "deg" : "deg_" + name.dropFirst() }
            if name.count > 1, let last = name.last, let suffix = suffixes[last] {
                name = name.dropLast() + suffix
            } else if name.hasSuffix("R\u{221E}") {
                name = name.dropLast(2) + "Ry"
            }
        }
        return UnitNames.isKnown(name)
    }
}

private struct UnitParser {
    /// What a part of a unit is, as far as it matters where it may stand.
    private enum Kind {
        /// Products of units.
        case product
        /// With a division or a number.
        case quotient
        /// A number alone, which has no dimension.
        case number
        /// A magnitude or other logarithm of a unit, which stands alone.
        case logarithm
        case structure
    }

    let tokens: [UnitToken]
    private var index = 0
    /// The number that was read last.
    private var lastFactor = 1.0
    private var depth = 0

    init(tokens: [UnitToken]) { self.tokens = tokens }

    private var next: UnitToken? { index < tokens.count ? tokens[index] : nil }

    private func after(_ count: Int) -> UnitToken? { index + count < tokens.count ? tokens[index + count] : nil }

    private mutating func take(_ token: UnitToken) -> Bool {
        guard next == token else { return false }
        index += 1
        return true
    }

    private func failure(_ message: String) -> UnitCheck.Problem { UnitCheck.Problem(message: message) }

    private func unexpected() -> UnitCheck.Problem {
        failure(next == nil ? "the unit ends too early" : "part \(index + 1) of the unit cannot stand there")
    }

    mutating func whole() throws(UnitCheck.Problem) {
        _ = try main()
        if next != nil { throw unexpected() }
    }

    private mutating func main() throws(UnitCheck.Problem) -> Kind {
        var kind = try subunit()
        var parts = 1
        while take(.comma) {
            parts += 1
            switch next {
            case nil, .comma, .close: break
            default: _ = try subunit()
            }
        }
        if parts > 1 { kind = .structure }
        return kind
    }

    private mutating func subunit() throws(UnitCheck.Problem) -> Kind {
        if next == .open {
            let kind = try parenthesis(allowsStructure: true)
            return kind == .structure ? kind : try unit(first: kind)
        }
        return try unit(first: nil)
    }

    /// - Parameter first: the term that has been read already.
    private mutating func unit(first: Kind?) throws(UnitCheck.Problem) -> Kind {
        var hasFactor = false
        if first == nil { hasFactor = try factor() }
        if hasFactor {
            if !startsTerm(next), next != .product, next != .division { return .number }
            if next == .product {
                index += 1
                guard startsTerm(next) || next == .division else { throw unexpected() }
            }
        }
        if first == nil, take(.division) {
            if try term() == .logarithm { throw logarithmAlone() }
            return .quotient
        }
        let kind = try product(first: first)
        var isQuotient = hasFactor
        while take(.division) {
            isQuotient = true
            if try product(first: nil) == .logarithm || kind == .logarithm { throw logarithmAlone() }
        }
        if isQuotient, kind == .logarithm { throw logarithmAlone() }
        return isQuotient ? .quotient : kind
    }

    private func logarithmAlone() -> UnitCheck.Problem {
        failure("a logarithmic unit such as mag(AB) cannot be multiplied or divided")
    }

    private mutating func product(first: Kind?) throws(UnitCheck.Problem) -> Kind {
        var kind = if let first { first } else { try term() }
        while true {
            if take(.product) {
                guard startsTerm(next) else { throw unexpected() }
            } else if !startsTerm(next) {
                return kind
            }
            let other = try term()
            if kind == .logarithm || other == .logarithm { throw logarithmAlone() }
            kind = .product
        }
    }

    private func startsTerm(_ token: UnitToken?) -> Bool {
        switch token {
        case .function, .name, .open: true
        default: false
        }
    }

    private mutating func term() throws(UnitCheck.Problem) -> Kind {
        switch next {
        case .function(let name):
            index += 1
            guard take(.open) else { throw unexpected() }
            let kind = try nested { parser throws(UnitCheck.Problem) in try parser.main() }
            guard take(.close) else { throw unexpected() }
            guard name == "sqrt" || name == "mag" || name == "dB" || name == "dex" else {
                throw failure("'\(name)' is not a function of units")
            }
            guard kind == .product || kind == .quotient || kind == .number else {
                throw failure("'\(name)' takes a plain unit only")
            }
            // Of the number one it is the plain unit of the name.
            return name == "sqrt" || (kind == .number && lastFactor == 1) ? .product : .logarithm
        case .name:
            index += 1
            if take(.power) {
                try power()
            } else if startsPower(next) {
                try power()
            }
            return .product
        case .open: return try parenthesis(allowsStructure: false)
        default: throw unexpected()
        }
    }

    private func startsPower(_ token: UnitToken?) -> Bool {
        switch token {
        case .sign, .integer, .open: true
        default: false
        }
    }

    /// `( product )`, or a structure where one may stand.
    private mutating func parenthesis(allowsStructure: Bool) throws(UnitCheck.Problem) -> Kind {
        index += 1
        let before = index
        let kind = try nested { parser throws(UnitCheck.Problem) in try parser.main() }
        guard take(.close) else { throw unexpected() }
        switch kind {
        case .product, .logarithm: return kind
        case .structure:
            // A structure in parentheses of its own is none of this level.
            guard allowsStructure, hasComma(from: before) else { throw failure("a structure cannot stand here") }
            return kind
        case .quotient, .number: throw failure("there can be no division and no number in parentheses")
        }
    }

    private func hasComma(from start: Int) -> Bool {
        var level = 0
        for token in tokens[start..<(index - 1)] {
            if token == .open { level += 1 }
            if token == .close { level -= 1 }
            if token == .comma, level == 0 { return true }
        }
        return false
    }

    private mutating func nested(
        _ body: (inout UnitParser) throws(UnitCheck.Problem) -> Kind
    ) throws(UnitCheck.Problem) -> Kind {
        depth += 1
        defer { depth -= 1 }
        guard depth < 100 else { throw failure("parentheses nest too deeply") }
        return try body(&self)
    }

    // MARK: Numbers

    private mutating func sign() -> Double {
        guard case .sign(let sign)? = next else { return 1 }
        index += 1
        return sign
    }

    private mutating func integer() throws(UnitCheck.Problem) -> Double {
        guard case .integer(let value)? = next else { throw unexpected() }
        index += 1
        return value
    }

    @discardableResult
    private mutating func power() throws(UnitCheck.Problem) -> Double {
        guard take(.open) else {
            let sign = sign()
            return sign * (try integer())
        }
        let sign = sign()
        var value: Double
        if case .float(let number)? = next {
            index += 1
            value = sign * number
        } else {
            value = sign * (try integer())
            if take(.division) {
                let other = self.sign()
                let divisor = try integer()
                guard divisor != 0 else { throw failure("a power is divided by zero") }
                value /= other * divisor
            }
        }
        guard take(.close) else { throw unexpected() }
        return value
    }

    /// A number before the unit; false if there is none.
    private mutating func factor() throws(UnitCheck.Problem) -> Bool {
        var value: Double
        switch (next, after(1)) {
        case (.sign, _), (.float, _):
            value = sign()
            switch next {
            case .float(let number), .integer(let number): value *= number
            default: throw unexpected()
            }
            index += 1
            if case .integer? = next { value *= try powerOfInteger() }
        case (.integer(let base), .power), (.integer(let base), .open), (.integer(let base), .sign):
            index += 1
            value = try powerOf(base)
        case (.integer(let number), .integer):
            index += 1
            value = number * (try powerOfInteger())
        case (.integer(let number), _):
            index += 1
            value = number
        default: return false
        }
        guard value != 0, value.isFinite else { throw failure("the number before the unit is zero or too large") }
        lastFactor = value
        return true
    }

    /// The second number of a factor, which must have a power: `10**3`, `10+3`.
    private mutating func powerOfInteger() throws(UnitCheck.Problem) -> Double {
        let base = try integer()
        if take(.power) { return pow(base, try power()) }
        guard case .sign? = next else { throw unexpected() }
        let sign = sign()
        return pow(base, sign * (try integer()))
    }

    /// What follows the first integer of a unit: `10**3`, `10+3`, `10(3)`; only powers that are floats take other
    /// bases than 10.
    private mutating func powerOf(_ base: Double) throws(UnitCheck.Problem) -> Double {
        let hasOperator = take(.power)
        let exponent: Double
        var isInteger = true
        if take(.open) {
            let hasSign = if case .sign? = next { true } else { false }
            let sign = sign()
            if case .float(let number)? = next, hasOperator {
                index += 1
                exponent = sign * number
                isInteger = false
            } else {
                guard hasOperator || hasSign else { throw unexpected() }
                exponent = sign * (try integer())
            }
            guard take(.close) else { throw unexpected() }
        } else {
            let sign = sign()
            exponent = sign * (try integer())
        }
        if isInteger, base != 10 { throw failure("only powers of 10 can stand before a unit") }
        return pow(base, exponent)
    }
}
