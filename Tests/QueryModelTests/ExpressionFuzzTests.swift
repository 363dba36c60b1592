import QueryModel
import TestSupport
import Testing

@Suite struct ExpressionFuzzTests {
    // MARK: Limits

    @Test(arguments: ["(", "-", "NOT ", "f(", "(NOT ", "- (", "1+(", "a OR (", "CIRCLE(-"])
    func deepNestingIsAnErrorNotACrash(opening: String) {
        let text = String(repeating: opening, count: 100_000) + "1"
        let error = #expect(throws: ExpressionError.self) { try ExpressionSyntax.parse(text) }
        #expect(error?.reason == .tooDeep(limit: ExpressionSyntax.nestingLimit))
        #expect(error?.description.utf8.count ?? 0 < 1000)
    }

    @Test(arguments: ["+ 1 ", "* a ", "= a ", "OVERLAPS b "])
    func longChainsOfOperatorsAreErrors(link: String) throws {
        #expect(throws: Never.self) { try ExpressionSyntax.parse("1 " + String(repeating: link, count: 199)) }
        let error = #expect(throws: ExpressionError.self) {
            try ExpressionSyntax.parse("1 " + String(repeating: link, count: 50_000))
        }
        #expect(error?.reason == .tooDeep(limit: ExpressionSyntax.nestingLimit))
    }

    @Test func nestingUpToTheLimitIsRead() throws {
        let limit = ExpressionSyntax.nestingLimit
        let nested = String(repeating: "(", count: limit) + "a" + String(repeating: ")", count: limit)
        #expect(try parsed(nested) == "a")
        #expect(throws: ExpressionError.self) { try ExpressionSyntax.parse("(\(nested))") }
        #expect(throws: Never.self) { try ExpressionSyntax.parse(String(repeating: "-", count: limit - 1) + "a") }
    }

    @Test func chainsOfANDAndORMayBeLong() throws {
        let text = "a = 0" + (1...10_000).map { $0 % 3 == 0 ? " AND b = \($0)" : " OR a = \($0)" }.joined()
        guard case .or(let operands) = try ExpressionSyntax.parse(text)?.kind else {
            Issue.record("not a chain of OR")
            return
        }
        #expect(operands.count == 6668)
    }

    @Test func aListOfINMayBeLong() throws {
        let text = "visit NOT IN (" + (0..<100_000).map(String.init).joined(separator: ", ") + ")"
        guard case .membership(_, let items, true) = try ExpressionSyntax.parse(text)?.kind else {
            Issue.record("not a membership")
            return
        }
        #expect(items.count == 100_000)
        #expect(items.last?.kind == .integer(99_999))
    }

    @Test func aTextLongerThanTheLimitIsAnError() throws {
        let limit = ExpressionSyntax.lengthLimit
        #expect(try ExpressionSyntax.parse(String(repeating: " ", count: limit)) == nil)
        let error = try #require(throws: ExpressionError.self) {
            try ExpressionSyntax.parse(String(repeating: "é", count: limit / 2) + " ")
        }
        #expect(error.reason == .tooLong(bytes: limit + 1, limit: limit))
        #expect(error.description.contains("bind values"))
    }

    @Test(
        .timeLimit(.minutes(5)),
        arguments: [
            "a", "1", "1.", "'", "T'", "T'1.", "1 .", "1..", "- ", "\n", ".", "a.", ":", "a=1 OR ", "1 ", "é", "(1..2:",
            "\u{1F600}",
            "x IN (1) ", "a,", ")", "1e", "'x' ", "UUID(", "'\n", "0", "\t", "/", "T'58849.0' ", "\u{301}",
        ])
    func aMegabyteOfAnythingTakesLinearTime(unit: String) {
        let text = String(repeating: unit, count: ExpressionSyntax.lengthLimit / unit.utf8.count)
        // Anything quadratic would take hours.
        do {
            _ = try ExpressionSyntax.parse(text)
        } catch {
            #expect("\(error)".utf8.count < 4000)
        }
    }

    // MARK: Random texts

    enum Source: UInt64, CaseIterable, Sendable { case tokenSoup, mutation, bytes }

    /// A million texts in all, or as many as the environment variable `STEWARD_FUZZ` says.
    @Test(arguments: Source.allCases)
    func randomTextsNeverTrapAndDescriptionsParseToTheSameTree(source: Source) async {
        let count = fuzzCount(default: 1_000_000)
        var random = SeededGenerator(seed: source.rawValue)
        var accepted = 0
        for round in 0..<count / Source.allCases.count {
            if round % 256 == 0 { await Task.yield() }
            let text =
                switch source {
                case .tokenSoup: random.tokenSoup()
                case .mutation: random.mutation()
                case .bytes: random.bytes()
                }
            do {
                guard let syntax = try ExpressionSyntax.parse(text) else { continue }
                accepted += 1
                if round % 16 == 0 {
                    let description = syntax.description
                    let again = try? ExpressionSyntax.parse(description)
                    #expect(again?.description == description, "\(text)")
                }
            } catch {
                if round % 16 == 0 { #expect("\(error)".hasPrefix("Failed to parse expression '")) }
            }
        }
        #expect(accepted > count / 300)
    }
}

/// Texts from a fixed seed.
extension SeededGenerator {
    private mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    private static let tokens = [
        "visit", "a.b", "a.b.c", ":x", "1", "2.5", "1..5", "-1..9:2", "'HSC'", "T'58849.0'", "(", ")", ",", "=", "!=",
        "<",
        ">=", "+", "-", "*", "%", "AND", "or", "NOT", "IN (", "NOT IN (", "OVERLAPS", "CIRCLE(", "POINT(",
        "GLOB(a, 'x')",
        "REGION(", "UUID('4b6c1f0e-2a3d-4e5f-8a9b-0c1d2e3f4a5b')", "\n", "'", ":", "é", "(", ")", "=", "AND",
    ].map { Array($0.utf8) }

    private static let seeds = [
        "instrument = 'HSC' AND visit IN (1, 2..9:3, :x) OR NOT detector = -5",
        "visit_detector_region.region OVERLAPS CIRCLE(10, -20.5, 1e-2) AND GLOB(target_name, 'SSP*')",
        "visit.timespan OVERLAPS (T'2020-01-01', NULL) AND (a + b*2) % 3 != 1 AND x NOT IN ('a', 'b')",
    ].map { Array($0.utf8) }

    private static let alphabet =
        Array("()'.,:=<>!+-*/%1059aeTt_ \n\t\"&".utf8) + [0x00, 0x7F, 0x80, 0xC3, 0xE2, 0xF0, 0xFF]

    mutating func tokenSoup() -> String {
        var text: [UInt8] = []
        for _ in 0..<below(9) {
            text += Self.tokens[below(Self.tokens.count)]
            text.append(UInt8(ascii: " "))
        }
        return String(decoding: text, as: UTF8.self)
    }

    mutating func mutation() -> String {
        var text = Self.seeds[below(Self.seeds.count)]
        for _ in 0...below(3) { text[below(text.count)] = Self.alphabet[below(Self.alphabet.count)] }
        return String(decoding: text, as: UTF8.self)
    }

    mutating func bytes() -> String {
        var text: [UInt8] = []
        for _ in 0..<below(14) { text.append(Self.alphabet[below(Self.alphabet.count)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
