/// A part of a unit.
enum UnitToken: Equatable {
    case integer(Double), float(Double), sign(Double), function(String), name, product, division, power, open, close,
        comma
}

/// Splits a unit into tokens.
enum UnitLexer {
    private static let functions = ["sqrt", "ln", "exp", "log", "mag", "dB", "dex"]

    static func tokens(_ text: String) throws(UnitCheck.Problem) -> [UnitToken] {
        let scalars = Array(text.unicodeScalars)
        var tokens: [UnitToken] = []
        var index = 0
        func at(_ offset: Int) -> Unicode.Scalar? { offset < scalars.count ? scalars[offset] : nil }
        func isDigit(_ offset: Int) -> Bool { at(offset).map { ("0"..."9").contains($0) } ?? false }
        while let scalar = at(index) {
            if scalar == " " {
                index += 1
                continue
            }
            if isDigit(index) || (scalar == "." && isDigit(index + 1)) {
                tokens.append(number(scalars, &index))
                continue
            }
            if scalar == "+" || scalar == "-", isDigit(index + 1) {
                tokens.append(.sign(scalar == "-" ? -1 : 1))
                index += 1
                continue
            }
            if let function = function(scalars, index) {
                tokens.append(.function(function))
                index += function.count
                continue
            }
            let end = scalars[index...].firstIndex(where: endsName) ?? scalars.count
            if end > index {
                var name = String.UnicodeScalarView()
                name.append(contentsOf: scalars[index..<end])
                let text = String(name)
                guard UnitCheck.isKnown(text) else {
                    let near = Suggestion.nearest(to: text, in: UnitNames.baseNames)
                    throw UnitCheck.Problem(
                        message: "'\(text)' is not a unit", remedy: near.map { "did you mean '\($0)'?" })
                }
                tokens.append(.name)
                index = end
                continue
            }
            switch scalar {
            case "*":
                if at(index + 1) == "*" {
                    tokens.append(.power)
                    index += 1
                } else {
                    tokens.append(.product)
                }
            case ".": tokens.append(.product)
            case "/": tokens.append(.division)
            case "^": tokens.append(.power)
            case "(": tokens.append(.open)
            case ")": tokens.append(.close)
            case ",": tokens.append(.comma)
            default:
                throw UnitCheck.Problem(message: "the character '\(scalar)' (number \(index + 1)) has no place here")
            }
            index += 1
        }
        return tokens
    }

    private static func endsName(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "0"..."9", "+", "-", ".", "/", "*", "^", "(", ")", ",": true
        default: scalar.properties.isWhitespace
        }
    }

    /// `12`, `1.5`, `.5`, `1e-10`; `12.` counts as an integer.
    private static func number(_ scalars: [Unicode.Scalar], _ index: inout Int) -> UnitToken {
        var text = ""
        func isDigit(_ offset: Int) -> Bool { offset < scalars.count && ("0"..."9").contains(scalars[offset]) }
        func takeDigits() {
            while isDigit(index) {
                text.unicodeScalars.append(scalars[index])
                index += 1
            }
        }
        var isInteger = true
        takeDigits()
        if index < scalars.count, scalars[index] == "." {
            index += 1
            if isDigit(index) {
                if text.isEmpty { text = "0" }
                text += "."
                isInteger = false
                takeDigits()
            }
        }
        if index < scalars.count, scalars[index] == "e" || scalars[index] == "E" {
            let hasSign = index + 1 < scalars.count && (scalars[index + 1] == "+" || scalars[index + 1] == "-")
            let first = hasSign ? index + 2 : index + 1
            if isDigit(first) {
                text += "e"
                if hasSign { text.unicodeScalars.append(scalars[index + 1]) }
                index = first
                isInteger = false
                takeDigits()
            }
        }
        let value = Double(text) ?? .infinity
        return isInteger ? .integer(value) : .float(value)
    }

    /// The name of a function that an opening parenthesis follows.
    private static func function(_ scalars: [Unicode.Scalar], _ index: Int) -> String? {
        functions.first { name in
            let end = index + name.count
            guard end < scalars.count, scalars[index..<end].elementsEqual(name.unicodeScalars) else { return false }
            return scalars[end...].first { $0 != " " } == "("
        }
    }
}
