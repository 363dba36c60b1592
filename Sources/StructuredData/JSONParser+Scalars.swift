// Strings and numbers, the inner loops of the JSON parser.

extension JSONParser {
    // MARK: Strings

    /// Reads a string; `index` is at its opening quote.
    mutating func string() throws(JSONError) -> String {
        index += 1
        let start = index
        var isASCII = true
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                let text = try text(from: start, isASCII: isASCII)
                index += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            if byte < 0x20 { throw .controlCharacter(byte, at: position(index)) }
            if byte >= 0x80 { isASCII = false }
            index += 1
        }
        throw unexpected("'\"' at the end of the string")
    }

    private func text(from start: Int, isASCII: Bool) throws(JSONError) -> String {
        let slice = UnsafeBufferPointer(rebasing: bytes[start..<index])
        if isASCII { return String(decoding: slice, as: UTF8.self) }
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw .invalidUTF8(at: position(start + validPrefix(slice)))
        }
        return text
    }

    /// Reads on from the first backslash of a string, which starts at `start`.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var decoded = [UInt8](bytes[start..<index])
        var isASCII = !decoded.contains { $0 >= 0x80 }
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""):
                if !isASCII {
                    // Escapes give whole characters, so a fault can only come from the raw bytes.
                    _ = try text(from: start, isASCII: false)
                }
                index += 1
                return String(decoding: decoded, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &decoded)
            case 0..<0x20: throw .controlCharacter(byte, at: position(index))
            default:
                if byte >= 0x80 { isASCII = false }
                decoded.append(byte)
                index += 1
            }
        }
        throw unexpected("'\"' at the end of the string")
    }

    /// Reads one escape; `index` is at its backslash.
    private mutating func escape(into decoded: inout [UInt8]) throws(JSONError) {
        let start = index
        index += 1
        guard index < bytes.count else { throw unexpected("an escape") }
        switch bytes[index] {
        case UInt8(ascii: "\""): decoded.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): decoded.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): decoded.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"):
            index += 1
            var code = try hexQuad()
            if (0xD800...0xDBFF).contains(code) {
                guard bytes.count - index >= 2, bytes[index] == UInt8(ascii: "\\"),
                    bytes[index + 1] == UInt8(ascii: "u")
                else { throw .loneSurrogate(at: position(start)) }
                index += 2
                let low = try hexQuad()
                guard (0xDC00...0xDFFF).contains(low) else { throw .loneSurrogate(at: position(start)) }
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw .loneSurrogate(at: position(start)) }
            decoded.append(contentsOf: scalar.utf8)
            return
        default: throw unexpected("one of \" \\ / b f n r t u after the backslash")
        }
        index += 1
    }

    private mutating func hexQuad() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard index < bytes.count, let digit = Self.hexDigit(bytes[index]) else {
                throw unexpected("a hexadecimal digit")
            }
            code = code << 4 | digit
            index += 1
        }
        return code
    }

    private static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// How many bytes at the front of `slice` are valid UTF-8.
    private func validPrefix(_ slice: UnsafeBufferPointer<UInt8>) -> Int {
        var decoder = UTF8.ForwardParser()
        var bytes = slice.makeIterator()
        var length = 0
        while case .valid(let scalar) = decoder.parseScalar(from: &bytes) { length += scalar.count }
        return length
    }

    // MARK: Numbers

    /// Powers of ten that a double holds exactly.
    private static let exactPowers: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    /// Reads a number; `index` is at its first character.
    mutating func number() throws(JSONError) -> StructuredValue {
        let start = index
        let isNegative = bytes[index] == UInt8(ascii: "-")
        if isNegative {
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "I"), options.contains(.allowNaN) {
                return try word("Infinity", .float(-.infinity))
            }
        }
        // The digits as an integer, as long as they fit; `exponent` is the power of ten that it is short of.
        var mantissa: UInt64 = 0
        var fits = true
        let integerStart = index
        try digits(into: &mantissa, fits: &fits, "a digit")
        if bytes[integerStart] == UInt8(ascii: "0"), index - integerStart > 1 {
            index = integerStart + 1
            throw unexpected("no digits after a leading zero")
        }
        var isInteger = true
        var exponent = 0
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            isInteger = false
            index += 1
            let fractionStart = index
            try digits(into: &mantissa, fits: &fits, "a digit after the decimal point")
            exponent = fractionStart - index
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            index += 1
            var isDown = false
            if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
                isDown = bytes[index] == UInt8(ascii: "-")
                index += 1
            }
            var power: UInt64 = 0
            var powerFits = true
            try digits(into: &power, fits: &powerFits, "a digit of the exponent")
            if !powerFits || power > 9999 { fits = false } else { exponent += isDown ? -Int(power) : Int(power) }
        }
        if isInteger, fits {
            if !isNegative, let value = Int64(exactly: mantissa) { return .int(value) }
            if isNegative, mantissa <= 1 << 63 { return .int(Int64(truncatingIfNeeded: 0 &- mantissa)) }
        }
        if fits, mantissa <= 1 << 53, abs(exponent) <= 22 {
            // Both operands are exact, so the one rounding is the right one (Clinger 1990).
            let magnitude = Double(mantissa)
            let power = Self.exactPowers[abs(exponent)]
            let value = exponent < 0 ? magnitude / power : magnitude * power
            return .float(isNegative ? -value : value)
        }
        let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)
        guard let value = Double(text), value.isFinite || options.contains(.allowNaN) else {
            throw .numberOutOfRange(at: position(start))
        }
        return .float(value)
    }

    @inline(__always)
    private mutating func digits(
        into mantissa: inout UInt64, fits: inout Bool, _ expected: @autoclosure () -> String
    ) throws(JSONError) {
        let start = index
        while index < bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            if mantissa < 1_000_000_000_000_000_000 {
                mantissa = mantissa &* 10 &+ UInt64(digit)
            } else {
                let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
                let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
                if overflow || carry { fits = false } else { mantissa = sum }
            }
            index += 1
        }
        if index == start { throw unexpected(expected()) }
    }
}
