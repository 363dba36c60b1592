/// Why a text is not JSON that we accept, and where.
public enum JSONError: Error, Equatable, CustomStringConvertible {
    /// Something else stands where `expected` should.
    case unexpected(found: String, expected: String, at: TextPosition)
    /// A string holds bytes that are not UTF-8.
    case invalidUTF8(at: TextPosition)
    /// `\uD800`…`\uDFFF` without its other half: no text can hold it.
    case loneSurrogate(at: TextPosition)
    /// A raw control character inside a string.
    case controlCharacter(UInt8, at: TextPosition)
    /// A number too large for a double (only without ``JSONParser/Options/allowNaN``).
    case numberOutOfRange(at: TextPosition)
    /// Arrays and objects nest deeper than the limit.
    case tooDeep(limit: Int, at: TextPosition)

    public var description: String {
        switch self {
        case .unexpected(let found, let expected, let at):
            "Invalid JSON at \(at): expected \(expected), found \(found)."
        case .invalidUTF8(let at): "Invalid JSON at \(at): the bytes are not UTF-8; encode the text as UTF-8."
        case .loneSurrogate(let at):
            "Invalid JSON at \(at): half a surrogate pair; write both halves or the character itself."
        case .controlCharacter(let byte, let at):
            "Invalid JSON at \(at): control character \(byte) in a string; escape it as \\u\(hex4(UInt32(byte)))."
        case .numberOutOfRange(let at): "Invalid JSON at \(at): the number does not fit a 64-bit float."
        case .tooDeep(let limit, let at): "JSON at \(at) nests deeper than the limit of \(limit) levels."
        }
    }
}

/// A code point as four hexadecimal digits.
func hex4(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}
