import QueryModel
import Testing

/// The text as the parser understands it, with all its parentheses; "" for a blank text.
func parsed(_ text: String) throws -> String { try ExpressionSyntax.parse(text)?.description ?? "" }

/// The kind of the right side of `x = text`.
func literal(_ text: String) throws -> ExpressionSyntax.Kind? {
    guard case .comparison(.equal, _, let right) = try ExpressionSyntax.parse("x = \(text)")?.kind else { return nil }
    return right.kind
}

@Suite struct ExpressionLexicalTests {
    @Test(arguments: ["", " ", "\t \n\n"])
    func aBlankTextHasNoSyntax(text: String) throws { #expect(try ExpressionSyntax.parse(text) == nil) }

    @Test(arguments: [
        ("0", 0), ("007", 7), ("9223372036854775807", Int64.max), ("00000000000000000000000000000001", 1),
    ])
    func integersAreDigits(text: String, value: Int64) throws { #expect(try literal(text) == .integer(value)) }

    @Test(arguments: [
        ("1.", 1.0), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000), ("1E+3", 1000), ("25e-1", 2.5), ("1.e1", 10),
        (".1e-5", 1e-6), ("9223372036854775808.", 9.223372036854775808e18), ("1e-400", 0),
    ])
    func numbersWithAPointOrAnExponentAreFloats(text: String, value: Double) throws {
        #expect(try literal(text) == .float(value))
    }

    @Test(arguments: ["9223372036854775808", "-9223372036854775808", "1e999", "1..9223372036854775808"])
    func numbersBeyond64BitsAreErrorsThatNameThem(text: String) {
        let error = #expect(throws: ExpressionError.self) { try ExpressionSyntax.parse("x = \(text)") }
        let digits = text.split(whereSeparator: { "-.".contains($0) }).last ?? ""
        #expect(error?.description.contains("\(digits) lies beyond") == true)
    }

    @Test func theLeastIntegerIsAnItemOfIN() throws {
        #expect(try parsed("x IN (-9223372036854775808)") == "x IN (-9223372036854775808)")
    }

    @Test(arguments: [("''", ""), ("'HSC'", "HSC"), ("'a \"b\" \\ \r é 日本'", "a \"b\" \\ \r é 日本"), ("'1..5'", "1..5")])
    func stringsTakeEverythingUpToTheNextQuote(text: String, value: String) throws {
        #expect(try literal(text) == .string(value))
    }

    @Test(arguments: [
        ("1..5", 1, 5, 1), ("-5 .. -1", -5, -1, 1), ("1..9 : 2", 1, 9, 2), ("1..9:2", 1, 9, 2), ("5..1", 5, 1, 1),
        ("5..4", 5, 4, 1), ("1\n..\r\n2", 1, 2, 1), ("01..010:10", 1, 10, 10), ("- 1..2", 1, 2, 1),
    ])
    func rangesAreOneToken(text: String, start: Int64, stop: Int64, stride: Int64) throws {
        var kind = try literal(text)
        // With a blank, the minus is a sign before the range.
        if text.hasPrefix("- "), case .signed(.minus, let operand) = kind { kind = operand.kind }
        #expect(kind == .range(start: start, stop: stop, stride: stride))
    }

    @Test(arguments: [
        ("visit", ["visit"]), ("_b9", ["_b9"]), ("VISIT", ["VISIT"]), ("visit.id", ["visit", "id"]),
        ("calexp.timespan.begin", ["calexp", "timespan", "begin"]), ("a.in", ["a", "in"]), ("in.or", ["in", "or"]),
        ("IS", ["IS"]), ("null", ["null"]), ("LIKE", ["LIKE"]), ("between", ["between"]), ("t", ["t"]), ("T1", ["T1"]),
    ])
    func identifiersHaveOneToThreeTerms(text: String, terms: [String]) throws {
        #expect(try ExpressionSyntax.parse(text)?.kind == .identifier(terms))
    }

    @Test func bindNamesFollowTheirColonDirectly() throws {
        #expect(try ExpressionSyntax.parse(":in_9")?.kind == .bind("in_9"))
        for text in [": a", ":1", ":", ":a.b"] {
            #expect(throws: ExpressionError.self) { try ExpressionSyntax.parse(text) }
        }
    }

    @Test(arguments: [
        ("a and B or NoT c", "(a AND B) OR (NOT c)"), ("a Overlaps b", "a OVERLAPS b"),
        ("a In (1)", "a IN (1)"), ("a not  in (1)", "a NOT IN (1)"),
    ])
    func keywordsAreInAnyCase(text: String, meaning: String) throws { #expect(try parsed(text) == meaning) }

    @Test(arguments: [
        ("a=1", "a = 1"), ("a<=1", "a <= 1"), ("a<-1", "a < (-1)"), ("a!=.5", "a != 0.5"), ("1e=2", nil),
        ("a = 1.5.5", nil), ("a\n=\n1", "a = 1"), ("a = b.5", nil),
        ("x=T'58849.'", "x = T'2020-01-01T00:00:00.000000000/tai'"),
        ("x = 1...5", nil), ("x = 1. .5", nil), ("a IN(1..5:2)", "a IN (1..5:2)"), ("a IN(1..5:0)", nil),
        ("a IN (1..5:01)", nil), ("a IN (1..5:x)", nil), ("a.b.c.d = 1", nil), ("a . b = 1", nil),
        ("a = T '58849.0'", nil),
        ("a == 1", nil), ("a <> 1", nil), ("a && b", nil), ("a = 1;", nil), ("a = \"x\"", nil), ("a = 0x10", nil),
        ("a = 1_000", nil), ("a\r\n= 1", nil), ("a = 'x\ny'", nil), ("a = T'58849.0\n'", nil), ("é = 1", nil),
        ("a = ١", nil), ("a\u{A0}= 1", nil), ("a\u{B}= 1", nil), ("a \u{0}= 1", nil), ("! a", nil), ("a-1..5", nil),
    ])
    func tokensAreCutInTheOrderOfTheLanguage(text: String, meaning: String?) {
        #expect((try? parsed(text)) == meaning)
    }
}
