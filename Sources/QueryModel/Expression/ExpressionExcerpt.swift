import StructuredData

/// The line of an expression around a place, with a caret under that place:
///
///     visit = = 5
///             ^
///
/// Both lines are indented by two spaces. Of a long line only the surroundings are shown, between ellipses.
/// Cost: O(*n*) in the length of the text.
public struct ExpressionExcerpt: Sendable, CustomStringConvertible {
    /// Columns count Unicode scalars.
    public let position: TextPosition
    public let description: String

    /// The most scalars of a line to show. Characters would not do: one can be a megabyte of combining marks.
    private static let width = 76

    /// - Parameter offset: the place, as an offset in UTF-8; one beyond the text counts as its end.
    public init(of text: String, at offset: Int) {
        var text = text
        text.makeContiguousUTF8()
        var place = text.utf8.index(text.startIndex, offsetBy: min(max(offset, 0), text.utf8.count))
        while place < text.endIndex, text.utf8[place] & 0xC0 == 0x80 { place = text.utf8.index(before: place) }
        let head = text.utf8[..<place]
        let lineStart = head.lastIndex(of: UInt8(ascii: "\n")).map { text.utf8.index(after: $0) } ?? text.startIndex
        let lineEnd = text.utf8[place...].firstIndex(of: UInt8(ascii: "\n")) ?? text.endIndex
        let scalars = text.unicodeScalars
        position = TextPosition(
            line: 1 + head.count { $0 == UInt8(ascii: "\n") }, column: 1 + scalars[lineStart..<place].count)

        var before = scalars[lineStart..<place].suffix(Self.width)
        var after = scalars[place..<lineEnd].prefix(Self.width)
        if before.count + after.count > Self.width {
            before = before.suffix(max(Self.width / 2, Self.width - after.count))
            after = after.prefix(Self.width - before.count)
        }
        let lead = (before.startIndex > lineStart ? "…" : "") + Self.printable(before)
        let line = lead + Self.printable(after) + (after.endIndex < lineEnd ? "…" : "")
        description = "  \(line)\n  \(String(lead.map(Self.padding)))^"
    }

    /// The first `limit` scalars of a text on one line, with an ellipsis if there are more, and without control
    /// characters that would upset a terminal.
    static func shortened(_ text: String, to limit: Int) -> String {
        let head = text.unicodeScalars.prefix(limit)
        let line = printable(head).replacing("\n", with: " ")
        return line + (head.endIndex < text.endIndex ? "…" : "")
    }

    private static func printable(_ text: Substring.UnicodeScalarView) -> String {
        String(
            String.UnicodeScalarView(
                text.map { $0.properties.generalCategory != .control || $0 == "\n" || $0 == "\t" ? $0 : "\u{FFFD}" }))
    }

    /// A blank as wide as a character is on a terminal.
    private static func padding(under character: Character) -> Character {
        guard character != "\t", let first = character.unicodeScalars.first?.value else { return character }
        // The blocks that UAX #11 calls wide or full-width, roughly.
        let isWide =
            [0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60]
            .contains { $0.contains(first) } || (0x1F300...0x1FAFF).contains(first)
            || (0x20000...0x3FFFD).contains(first)
        return isWide ? "\u{3000}" : " "
    }
}
