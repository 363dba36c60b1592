import ByteText

/// Percent quoting of URI paths, with the character set that `lsst.resources` writes: ASCII letters, digits and
/// `_.-~/` stay, every other byte of the UTF-8 form becomes `%XX` (RFC 3986 unreserved characters plus `/`).
enum PercentQuoting {
    private static let hexDigits = Array("0123456789ABCDEF".utf8)

    private static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"),
            UInt8(ascii: "~"), UInt8(ascii: "/"):
            true
        default:
            false
        }
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    static func quote(_ text: String) -> String { quote(text, isSafe) }

    /// The same with slashes quoted too, as names and values in queries are.
    static func quoteAll(_ text: String) -> String { quote(text) { isSafe($0) && $0 != UInt8(ascii: "/") } }

    /// Quotes what no address may have, and leaves all else as it is written: for addresses that others have made.
    static func quoteRest(_ text: String) -> String {
        quote(text) { $0 > 0x20 && $0 < 0x7F && !"\"<>\\^`{|}".utf8.contains($0) }
    }

    private static func quote(_ text: String, _ isSafe: (UInt8) -> Bool) -> String {
        guard text.hasByte(where: { !isSafe($0) }) else { return text }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            if isSafe(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(hexDigits[Int(byte >> 4)])
                bytes.append(hexDigits[Int(byte & 15)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Turns `%XX` into bytes. A `%` that is not followed by two hexadecimal digits stays as it is, and bytes that do
    /// not form UTF-8 become U+FFFD.
    static func unquote(_ text: String) -> String {
        guard text.hasByte(UInt8(ascii: "%")) else { return text }
        let source = Array(text.utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            if source[index] == UInt8(ascii: "%"), index + 2 < source.count,
                let high = hexValue(source[index + 1]), let low = hexValue(source[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(source[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether the text holds an escape in the spelling that quoting produces (`%` and two upper-case digits).
    static func containsEscape(_ text: String) -> Bool {
        let source = Array(text.utf8)
        guard source.count >= 3 else { return false }
        return (0..<(source.count - 2)).contains { index in
            source[index] == UInt8(ascii: "%")
                && [source[index + 1], source[index + 2]].allSatisfy { hexDigits.contains($0) }
        }
    }
}
