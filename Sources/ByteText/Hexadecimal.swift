/// Lower-case hexadecimal text of bytes.
public enum Hexadecimal {
    /// The text of `bytes`. Cost: O(bytes).
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The text of bytes in memory.
    public static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the text of `bytes` to a buffer of UTF-8.
    public static func append(_ bytes: some Sequence<UInt8>, to text: inout [UInt8]) {
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
    }

    /// The same for bytes in memory, in one step.
    public static func append(_ bytes: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * bytes.count) { digits in
            write(bytes, to: digits)
            text.append(contentsOf: digits)
        }
    }

    /// Fills a buffer of twice as many bytes.
    public static func write(_ bytes: UnsafeRawBufferPointer, to digits: UnsafeMutableBufferPointer<UInt8>) {
        for (index, byte) in bytes.enumerated() {
            digits.initializeElement(at: 2 * index, to: digit(byte >> 4))
            digits.initializeElement(at: 2 * index + 1, to: digit(byte & 15))
        }
    }

    /// The digit for a number below sixteen.
    public static func digit(_ number: UInt8) -> UInt8 { number < 10 ? 0x30 + number : 0x61 - 10 + number }

    /// The bytes that `text` spells, in either case; `nil` when it is not hexadecimal or has an odd length.
    public static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        var high: UInt8?
        for character in text.utf8 {
            guard let digit = value(of: character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return high == nil ? bytes : nil
    }

    /// The number that one digit stands for.
    public static func value(of character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x41...0x46: character - 0x41 + 10
        case 0x61...0x66: character - 0x61 + 10
        default: nil
        }
    }
}
