/// The tag that a plain scalar has by its form: the YAML 1.1 rules as PyYAML applies them. These differ from YAML
/// 1.2 and from the 1.1 type repository: `yes` and `off` are booleans but `y` is text, `1e3` is text (a float needs
/// a dot and a signed exponent), `010` is octal, `0o10` is text, `1:30` is base 60.
enum YAMLResolver {
    static func tag(plain text: String) -> String {
        guard let first = text.utf8.first else { return YAMLTag.null }
        switch first {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
            var text = text
            return text.withUTF8 { bytes in
                if isFloat(bytes) { return YAMLTag.float }
                if first != UInt8(ascii: "."), isInteger(bytes) { return YAMLTag.int }
                return isTimestamp(bytes) ? YAMLTag.timestamp : YAMLTag.string
            }
        case UInt8(ascii: "<"): return text == "<<" ? YAMLTag.merge : YAMLTag.string
        case UInt8(ascii: "="): return text == "=" ? YAMLTag.value : YAMLTag.string
        case UInt8(ascii: "~"): return text == "~" ? YAMLTag.null : YAMLTag.string
        default:
            // Nearly all texts are longer than these words, or begin otherwise.
            guard text.utf8.count <= 5, "nNyYtTfFoO".utf8.contains(first) else { return YAMLTag.string }
            switch text {
            case "null", "Null", "NULL": return YAMLTag.null
            case "yes", "Yes", "YES", "no", "No", "NO", "true", "True", "TRUE", "false", "False", "FALSE", "on", "On",
                "ON", "off", "Off", "OFF":
                return YAMLTag.bool
            default: return YAMLTag.string
            }
        }
    }

    /// Walks over bytes, one character class at a time.
    private struct Scanner {
        let bytes: UnsafeBufferPointer<UInt8>
        var index = 0

        var isAtEnd: Bool { index == bytes.count }

        mutating func skip(_ characters: StaticString) -> Bool {
            guard index < bytes.count else { return false }
            for offset in 0..<characters.utf8CodeUnitCount where characters.utf8Start[offset] == bytes[index] {
                index += 1
                return true
            }
            return false
        }

        /// Skips up to `limit` of these characters and tells how many.
        mutating func skipAll(_ characters: StaticString, limit: Int = .max) -> Int {
            let start = index
            while index - start < limit, skip(characters) {}
            return index - start
        }

        mutating func digits(_ range: ClosedRange<Int>) -> Bool {
            range.contains(skipAll("0123456789", limit: range.upperBound))
        }

        func rest(is words: [String]) -> Bool {
            let rest = UnsafeBufferPointer(rebasing: bytes[index...])
            return words.contains { $0.utf8.elementsEqual(rest) }
        }

        /// `(:[0-5]?[0-9])+`; a group that does not match is left unread.
        mutating func base60() -> Bool {
            var groups = 0
            while true {
                let start = index
                guard skip(":") else { break }
                let length = skipAll("0123456789", limit: 2)
                guard length == 1 || (length == 2 && bytes[start + 1] <= UInt8(ascii: "5")) else {
                    index = start
                    break
                }
                groups += 1
            }
            return groups > 0
        }

        /// `([eE][-+][0-9]+)?` and nothing after it.
        mutating func exponentEnds() -> Bool {
            if isAtEnd { return true }
            return skip("eE") && skip("-+") && skipAll("0123456789") > 0 && isAtEnd
        }
    }

    private static func isFloat(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var scanner = Scanner(bytes: bytes)
        if scanner.skip(".") {
            if scanner.rest(is: ["inf", "Inf", "INF", "nan", "NaN", "NAN"]) { return true }
            guard scanner.skip("0123456789") else { return false }
            _ = scanner.skipAll("0123456789_")
            return scanner.exponentEnds()
        }
        if scanner.skip("-+"), scanner.rest(is: [".inf", ".Inf", ".INF"]) { return true }
        guard scanner.skip("0123456789") else { return false }
        _ = scanner.skipAll("0123456789_")
        if scanner.base60() { return scanner.skip(".") && scanner.skipAll("0123456789_") >= 0 && scanner.isAtEnd }
        guard scanner.skip(".") else { return false }
        _ = scanner.skipAll("0123456789_")
        return scanner.exponentEnds()
    }

    private static func isInteger(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var scanner = Scanner(bytes: bytes)
        _ = scanner.skip("-+")
        if scanner.skip("0") {
            if scanner.isAtEnd { return true }
            if scanner.skip("b") { return scanner.skipAll("01_") > 0 && scanner.isAtEnd }
            if scanner.skip("x") { return scanner.skipAll("0123456789abcdefABCDEF_") > 0 && scanner.isAtEnd }
            return scanner.skipAll("01234567_") > 0 && scanner.isAtEnd
        }
        guard scanner.skip("123456789") else { return false }
        _ = scanner.skipAll("0123456789_")
        return scanner.isAtEnd || (scanner.base60() && scanner.isAtEnd)
    }

    private static func isTimestamp(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var date = Scanner(bytes: bytes)
        guard date.digits(4...4), date.skip("-") else { return false }
        var scanner = date
        if date.digits(2...2), date.skip("-"), date.digits(2...2), date.isAtEnd { return true }
        guard scanner.digits(1...2), scanner.skip("-"), scanner.digits(1...2) else { return false }
        guard scanner.skip("Tt") || scanner.skipAll(" \t") > 0 else { return false }
        guard scanner.digits(1...2), scanner.skip(":"), scanner.digits(2...2), scanner.skip(":"), scanner.digits(2...2)
        else { return false }
        if scanner.skip(".") { _ = scanner.skipAll("0123456789") }
        if scanner.isAtEnd { return true }
        _ = scanner.skipAll(" \t")
        if scanner.skip("Z") { return scanner.isAtEnd }
        guard scanner.skip("-+"), scanner.digits(1...2) else { return false }
        if scanner.skip(":") { return scanner.digits(2...2) && scanner.isAtEnd }
        return scanner.isAtEnd
    }
}
