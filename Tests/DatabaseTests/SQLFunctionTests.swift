import AstroTime
import Foundation
import Testing

@testable import Database

/// What systems spell differently: executed where there is an implementation, compared as text elsewhere.
@Suite struct SQLFunctionTests {
    private let postgresql = SQLDialect.postgresql(schema: "r")

    private func text(_ statement: SQL, _ dialect: SQLDialect) throws -> String {
        try dialect.rendered(statement).text
    }

    /// The bound values of a statement.
    private func values(_ statement: SQL, _ dialect: SQLDialect) throws -> [SQLValue] {
        try dialect.rendered(statement).bindings.compactMap { if case .value(let value) = $0 { value } else { nil } }
    }

    private func one<T: Sendable>(
        _ client: any DatabaseClient, _ statement: SQL, _ decode: @escaping @Sendable (any DatabaseRow) throws -> T
    ) async throws -> T? {
        try await client.read { try $0.fetchOne(statement, decode) }
    }

    // MARK: Numbers and conditions

    @Test(arguments: Implementation.all)
    func divisionIsTrueDivisionAndByZeroGivesNull(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            let cases: [(SQLValue, SQLValue, Double?)] = [
                (7, 2, 3.5), (-7, 2, -3.5), (1, 3, 1.0 / 3), (6.0, 4, 1.5), (1, 0, nil), (0.5, 0.0, nil), (nil, 2, nil),
            ]
            for (a, b, expected) in cases {
                let quotient = try await one(client, "SELECT \(SQL.quotient("\(value: a)", "\(value: b)"))") {
                    try $0.optionalDouble(0)
                }
                #expect(quotient == .some(expected), "\(a) / \(b)")
            }
        }
        #expect(try text(.quotient("a", "b"), postgresql) == "a / NULLIF(CAST(b AS DOUBLE PRECISION), 0)")
    }

    @Test(arguments: Implementation.all)
    func truthOfABooleanColumnIsNullForNull(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            for (value, expected) in [(SQLValue.bool(true), true), (.bool(false), false), (.null, nil)] {
                let statement: SQL =
                    """
                    SELECT \(SQL.isTrue("x")), \(SQL.not(.isTrue("x"))) \
                    FROM (SELECT CAST(\(value: value) AS BOOLEAN) AS x) AS t
                    """
                let truth = try await one(client, statement) { [try $0.optionalBool(0), try $0.optionalBool(1)] }
                #expect(truth == [expected, expected.map { !$0 }])
            }
        }
        #expect(try text(.not(.isTrue("x")), postgresql) == "NOT (x)")
    }

    @Test(arguments: Implementation.all)
    func tensOfThousandsOfBalancedConditionsAreExecuted(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            let conditions = (0..<10_000).map { number -> SQL in "n <> \(value: number)" }
            let numbers = SQL.rows([("n", .int)], [[5000], [10_000], [-1]])
            let all: SQL = "SELECT count(*) FROM \(numbers) AS t WHERE \(SQL.allBalanced(conditions))"
            let held = try await one(client, all) { try $0.int(0) }
            #expect(held == 2)
            let any: SQL =
                "SELECT count(*) FROM \(numbers) AS t WHERE NOT \(SQL.anyBalanced(conditions.map { .not($0) }))"
            let met = try await one(client, any) { try $0.int(0) }
            #expect(met == 2)
        }
        #expect(try text(.allBalanced([]), .sqlite) == "1 = 1")
        #expect(try text(.anyBalanced([]), .sqlite) == "1 = 0")
        #expect(try text(.anyBalanced(["a"]), .sqlite) == "a")
        #expect(try text(.allBalanced(["a", "b", "c"]), .sqlite) == "(a AND b AND c)")
    }

    // MARK: Patterns

    /// Pattern, what it matches, what it does not match.
    private static let patterns: [(pattern: String, matches: [String], others: [String])] = [
        ("*", ["", "a", "*", "é\n"], []),
        ("a*", ["a", "abc"], ["", "ba", "A"]),
        ("?", ["a", "é", "😀", "?"], ["", "ab"]),
        ("a?c", ["abc", "a*c"], ["ac", "abbc"]),
        ("[ab]", ["[ab]"], ["a", "b"]),
        ("[^a]", ["[^a]"], ["b"]),
        ("]x[", ["]x["], ["x"]),
        (#"\*"#, ["*"], [#"\*"#, "a", ""]),
        (#"\?"#, ["?"], ["a"]),
        (#"\\"#, [#"\"#], [#"\\"#]),
        (#"\\*"#, [#"\"#, #"\abc"#], ["abc"]),
        (#"\d"#, [#"\d"#], ["d"]),
        (#"a\"#, [#"a\"#], ["a"]),
        ("100%", ["100%"], ["1000", "100"]),
        ("a_b", ["a_b"], ["axb"]),
        ("", [""], ["a"]),
        ("it's", ["it's"], ["its"]),
    ]

    @Test(arguments: Implementation.all)
    func patternsMatchWholeTexts(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            for (pattern, matches, others) in Self.patterns {
                for (candidate, expected) in matches.map({ ($0, true) }) + others.map({ ($0, false) }) {
                    let statement: SQL = "SELECT \(SQL.matches("\(value: candidate)", WildcardPattern(pattern)))"
                    let isMatch = try await one(client, statement) { try $0.bool(0) }
                    #expect(isMatch == expected, "\(pattern) \(candidate)")
                }
            }
        }
    }

    @Test func patternsAreLikePatternsInPostgreSQL() throws {
        let spelled = [
            ("*", "%"), ("a?c", "a_c"), ("[ab]", "[ab]"), (#"\*"#, "*"), (#"\\"#, #"\\"#), (#"\d"#, #"\\d"#),
            ("100%", #"100\%"#), ("a_b", #"a\_b"#), ("", ""),
        ]
        for (pattern, like) in spelled {
            let condition = SQL.matches("x", WildcardPattern(pattern))
            #expect(try text(condition, postgresql) == "x LIKE $1")
            #expect(try values(condition, postgresql) == [.text(like)], "\(pattern)")
        }
        let glob = SQL.matches("x", WildcardPattern("[a]*"))
        #expect(try text(glob, .sqlite) == "x GLOB ?")
        #expect(try values(glob, .sqlite) == ["[[]a[]]*"])
    }

    // MARK: Groups and order

    private let pairs = SQL.rows(
        [("k", .int), ("v", .text)], [[1, "a"], [2, "b"], [1, "c"], [2, "b"], [3, "d"]])

    @Test(arguments: Implementation.all)
    func groupsGiveSomeValueAndAllTexts(_ implementation: Implementation) async throws {
        try await implementation.withClient { [pairs] client in
            let statement: SQL = """
                SELECT k, \(SQL.anyValue("v")), \(SQL.joinedText("v", separator: "|")) FROM \(pairs) AS t \
                GROUP BY k ORDER BY k
                """
            let groups = try await client.read { connection in
                try connection.fetchAll(statement) { row in (try row.int(0), try row.text(1), try row.text(2)) }
            }
            #expect(groups.map(\.0) == [1, 2, 3])
            #expect(["a", "c"].contains(groups[0].1))
            #expect(groups.map { $0.2.split(separator: "|").sorted() } == [["a", "c"], ["b", "b"], ["d"]])
        }
        #expect(try text(.anyValue("v"), postgresql) == "(ARRAY_AGG(v))[1]")
        #expect(try text(.joinedText("v", separator: ":"), postgresql) == "string_agg(v, $1)")
        #expect(
            try text(TimespanExpression.column("span").anyValue.isNull, postgresql)
                == #"((ARRAY_AGG("span"))[1] IS NULL)"#)
    }

    @Test(arguments: Implementation.all)
    func nullComesBeforeAllValuesAndAfterThemWhenDescending(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            for (isDescending, expected) in [(false, [nil, -1, 4]), (true, [4, -1, nil])] as [(Bool, [Int64?])] {
                let statement: SQL = """
                    SELECT x FROM (SELECT 4 AS x UNION ALL SELECT NULL UNION ALL SELECT -1) AS t \
                    ORDER BY \(SQL.ordered("x", isDescending: isDescending))
                    """
                let found = try await client.read { try $0.fetchAll(statement) { try $0.optionalInt(0) } }
                #expect(found == expected)
            }
        }
        #expect(try text(.ordered("x", isDescending: false), postgresql) == "x NULLS FIRST")
        #expect(try text(.ordered("x", isDescending: true), postgresql) == "x DESC NULLS LAST")
        // What is never null is in the order of an index.
        #expect(try text(.ordered("x", isDescending: false, mayBeNull: false), postgresql) == "x")
        #expect(try text(.ordered("x", isDescending: true, mayBeNull: false), postgresql) == "x DESC")
    }

    // MARK: Hints

    @Test(arguments: Implementation.all)
    func whatHelpsADatabaseToChooseChangesNoRows(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            let numbers = SQL.rows([("n", .int)], (1...6 as ClosedRange<Int64>).map { [.int($0)] })
            let statement: SQL = """
                SELECT n FROM \(numbers) AS t WHERE n > 1 AND \(SQL.telling("n > 0 OR n > 100")) \
                AND \(SQL.condition("EXISTS (SELECT 1 WHERE n = 2 OR n = 5)", shortcut: "n = 5"))
                """
            let found = try await client.read { try $0.fetchAll(statement) { try $0.int(0) } }
            #expect(found == [2, 5])
        }
    }

    @Test func hintsAreSpelledForTheDatabaseThatNeedsThem() throws {
        #expect(try text(.telling("a > 0 OR a < 5"), postgresql) == "(a > 0 OR a < 5)")
        #expect(try text(.telling("a > 0 OR a < 5"), .sqlite) == "1 = 1")
        #expect(try text(.condition("EXISTS (SELECT 1)", shortcut: "a = 1"), postgresql) == "EXISTS (SELECT 1)")
        #expect(
            try text(.condition("EXISTS (SELECT 1)", shortcut: "a = 1"), .sqlite) == "(a = 1 OR EXISTS (SELECT 1))")
    }

    // MARK: Tables of values

    @Test(arguments: Implementation.all)
    func aTableOfOneColumnHoldsItsValuesInOrder(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            let numbers: [Int64] = [.min, -1, 0, 9_007_199_254_740_993, .max]
            let statement: SQL = "SELECT n FROM \(SQL.rows([("n", .int)], numbers.map { [.int($0)] })) AS t"
            let foundNumbers = try await client.read { try $0.fetchAll(statement) { try $0.int(0) } }
            #expect(foundNumbers == numbers)
            let texts = ["", "a", "it's \"quoted\" \\", "é\u{2028}\u{1F600}", "\u{1}\n\t", "[1]", "{\"a\":1}", "null"]
            let words: SQL = "SELECT w FROM \(SQL.rows([("w", .text)], texts.map { [.text($0)] })) AS t"
            let foundTexts = try await client.read { try $0.fetchAll(words) { try $0.text(0) } }
            #expect(foundTexts == texts)
        }
    }

    @Test(arguments: Implementation.all)
    func aTableOfSeveralColumnsKeepsItsRowsTogether(_ implementation: Implementation) async throws {
        let guid = UUID()
        try await implementation.withClient { client in
            let table = SQL.rows(
                [("n", .int), ("w", .text), ("d", .double), ("b", .bytes), ("u", .uuid)],
                [[1, "[x", 0.1, .bytes([1, 255]), .uuid(guid)], [.int(.min), "é", 1e-300, .bytes([]), .uuid(guid)]])
            let rows = try await client.read { connection in
                try connection.fetchAll("SELECT n, w, d, b, u FROM \(table) AS t") { row in
                    #expect(try row.uuid(4) == guid)
                    return "\(try row.int(0)) \(try row.text(1)) \(try row.double(2)) \(try row.bytes(3))"
                }
            }
            #expect(rows == ["1 [x 0.1 [1, 255]", "\(Int64.min) é 1e-300 []"])
        }
    }

    @Test(arguments: Implementation.all)
    func aTableMayHaveNoRowsOrVeryMany(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            for count in [0, 1, 100_000] {
                let table = SQL.rows([("a", .int), ("b", .int)], (0..<count).map { [.int(Int64($0)), 2] })
                let statement: SQL = "SELECT count(*), COALESCE(SUM(a), 0) FROM \(table) AS t"
                let found = try await one(client, statement) { [try $0.int(0), try $0.int(1)] }
                #expect(found == [Int64(count), Int64(count * max(0, count - 1) / 2)])
            }
        }
    }

    @Test func aTableOfValuesIsOneBindingInSQLiteAndOneArrayAColumnInPostgreSQL() throws {
        let table = SQL.rows([("a", .int), ("b", .string(length: 8))], [[1, "x"], [2, "y"]])
        let spelled = try SQLDialect.sqlite.rendered(table)
        #expect(
            spelled.text
                == #"(SELECT json_extract(value, '$[0]') AS "a", json_extract(value, '$[1]') AS "b" FROM json_each(?))"#
        )
        #expect(try values(table, .sqlite) == [#"[[1,"x"],[2,"y"]]"#])
        #expect(
            try text(table, postgresql)
                == #"(SELECT * FROM unnest(CAST($1 AS BIGINT[]), CAST($2 AS TEXT[])) AS given ("a", "b"))"#)
        let single = SQL.rows([("a", .int)], [])
        #expect(try text(single, .sqlite) == #"(SELECT value AS "a" FROM json_each(?))"#)
        #expect(try text(single, postgresql) == #"(SELECT * FROM unnest(CAST($1 AS BIGINT[])) AS given ("a"))"#)
    }

    @Test(arguments: Implementation.all)
    func valuesThatATableCannotHoldAreRefused(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            // What has no JSON form, and what has no form in PostgreSQL.
            let others: [SQLValue] = client.dialect.name == "sqlite" ? [.double(.nan), .blob([1])] : []
            let values = others + [.text("a\0b")]
            for value in values {
                await #expect(throws: DatabaseError.self, "\(value)") {
                    try await client.read {
                        try $0.fetchAll("SELECT a FROM \(SQL.rows([("a", .text)], [[value]])) AS t") { _ in }
                    }
                }
            }
        }
    }
}
