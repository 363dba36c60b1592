import ButlerModel
import QueryModel
import StructuredData
import Testing

@Suite struct ExpressionErrorTests {
    private func message(_ text: String) -> String {
        do {
            return "parsed as \(try parsed(text))"
        } catch {
            return "\(error)"
        }
    }

    @Test func anErrorShowsTheTextTheExpectationAndTheCaret() {
        #expect(
            message("visit = = 5") == """
                Failed to parse expression 'visit = = 5': expected a value, found '=' (line 1, column 9).
                  visit = = 5
                          ^
                """)
        #expect(
            message("a = 1 OR\n\t'é' = (b\n") == """
                Failed to parse expression 'a = 1 OR
                \t'é' = (b
                ': expected ')' for the '(' at line 2, column 8, found the end of the text (line 3, column 1).
                \("  ")
                  ^
                """)
    }

    @Test(arguments: [
        ("visit == 5", "expected one operator, found '=='; write '=' for equality (line 1, column 7)"),
        ("a <> 1", "write '!=' for inequality (line 1, column 3)"), ("a =< 1", "write '<='"), ("a => 1", "write '>='"),
        ("a = \"r\"", "unexpected character '\"'; write strings in single quotes, such as 'HSC' (line 1, column 5)"),
        ("a = “r”", "write strings in single quotes"), ("a = 1 && b = 2", "write AND (line 1, column 7)"),
        ("a || b", "write OR"), ("!a", "write NOT to negate"), ("a ≤ 1", "write <="), ("a IN [1]", "write parentheses"),
        ("a IS NULL", "found 'IS'; write x = NULL or x != NULL (line 1, column 3)"),
        ("a LIKE 'x%'", "found 'LIKE'; write GLOB(column, 'pattern*')"),
        ("a between 1 and 2", "found 'between'; write x IN (a..b) for integers, or x >= a AND x <= b"),
        ("a NOT LIKE 'x'", "expected IN after NOT, found 'LIKE'"),
        ("a = 'x", "has no closing single quote on its line (line 1, column 5)"),
        ("a = T'58849.0", "no closing single quote"),
        ("a = 'it''s'", "a string cannot contain a single quote; pass such a value as a bind value"),
        ("a IN ()", "pass a list that may be empty as a bind value"),
        ("a IN (1 2)", "expected ',' or ')' in the list of IN"),
        ("a IN (1..5:0)", "the stride of a range is a whole number from 1 on"),
        ("a = : b", "begins directly after its colon"),
        ("a.b.c.d", "a name has at most three terms"), ("a-1..5", "'-' directly before a range is its sign"),
        ("a = 1)", "found ')'; no '(' is open here"), ("(a, b, c)", "a tuple has two items, (begin, end)"),
        ("a = NOT b", "write parentheses around NOT"),
        ("a\r\n= 1", "unexpected character U+000D; end lines with a line feed"),
        ("a = 99999999999999999999", "the integer 99999999999999999999 lies beyond the 64-bit range"),
        ("a < T'58849'", "'58849' is not a time"), ("a IN (f(1))", "f cannot be an item of IN"),
        ("a = \u{0}", "unexpected character U+0000"), ("a IN (1) + 2", "AND, OR or a comparison after the list of IN"),
    ])
    func anErrorSaysWhatToWrite(text: String, advice: String) {
        let message = message(text)
        #expect(message.contains(advice), "\(message)")
        #expect(message.hasPrefix("Failed to parse expression '\(text.prefix(1))"))
    }

    @Test(arguments: [
        ("'éa' = é", "  'éa' = é\n         ^", 8), ("'日本' = é", "  '日本' = é\n   　　    ^", 8),
        ("\t\ta = é", "  \t\ta = é\n  \t\t    ^", 7), ("'e\u{301}' = é", "  'e\u{301}' = é\n        ^", 8),
        ("a =\n  b é c\nAND", "    b é c\n      ^", 5),
    ])
    func theCaretStandsUnderItsCharacter(text: String, excerpt: String, column: Int) throws {
        let error = try #require(throws: ExpressionError.self) { try ExpressionSyntax.parse(text) }
        let shown = ExpressionExcerpt(of: text, at: error.offset)
        #expect(shown.description == excerpt)
        #expect(shown.position.column == column)
    }

    @Test func longTextsAndLinesAreShortened() {
        let text =
            String(repeating: "visit = 5 OR ", count: 1000) + "é" + String(repeating: " OR visit = 6", count: 1000)
        let message = message(text)
        #expect(message.hasPrefix("Failed to parse expression '\(text.prefix(200))…': unexpected character 'é'"))
        let lines = message.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines.allSatisfy { $0.count < 350 })
        #expect(lines[1].hasPrefix("  …") && lines[1].hasSuffix("…"))
        #expect(Array(lines[1])[lines[2].count - 1] == "é")
    }

    @Test func controlCharactersDoNotReachTheTerminal() {
        #expect(!message("a = '\u{1B}[31m' \u{1B}").contains("\u{1B}"))
    }

    @Test func anErrorIsAnInvalidQueryOfAButler() throws {
        let error = try #require(throws: ExpressionError.self) { try ExpressionSyntax.parse("a =") }
        #expect(ButlerError(error) == ButlerError(.invalidQuery, error.description))
    }

    @Test func anExcerptTakesAnyOffset() {
        #expect(ExpressionExcerpt(of: "é", at: 1).position == TextPosition(line: 1, column: 1))
        #expect(ExpressionExcerpt(of: "é\n", at: 99).position == TextPosition(line: 2, column: 1))
        #expect(ExpressionExcerpt(of: "", at: -1).description == "  \n  ^")
    }
}
