import ByteText

/// The values of YAML scalars, given their tags.
enum YAMLScalar {
    /// The value of `text` under a standard scalar tag; `nil` when the text does not fit the tag.
    static func value(_ text: String, tag: String) -> StructuredValue? {
        switch tag {
        case YAMLTag.null: .null
        case YAMLTag.bool: boolean(text)
        case YAMLTag.int: integer(text)
        case YAMLTag.float: float(text)
        case YAMLTag.binary:
            text.utf8.allSatisfy { $0 < 0x80 } ? Base64.decodeLeniently(text.utf8).map { .bytes($0) } : nil
        default: .string(text)
        }
    }

    private static func boolean(_ text: String) -> StructuredValue? {
        switch text.lowercased() {
        case "yes", "true", "on": true
        case "no", "false", "off": false
        default: nil
        }
    }

    /// An integer that does not fit `Int64` becomes a float, as in JSON.
    private static func integer(_ text: String) -> StructuredValue? {
        var digits = text.utf8.filter { $0 != UInt8(ascii: "_") }[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
        guard let first = digits.first else { return nil }
        if digits.contains(UInt8(ascii: ":")) {
            var value = Number()
            for part in digits.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
                guard let number = Number(part, radix: 10) else { return nil }
                value.append(number, radix: 60)
            }
            return value.structured(isNegative: isNegative)
        }
        var radix: UInt64 = 10
        if first == UInt8(ascii: "0"), digits.count > 1 {
            switch digits[digits.startIndex + 1] {
            case UInt8(ascii: "b"): radix = 2
            case UInt8(ascii: "x"): radix = 16
            default: radix = 8
            }
            digits = digits.dropFirst(radix == 8 ? 1 : 2)
        }
        return Number(digits, radix: radix)?.structured(isNegative: isNegative)
    }

    /// A magnitude that is exact while it fits 64 bits and a double beyond.
    private struct Number {
        var exact: UInt64? = 0
        var approximate = 0.0

        init() {}

        init?(_ digits: some Collection<UInt8>, radix: UInt64) {
            guard !digits.isEmpty else { return nil }
            for byte in digits {
                guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, digit < radix else { return nil }
                append(UInt64(digit), radix: radix)
            }
            if exact == nil, radix == 10 {
                // One rounding instead of one per digit.
                approximate = Double(String(decoding: Array(digits), as: UTF8.self)) ?? approximate
            }
        }

        mutating func append(_ digit: UInt64, radix: UInt64) {
            approximate = approximate * Double(radix) + Double(digit)
            guard let value = exact else { return }
            let (product, overflow) = value.multipliedReportingOverflow(by: radix)
            let (sum, carry) = product.addingReportingOverflow(digit)
            exact = overflow || carry ? nil : sum
        }

        mutating func append(_ number: Number, radix: UInt64) {
            if let digit = number.exact {
                append(digit, radix: radix)
            } else {
                approximate = approximate * Double(radix) + number.approximate
                exact = nil
            }
        }

        func structured(isNegative: Bool) -> StructuredValue {
            if let exact {
                if !isNegative, let value = Int64(exactly: exact) { return .int(value) }
                if isNegative, exact <= 1 << 63 { return .int(Int64(truncatingIfNeeded: 0 &- exact)) }
            }
            let magnitude = exact.map { Double($0) } ?? approximate
            return .float(isNegative ? -magnitude : magnitude)
        }
    }

    private static func float(_ text: String) -> StructuredValue? {
        var digits = text.lowercased().filter { $0 != "_" }[...]
        let isNegative = digits.first == "-"
        if isNegative || digits.first == "+" { digits.removeFirst() }
        let magnitude: Double
        switch digits {
        case ".inf", "inf", "infinity": magnitude = .infinity
        case ".nan", "nan": return .float(.nan)
        case _ where digits.contains(":"):
            var value = 0.0
            var base = 1.0
            for part in digits.split(separator: ":", omittingEmptySubsequences: false).reversed() {
                guard let number = decimal(part) else { return nil }
                value += number * base
                base *= 60
            }
            magnitude = value
        default:
            guard let number = decimal(digits) else { return nil }
            magnitude = number
        }
        return .float(isNegative ? -magnitude : magnitude)
    }

    private static func decimal(_ text: Substring) -> Double? {
        guard text.utf8.allSatisfy({ "0123456789.e+-".utf8.contains($0) }), text.first != "+", text.first != "-" else {
            return nil
        }
        return Double(text)
    }

    /// The text that Python's `str` gives for a value, which is the key that the value stands for in a mapping with
    /// text keys; `nil` for lists, mappings and bytes.
    static func keyText(_ value: StructuredValue) -> String? {
        switch value {
        case .string(let text): text
        case .int(let number): String(number)
        case .bool(let flag): flag ? "True" : "False"
        case .null: "None"
        case .float(let number): number.isFinite ? PythonFloat.repr(number) : PythonFloat.special(number)
        case .bytes, .array, .object: nil
        }
    }
}
