/// Which styles can hold a scalar, by PyYAML's rules.
struct YAMLAnalysis {
    var isEmpty = false
    var isMultiline = false
    var allowsPlain = true
    /// Within brackets.
    var allowsFlowPlain = true
    var allowsSingleQuoted = true
    var allowsLiteral = true

    static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\n" || scalar == "\u{85}" || scalar == "\u{2028}" || scalar == "\u{2029}"
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\0" || scalar == " " || scalar == "\t" || scalar == "\r" || isBreak(scalar)
    }

    init(_ text: [Unicode.Scalar], allowsUnicode: Bool) {
        guard let first = text.first, let last = text.last else {
            isEmpty = true
            allowsFlowPlain = false
            allowsLiteral = false
            return
        }
        var hasIndicators = Self.isDocumentMarker(text)
        var hasFlowIndicators = false
        var hasSpecial = false
        var hasSpaceAfterBreak = false
        var hasBreakAfterSpace = false
        var previous: Unicode.Scalar?
        for (index, scalar) in text.enumerated() {
            let endsWord = index + 1 == text.count || Self.isBlank(text[index + 1])
            switch scalar {
            case "#": hasIndicators = hasIndicators || previous.map(Self.isBlank) ?? true
            case ":": hasIndicators = hasIndicators || endsWord
            case ",", "[", "]", "{", "}", "&", "*", "!", "|", ">", "'", "\"", "%", "@", "`":
                hasIndicators = hasIndicators || index == 0
            case "?", "-": hasIndicators = hasIndicators || (index == 0 && endsWord)
            default: break
            }
            switch scalar {
            case ",", "?", "[", "]", "{", "}", ":": hasFlowIndicators = true
            default: break
            }
            if Self.isBreak(scalar) {
                isMultiline = true
                if previous == " " { hasBreakAfterSpace = true }
            }
            if scalar == " ", let previous, Self.isBreak(previous) { hasSpaceAfterBreak = true }
            if !Self.isPrintable(scalar, allowsUnicode: allowsUnicode) { hasSpecial = true }
            previous = scalar
        }
        if first == " " || Self.isBreak(first) || last == " " || Self.isBreak(last) { allowsPlain = false }
        if last == " " { allowsLiteral = false }
        if hasSpaceAfterBreak {
            allowsPlain = false
            allowsSingleQuoted = false
        }
        if hasBreakAfterSpace || hasSpecial {
            allowsPlain = false
            allowsSingleQuoted = false
            allowsLiteral = false
        }
        if isMultiline || hasIndicators { allowsPlain = false }
        allowsFlowPlain = allowsPlain && !hasFlowIndicators
    }

    private static func isDocumentMarker(_ text: [Unicode.Scalar]) -> Bool {
        text.starts(with: ["-", "-", "-"]) || text.starts(with: [".", ".", "."])
    }

    private static func isPrintable(_ scalar: Unicode.Scalar, allowsUnicode: Bool) -> Bool {
        switch scalar.value {
        case 0x0A, 0x20...0x7E: true
        case 0xFEFF: false
        case 0x85, 0xA0...0xD7FF, 0xE000...0xFFFD, 0x10000..<0x10FFFF: allowsUnicode
        default: false
        }
    }
}
