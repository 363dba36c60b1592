import Testing

@testable import StructuredData

/// Documents that are read in pieces.
@Suite struct YAMLSourceTests {
    private struct Collected: YAMLPartVisitor {
        var items: [String] = []

        mutating func entry(_ key: String, _ value: YAMLNode, level: Int) {}
        mutating func beginList(level: Int, at position: TextPosition) {}
        mutating func beginItem(level: Int, at position: TextPosition) {}
        mutating func endItem(level: Int) {}
        mutating func value(_ node: YAMLNode) { if case .scalar(let text) = node.content { items.append(text) } }
    }

    /// A list of texts that no piece ends with.
    private static let items = (0..<40_000).map { "größer \($0)" }
    private static let text = Array(("a:\n" + items.map { "- \($0)\n" }.joined()).utf8)

    private func items(_ source: YAMLSource) throws -> [String] {
        var collected = Collected()
        let isDocument = try YAMLNode.visit(source, path: ["a"], visitor: &collected)
        #expect(isDocument)
        return collected.items
    }

    @Test func longTextsAreReadWithoutASeam() throws {
        #expect(Self.text.count > 4 << 17)
        #expect(try items(YAMLSource(Self.text)) == Self.items)
        // However little comes at a time.
        let drops = YAMLSource(count: Self.text.count) { start, count in Array(Self.text[start..<(start + min(count, 777))]) }
        #expect(try items(drops) == Self.items)
    }

    @Test func damageIsToldWithItsPlace() throws {
        var text = Self.text
        let index = try #require(text.lastIndex(of: UInt8(ascii: "g")))
        text[index + 3] = 0xFF
        #expect(throws: YAMLError.self) { try items(YAMLSource(text)) }
        do {
            _ = try items(YAMLSource(text))
        } catch {
            #expect("\(error)".contains("line 40001, column"))
        }
    }

    @Test func whatKeepsTheTextFromBeingReadIsTheError() {
        struct Refusal: Error {}
        let source = YAMLSource(count: Self.text.count) { start, count in
            guard start < 300_000 else { throw Refusal() }
            return Array(Self.text[start..<(start + count)])
        }
        #expect(throws: Refusal.self) { try items(source) }
    }
}
