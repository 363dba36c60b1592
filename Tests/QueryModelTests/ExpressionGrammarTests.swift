import QueryModel
import Testing

@Suite struct ExpressionGrammarTests {
    @Test(arguments: [
        // Low to high: OR, AND, NOT, comparisons, IN, sums, products, signs.
        ("NOT a=1 OR b=2", "(NOT (a = 1)) OR (b = 2)"), ("a OR b AND c", "a OR (b AND c)"),
        ("a AND b OR c", "(a AND b) OR c"), ("NOT a AND b", "(NOT a) AND b"), ("NOT NOT a", "NOT (NOT a)"),
        ("NOT a IN (1)", "NOT (a IN (1))"), ("a < b < c", "(a < b) < c"),
        ("a != b OVERLAPS c", "(a != b) OVERLAPS c"), ("a OVERLAPS b = c", "(a OVERLAPS b) = c"),
        ("a = b IN (1)", "a = (b IN (1))"), ("a IN (1) = b", "(a IN (1)) = b"), ("a + b IN (1)", "(a + b) IN (1)"),
        ("a = b + c * d", "a = (b + (c * d))"), ("a - b - c", "(a - b) - c"), ("a / b * c % d", "((a / b) * c) % d"),
        ("-a*b", "(-a) * b"), ("a--1", "a - (-1)"), ("a - + - 1", "a - (+(-1))"), ("- a IN (1)", "(-a) IN (1)"),
        ("-(a + b)", "-(a + b)"), ("(a OR b) AND c", "(a OR b) AND c"), ("((a))", "a"), ("(a = b) + c", "(a = b) + c"),
        ("(a IN (1)) IN (2)", "(a IN (1)) IN (2)"), ("a = (NOT b)", "a = (NOT b)"),
    ])
    func operatorsBindInTheOrderOfTheLanguage(text: String, meaning: String) throws {
        #expect(try parsed(text) == meaning)
        #expect(try parsed(meaning) == meaning)
    }

    @Test func chainsOfANDAndORAreOneNode() throws {
        guard case .or(let operands) = try ExpressionSyntax.parse("a OR b AND c AND d OR (e OR f)")?.kind else {
            Issue.record("not a chain of OR")
            return
        }
        #expect(operands.map(\.description) == ["a", "b AND c AND d", "e OR f"])
        guard case .and(let inner) = operands[1].kind else {
            Issue.record("not a chain of AND")
            return
        }
        #expect(inner.count == 3)
    }

    @Test(arguments: [
        (
            "x IN (1, -2, + 3.5, 'r', T'58849.0', 1..5, -3..4:2, name, :bind)",
            "x IN (1, -2, 3.5, 'r', T'2020-01-01T00:00:00.000000000/tai', 1..5, -3..4:2, name, :bind)"
        ),
        ("x NOT IN (:list)", "x NOT IN (:list)"), ("x IN (null)", "x IN (null)"), ("'r' IN (x)", "'r' IN (x)"),
        (
            "x IN (uuid(('4b6c1f0e-2a3d-4e5f-8a9b-0c1d2e3f4a5b')))",
            "x IN (UUID('4b6c1f0e-2a3d-4e5f-8a9b-0c1d2e3f4a5b'))"
        ),
    ])
    func itemsOfINAreLiteralsNamesAndBindNames(text: String, meaning: String) throws {
        #expect(try parsed(text) == meaning)
    }

    @Test func aSignBeforeAnItemIsPartOfTheNumber() throws {
        guard case .membership(_, let items, false) = try ExpressionSyntax.parse("x IN (-5, +.5)")?.kind else {
            Issue.record("not a membership")
            return
        }
        #expect(items.map(\.kind) == [.integer(-5), .float(0.5)])
        #expect(try parsed("x = -5") == "x = (-5)")
    }

    @Test(arguments: [
        ("a OVERLAPS(b, c)", "a OVERLAPS (b, c)"), ("(a, b)", "(a, b)"), ("(a = 1, NOT b) = c", "(a = 1, NOT b) = c"),
        ("t OVERLAPS (T'58849.0', NULL)", "t OVERLAPS (T'2020-01-01T00:00:00.000000000/tai', NULL)"),
    ])
    func tuplesHaveTwoItems(text: String, meaning: String) throws { #expect(try parsed(text) == meaning) }

    @Test(arguments: [
        "a =", "= a", "a b", "a = = b", "a AND", "AND a", "a OR OR b", "NOT", "a NOT b", "a NOT", "()", "(a", "a)",
        "(a,)",
        "(a, b, c)", "(,a)", "a, b", "a IN", "a IN 1", "a IN ()", "a IN (1", "a IN (1,)", "a IN (,1)", "a IN ((1))",
        "a IN (1+2)", "a IN (--1)", "a IN (- 'x')", "a IN (b.c)", "a IN (f(1))", "a IN (POINT(1, 2))",
        "a IN (UUID(:b))",
        "a IN (1) IN (2)", "a IN (1) + 2", "a = NOT b", "a + NOT b", "- NOT b", "a OVERLAPS", "a IN (NOT b)",
        "a IS NULL", "a LIKE 'x'", "a BETWEEN 1 AND 2", "a 'x'", "'it''s' = a", "a.b(1)", ":f(1)", "f(1", "f(1,)",
        "f(1,,2)",
        "* a", "a * / b",
    ])
    func whatTheGrammarDoesNotHaveIsAnError(text: String) {
        #expect(throws: ExpressionError.self) { try ExpressionSyntax.parse(text) }
    }

    @Test func nodesKnowTheirPlaceInTheText() throws {
        let text = " ('é' = b) AND NOT (c)IN(- 1, x)"
        let bytes = Array(text.utf8)
        func source(_ node: ExpressionSyntax) -> String { String(decoding: bytes[node.range], as: UTF8.self) }
        let syntax = try #require(try ExpressionSyntax.parse(text))
        #expect(source(syntax) == "('é' = b) AND NOT (c)IN(- 1, x)")
        guard case .and(let operands) = syntax.kind, case .comparison(_, let left, _) = operands[0].kind,
            case .not(let inner) = operands[1].kind, case .membership(let value, let items, _) = inner.kind
        else {
            Issue.record("wrong structure")
            return
        }
        #expect(source(operands[0]) == "'é' = b")
        #expect(source(left) == "'é'")
        #expect(source(operands[1]) == "NOT (c)IN(- 1, x)")
        #expect(source(value) == "c")
        #expect(items.map(source) == ["- 1", "x"])
    }
}
