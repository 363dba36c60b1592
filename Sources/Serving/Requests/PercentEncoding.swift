/// Percent-encoding of single path segments and query values (RFC 3986, section 2).
public enum PercentEncoding {
    /// The text with everything but unreserved characters encoded, so that it is one path segment.
    public static func encode(_ text: some StringProtocol) -> String {
        func isUnreserved(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                true
            default: false
            }
        }
        var text = String(text)
        let encoded = text.withUTF8 { bytes -> String? in
            let count = bytes.count { !isUnreserved($0) }
            guard count > 0 else { return nil }
            return String(unsafeUninitializedCapacity: bytes.count + 2 * count) { encoded in
                var end = 0
                func append(_ byte: UInt8) {
                    encoded[end] = byte
                    end += 1
                }
                for byte in bytes {
                    if isUnreserved(byte) {
                        append(byte)
                    } else {
                        append(UInt8(ascii: "%"))
                        append(digit(byte >> 4))
                        append(digit(byte & 15))
                    }
                }
                return end
            }
        }
        return encoded ?? text
    }

    /// The decoded text; `nil` when an escape is incomplete or the bytes are not UTF-8.
    public static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var source = text.utf8.makeIterator()
        while let byte = source.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = source.next().flatMap(value), let low = source.next().flatMap(value) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Whether the segment is `.` or `..`, however it is spelled.
    static func isDotSegment(_ segment: Substring) -> Bool {
        guard segment.utf8.count <= 6, let text = decode(segment) else { return false }
        return text == "." || text == ".."
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
