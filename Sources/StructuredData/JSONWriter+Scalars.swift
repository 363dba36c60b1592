// The text of strings and numbers, the inner loops of the JSON writer.

extension JSONWriter {
    // MARK: Strings

    package mutating func appendString(_ text: String) {
        var text = text
        text.withUTF8 { appendString(bytes: $0) }
    }

    /// Appends valid UTF-8 in quotes, run by run between the characters that need an escape.
    package mutating func appendString(bytes text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        let escapesHigh = options.escapesNonASCII || options.escapesLineSeparators
        var runStart = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"),
                byte < 0x7F || (!escapesHigh && byte != 0x7F) || (byte == 0x7F && !options.escapesNonASCII)
            {
                index += 1
                continue
            }
            let (scalar, length) = Self.scalar(at: index, in: text)
            if byte >= 0x80, !mustEscape(scalar) {
                index += length
                continue
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[runStart..<index]))
            appendEscape(scalar)
            index += length
            runStart = index
        }
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[runStart..<text.count]))
        bytes.append(UInt8(ascii: "\""))
    }

    private func mustEscape(_ scalar: UInt32) -> Bool {
        options.escapesNonASCII || scalar == 0x85 || scalar == 0x2028 || scalar == 0x2029
    }

    /// The scalar whose encoding starts at `index`, and its length in bytes. The text must be valid UTF-8.
    private static func scalar(at index: Int, in text: UnsafeBufferPointer<UInt8>) -> (UInt32, Int) {
        let first = UInt32(text[index])
        let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        guard length > 1, index + length <= text.count else { return (first, 1) }
        var scalar = first & (0x7F >> UInt32(length))
        for offset in 1..<length { scalar = scalar << 6 | UInt32(text[index + offset] & 0x3F) }
        return (scalar, length)
    }

    private mutating func appendEscape(_ scalar: UInt32) {
        bytes.append(UInt8(ascii: "\\"))
        switch scalar {
        case 0x22, 0x5C: bytes.append(UInt8(scalar))
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x10000...:
            let offset = scalar - 0x10000
            appendUnicodeEscape(0xD800 + (offset >> 10))
            bytes.append(UInt8(ascii: "\\"))
            appendUnicodeEscape(0xDC00 + (offset & 0x3FF))
        default: appendUnicodeEscape(scalar)
        }
    }

    private mutating func appendUnicodeEscape(_ code: UInt32) {
        bytes.append(UInt8(ascii: "u"))
        for shift: UInt32 in [12, 8, 4, 0] {
            let digit = UInt8((code >> shift) & 0xF)
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    /// Appends text from a C library; bytes that are not UTF-8 become U+FFFD. Commas are the caller's.
    package mutating func appendString(utf8 text: UnsafeBufferPointer<UInt8>) {
        if text.contains(where: { $0 >= 0x80 }) {
            appendString(String(decoding: text, as: UTF8.self))
        } else {
            appendString(bytes: text)
        }
    }

    package mutating func appendNull() { bytes.append(contentsOf: [0x6E, 0x75, 0x6C, 0x6C]) }

    /// Appends a whole document where a caller that places commas itself wants a value.
    package mutating func appendDocument(_ value: StructuredValue) {
        var inner = JSONWriter(options: options)
        inner.value(value)
        bytes.append(contentsOf: inner.bytes)
    }

    // MARK: Numbers

    package mutating func appendInteger(_ value: Int64) {
        var rest = value.magnitude
        if rest < 10 {
            if value < 0 { bytes.append(UInt8(ascii: "-")) }
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest))
            return
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
            var index = 20
            while rest > 0 {
                index -= 1
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                buffer[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
                rest = quotient
            }
            if value < 0 {
                index -= 1
                buffer[index] = UInt8(ascii: "-")
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[index..<20]))
        }
    }

    package mutating func appendDouble(_ value: Double) {
        if value.isFinite {
            var text = PythonFloat.repr(value)
            text.withUTF8 { bytes.append(contentsOf: $0) }
        } else {
            let text =
                switch options.nan {
                case .null: "null"
                case .python: value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
                }
            bytes.append(contentsOf: text.utf8)
        }
    }
}
