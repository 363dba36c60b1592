/// Reads standard base64 with padding, without blanks or line ends.
///
/// - Throws: `RegionDecodingError.invalidBase64`
func decodeBase64(_ text: some Collection<UInt8>) throws(RegionDecodingError) -> [UInt8] {
    guard text.count % 4 == 0 else {
        throw .invalidBase64(problem: "\(text.count) characters are not a multiple of 4")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var bits: UInt32 = 0
    var bitCount = 0
    var padding = 0
    for character in text {
        if character == UInt8(ascii: "=") {
            padding += 1
            continue
        }
        guard padding == 0 else { throw .invalidBase64(problem: "there is text after the padding") }
        guard let value = base64Value(character) else {
            throw .invalidBase64(problem: "character code \(character) is not allowed")
        }
        bits = (bits << 6) | value
        bitCount += 6
        if bitCount >= 8 {
            bitCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
        }
    }
    guard padding <= 2 else { throw .invalidBase64(problem: "there are more than 2 padding characters") }
    return bytes
}

private func base64Value(_ character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
}

func encodeBase64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<Swift.min(start + 3, bytes.count)]
        let bits = group.reduce(UInt32(0)) { ($0 << 8) | UInt32($1) } << UInt32(8 * (3 - group.count))
        for i in 0..<4 {
            text.append(i <= group.count ? alphabet[Int(bits >> UInt32(18 - 6 * i)) & 63] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}
