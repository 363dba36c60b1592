/// Standard base64 with padding (RFC 4648, section 4).
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The text of `data`, as ASCII bytes.
    public static func encode(_ data: some Collection<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((data.count + 2) / 3 * 4)
        var iterator = data.makeIterator()
        while let first = iterator.next() {
            let second = iterator.next()
            let third = iterator.next()
            let group = UInt32(first) << 16 | UInt32(second ?? 0) << 8 | UInt32(third ?? 0)
            text.append(alphabet[Int(group >> 18)])
            text.append(alphabet[Int(group >> 12 & 63)])
            text.append(second == nil ? UInt8(ascii: "=") : alphabet[Int(group >> 6 & 63)])
            text.append(third == nil ? UInt8(ascii: "=") : alphabet[Int(group & 63)])
        }
        return text
    }

    /// The data of base64 text; characters outside the alphabet are skipped, as Python's `base64.decodebytes` does.
    /// `nil` when the text ends inside a group.
    public static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var data: [UInt8] = []
        var group: UInt32 = 0
        var length = 0
        for byte in text {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"): digit = 62
            case UInt8(ascii: "/"): digit = 63
            case UInt8(ascii: "="):
                // Padding ends the data, once a group has at least one whole byte.
                guard length >= 2 else { continue }
                data.append(UInt8(truncatingIfNeeded: length == 2 ? group >> 4 : group >> 10))
                if length == 3 { data.append(UInt8(truncatingIfNeeded: group >> 2)) }
                return data
            default: continue
            }
            group = group << 6 | UInt32(digit)
            length += 1
            if length == 4 {
                data.append(UInt8(truncatingIfNeeded: group >> 16))
                data.append(UInt8(truncatingIfNeeded: group >> 8))
                data.append(UInt8(truncatingIfNeeded: group))
                group = 0
                length = 0
            }
        }
        return length == 0 ? data : nil
    }
}
