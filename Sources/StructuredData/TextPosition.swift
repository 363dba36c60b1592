/// A place in a text, for messages: both numbers count from 1, columns in Unicode scalars.
public struct TextPosition: Hashable, Sendable, CustomStringConvertible {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// The place of byte `offset` of a UTF-8 text. Cost: O(offset), paid only when something is wrong.
    init(offset: Int, in bytes: UnsafeBufferPointer<UInt8>) {
        line = 1
        column = 1
        advance(over: bytes.prefix(offset))
    }

    /// Goes on behind more of the text.
    mutating func advance(over bytes: some Sequence<UInt8>) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
    }

    public var description: String { "line \(line), column \(column)" }
}
