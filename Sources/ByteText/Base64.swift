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

    /// Appends the hexadecimal text of the bytes that base64 text spells, without making the bytes.
    ///
    /// - Returns: `false`, with nothing appended, if the text is not padded standard base64.
    public static func appendHexadecimal(of text: UnsafeBufferPointer<UInt8>, to target: inout [UInt8]) -> Bool {
        guard text.count % 4 == 0 else { return false }
        if text.isEmpty { return true }
        let padding = text[text.count - 1] != UInt8(ascii: "=") ? 0 : text[text.count - 2] != UInt8(ascii: "=") ? 1 : 2
        let start = target.count
        // Three bytes, six digits, for each group of four characters.
        target.append(contentsOf: repeatElement(0, count: text.count / 4 * 6))
        let isValid = target.withUnsafeMutableBufferPointer { buffer in
            values.withUnsafeBufferPointer { values in
                var position = start
                var index = 0
                while index < text.count {
                    var group: UInt32 = 0
                    for offset in index..<(index + 4) {
                        let value = offset < text.count - padding ? values[Int(text[offset])] : 0
                        if value == invalid { return false }
                        group = group << 6 | UInt32(value)
                    }
                    var shift: UInt32 = 20
                    for digit in 0..<6 {
                        let nibble = UInt8(truncatingIfNeeded: group >> shift) & 15
                        buffer[position + digit] = nibble < 10 ? nibble + 0x30 : nibble + 0x57
                        shift &-= 4
                    }
                    position += 6
                    index += 4
                }
                return true
            }
        }
        target.removeLast(isValid ? 2 * padding : target.count - start)
        return isValid
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
