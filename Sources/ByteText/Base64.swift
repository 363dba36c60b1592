/// Standard base64 with padding (RFC 4648, section 4).
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let invalid: UInt8 = 0xff
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: invalid, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// The text of `bytes`. Cost: O(bytes).
    public static func encode(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { buffer in
            var position = 0
            var index = 0
            while index < bytes.count {
                let count = min(3, bytes.count - index)
                var group = UInt32(bytes[index]) << 16
                if count > 1 { group |= UInt32(bytes[index + 1]) << 8 }
                if count > 2 { group |= UInt32(bytes[index + 2]) }
                buffer[position] = alphabet[Int(group >> 18)]
                buffer[position + 1] = alphabet[Int(group >> 12 & 63)]
                buffer[position + 2] = count > 1 ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "=")
                buffer[position + 3] = count > 2 ? alphabet[Int(group & 63)] : UInt8(ascii: "=")
                position += 4
                index += 3
            }
            return position
        }
    }

    /// The bytes, or `nil` if the text is not padded standard base64.
    public static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        if text.isEmpty { return [] }
        let padding = text[text.count - 1] != UInt8(ascii: "=") ? 0 : text[text.count - 2] != UInt8(ascii: "=") ? 1 : 2
        let digitCount = text.count - padding
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { buffer, count in
            values.withUnsafeBufferPointer { values in
                var group: UInt32 = 0
                for index in 0..<text.count {
                    let value = index < digitCount ? values[Int(text[index])] : 0
                    if value == invalid {
                        isValid = false
                        return
                    }
                    group = group << 6 | UInt32(value)
                    if index % 4 == 3 {
                        buffer[count] = UInt8(truncatingIfNeeded: group >> 16)
                        buffer[count + 1] = UInt8(truncatingIfNeeded: group >> 8)
                        buffer[count + 2] = UInt8(truncatingIfNeeded: group)
                        count += 3
                        group = 0
                    }
                }
            }
            if isValid { count -= padding }
        }
        return isValid ? bytes : nil
    }

    /// How many bytes ``writeHexadecimal(of:to:)`` needs at most.
    public static func hexadecimalCapacity(of text: UnsafeBufferPointer<UInt8>) -> Int { (text.count + 3) / 4 * 6 }

    /// Writes the hexadecimal text of the bytes that base64 text spells, without making the bytes.
    ///
    /// - Parameter target: of at least ``hexadecimalCapacity(of:)`` bytes.
    /// - Returns: the number of digits; `nil` if the text is not padded standard base64.
    public static func writeHexadecimal(
        of text: UnsafeBufferPointer<UInt8>, to target: UnsafeMutableBufferPointer<UInt8>
    ) -> Int? {
        guard text.count % 4 == 0 else { return nil }
        if text.isEmpty { return 0 }
        precondition(target.count >= hexadecimalCapacity(of: text))
        let padding = text[text.count - 1] != UInt8(ascii: "=") ? 0 : text[text.count - 2] != UInt8(ascii: "=") ? 1 : 2
        return values.withUnsafeBufferPointer { values in
            hexadecimalPairs.withUnsafeBufferPointer { pairs in
                let output = UnsafeMutableRawBufferPointer(target)
                var position = 0
                // Three bytes, six digits, for each group of four characters.
                func write(_ group: UInt32) {
                    for shift: UInt32 in [16, 8, 0] {
                        output.storeBytes(of: pairs[Int(group >> shift & 0xFF)], toByteOffset: position, as: UInt16.self)
                        position += 2
                    }
                }
                let whole = padding == 0 ? text.count : text.count - 4
                var index = 0
                while index < whole {
                    let (a, b) = (values[Int(text[index])], values[Int(text[index + 1])])
                    let (c, d) = (values[Int(text[index + 2])], values[Int(text[index + 3])])
                    // Values have six bits, and what is invalid has all eight.
                    guard (a | b | c | d) & 0xC0 == 0 else { return nil }
                    write(UInt32(a) << 18 | UInt32(b) << 12 | UInt32(c) << 6 | UInt32(d))
                    index += 4
                }
                guard padding > 0 else { return position }
                var group: UInt32 = 0
                for offset in index..<(index + 4) {
                    let value = offset < text.count - padding ? values[Int(text[offset])] : 0
                    if value == invalid { return nil }
                    group = group << 6 | UInt32(value)
                }
                write(group)
                return position - 2 * padding
            }
        }
    }

    /// The two digits of each byte, in the order in which they lie in memory.
    private static let hexadecimalPairs: [UInt16] = (0..<256).map { byte in
        let digits = Array("0123456789abcdef".utf8)
        return UInt16(littleEndian: UInt16(digits[byte >> 4]) | UInt16(digits[byte & 15]) << 8)
    }

    /// The bytes of base64 text with anything between: characters outside the alphabet are skipped, as Python's
    /// `base64.decodebytes` does. `nil` when the text ends inside a group.
    public static func decodeLeniently(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var data: [UInt8] = []
        var group: UInt32 = 0
        var length = 0
        for byte in text {
            if byte == UInt8(ascii: "=") {
                // Padding ends the data, once a group has at least one whole byte.
                guard length >= 2 else { continue }
                data.append(UInt8(truncatingIfNeeded: length == 2 ? group >> 4 : group >> 10))
                if length == 3 { data.append(UInt8(truncatingIfNeeded: group >> 2)) }
                return data
            }
            let digit = values[Int(byte)]
            guard digit != invalid else { continue }
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
