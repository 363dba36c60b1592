import ByteText
import Foundation

extension UUID {
    /// The 32 lower-case digits without dashes that SQLite holds.
    var hexadecimalDigits: String { withUnsafeBytes(of: uuid) { Hexadecimal.encode($0) } }

    /// The UUID of 32 hexadecimal digits without dashes; `nil` for anything else.
    init?(hexadecimalDigits digits: UnsafeBufferPointer<UInt8>) {
        guard digits.count == 32 else { return nil }
        var bytes: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let isValid = withUnsafeMutableBytes(of: &bytes) { bytes in
            for index in 0..<16 {
                guard let high = Hexadecimal.value(of: digits[2 * index]),
                    let low = Hexadecimal.value(of: digits[2 * index + 1])
                else { return false }
                bytes[index] = high << 4 | low
            }
            return true
        }
        guard isValid else { return nil }
        self.init(uuid: bytes)
    }
}
