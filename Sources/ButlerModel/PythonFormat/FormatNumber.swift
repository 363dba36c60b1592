#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Numbers in Python's format mini-language.
extension FormatSpecification {
    // MARK: Integers

    func format(_ value: Int64) throws(FormatProblem) -> String {
        let radix: Int
        switch type {
        case nil, "d", "n": radix = 10
        case "b": radix = 2
        case "o": radix = 8
        case "x", "X": radix = 16
        case "c": return try formatCharacter(value)
        case "e", "E", "f", "F", "g", "G", "%": return try format(Double(value))
        default: throw problem("does not fit a whole number")
        }
        guard precision == nil, !dropsNegativeZero else { throw problem("does not fit a whole number") }
        let digits = String(value.magnitude, radix: radix, uppercase: type == "X")
        let mark = isAlternate && radix != 10 ? "0" + (type.map { String($0) } ?? "") : ""
        return assembled(
            sign: signText(isNegative: value < 0) + mark, whole: digits, rest: "", group: radix == 10 ? 3 : 4)
    }

    private func formatCharacter(_ value: Int64) throws(FormatProblem) -> String {
        guard sign == nil, !isAlternate, precision == nil, !dropsNegativeZero,
            let scalar = UInt32(exactly: value).flatMap(Unicode.Scalar.init)
        else { throw problem("does not fit this number") }
        return padded(prefix: "", String(scalar), count: 1)
    }

    // MARK: Floating point

    func format(_ value: Double) throws(FormatProblem) -> String {
        var body: String
        switch type {
        case nil: body = general(value.magnitude)
        case "n": body = printed(value.magnitude, "g")
        case "e", "E", "f", "F", "g", "G": body = printed(value.magnitude, type ?? "g")
        case "%": body = printed((value * 100).magnitude, "f") + "%"
        default: throw problem("does not fit a number")
        }
        var isNegative = value.sign == .minus && !value.isNaN
        if dropsNegativeZero, !body.utf8.contains(where: { (0x31...0x39).contains($0) }), value.isFinite {
            isNegative = false
        }
        let end = body.utf8.firstIndex { !(0x30...0x39).contains($0) } ?? body.endIndex
        let rest = String(body[end...])
        body = String(body[..<end])
        return assembled(sign: signText(isNegative: isNegative), whole: body, rest: rest, group: 3)
    }

    /// Without type: the shortest form, or with a precision the shortest of that many digits; always as a float.
    private func general(_ value: Double) -> String {
        guard let precision, value.isFinite else {
            let text = PythonText.shortest(value)
            return isAlternate ? withPoint(text) : text
        }
        let digitCount = max(precision, 1)
        var (digits, point) = PythonText.decimal(cFormat("%.\(digitCount - 1)e", value))
        let exponential = point <= -4 || point > digitCount - 1
        if isAlternate {
            while digits.count < digitCount { digits.append(UInt8(ascii: "0")) }
        }
        return PythonText.layOut(digits, point: point, exponential: exponential, addingZero: true)
    }

    private func withPoint(_ text: String) -> String {
        guard !text.contains("."), text.utf8.first.map({ (0x30...0x39).contains($0) }) == true else { return text }
        let end = text.firstIndex(of: "e") ?? text.endIndex
        return text[..<end] + "." + text[end...]
    }

    private func printed(_ value: Double, _ letter: Unicode.Scalar) -> String {
        let upper = letter == "E" || letter == "F" || letter == "G"
        guard value.isFinite else {
            let text = value.isNaN ? "nan" : "inf"
            return upper ? text.uppercased() : text
        }
        return cFormat("%\(isAlternate ? "#" : "").\(precision ?? 6)\(letter)", value)
    }

    private func cFormat(_ format: String, _ value: Double) -> String {
        let count = withVaList([value]) { vsnprintf(nil, 0, format, $0) }
        var buffer = [CChar](repeating: 0, count: Int(max(count, 0)) + 1)
        _ = withVaList([value]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(decoding: buffer.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: Layout

    private func signText(isNegative: Bool) -> String {
        if isNegative { return "-" }
        switch sign {
        case "+": return "+"
        case " ": return " "
        default: return ""
        }
    }

    /// Sign, grouped digits and whatever follows them, brought to the width. Zero padding is grouped as well.
    private func assembled(sign: String, whole: String, rest: String, group: Int) -> String {
        var digits = whole
        if let grouping, !whole.isEmpty {
            let zeroPadded = fill == "0" && alignment == .inner
            let least = zeroPadded ? width - sign.utf8.count - rest.utf8.count : 0
            digits = Self.grouped(Array(whole.utf8), separator: grouping, every: group, atLeast: least)
        }
        let body = digits + rest
        return padded(prefix: sign, body, count: body.unicodeScalars.count)
    }

    /// Digits with separators, extended with zeros to at least a number of characters, but not by a separator alone.
    private static func grouped(
        _ digits: [UInt8], separator: Unicode.Scalar, every group: Int, atLeast least: Int
    ) -> String {
        var reversed: [UInt8] = []
        var remaining = digits.count
        var missing = least
        while true {
            let count = min(group, max(remaining, missing, 1))
            let taken = min(remaining, count)
            reversed.append(contentsOf: digits[(remaining - taken)..<remaining].reversed())
            reversed.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: count - taken))
            remaining -= taken
            missing -= count
            if remaining <= 0, missing <= 0 { break }
            missing -= 1
            reversed.append(UInt8(truncatingIfNeeded: separator.value))
        }
        return String(decoding: reversed.reversed(), as: UTF8.self)
    }
}
