import StructuredData
import TestSupport
import Testing

@Suite struct YAMLReaderTests {
    /// What PyYAML 6.0's `safe_load` gives for plain scalars.
    @Test(
        arguments: [
            ("yes", true), ("Off", false), ("TRUE", true), ("y", "y"), ("n", "n"), ("yEs", "yEs"), ("~", nil),
            ("", nil),
            ("Null", nil), ("nULL", "nULL"), ("07", 7), ("0o7", "0o7"), ("08", "08"), ("0x1F", 31), ("0b101", 5),
            ("-0x10", -16), ("1_000", 1000), ("1:30", 90), ("-1:30:15", -5415), ("1:60", "1:60"),
            ("190:20:30.15", 685230.15),
            ("+1", 1), ("-0", 0), ("0_", 0), ("1e3", "1e3"), ("1e+3", "1e+3"), ("1.0e3", "1.0e3"), ("1.0e+3", 1000.0),
            ("1.", 1.0), (".5", 0.5), ("-.5", "-.5"), ("1_0.5_0", 10.5), (".inf", .float(.infinity)),
            ("-.INF", .float(-.infinity)), ("+.Inf", .float(.infinity)), ("inf", "inf"), ("1.e+5", 100000.0),
            ("2020-01-01", "2020-01-01"), ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
            ("12 monkeys", "12 monkeys"), ("'12'", "12"), ("\"yes\"", "yes"), ("! '12'", 12), ("! 12", 12),
            ("!!str 12", "12"), ("!!int '12'", 12), ("!!float 3", 3.0), ("!!null x", nil), ("!!bool 'on'", true),
            ("!!binary AAEC", .bytes([0, 1, 2])), ("9223372036854775807", .int(.max)),
            ("-9223372036854775808", .int(.min)),
            ("9223372036854775808", .float(9_223_372_036_854_775_808)), ("a:b", "a:b"), ("a #b", "a"), ("a#b", "a#b"),
        ] as [(String, StructuredValue)])
    func scalarsFollowTheRulesOfPyYAML(text: String, expected: StructuredValue) throws {
        #expect(try StructuredValue(yaml: text) == expected)
        #expect(try StructuredValue(yaml: "k: \(text)\n")["k"] == expected)
    }

    @Test func notANumberIsRead() throws {
        #expect(try StructuredValue(yaml: ".NaN").numberValue?.isNaN == true)
    }

    @Test func structureAndBlockScalarsAreRead() throws {
        let text = """
            a: |
              two
              lines
            b: >-
              one
              line
            c: [1, {d: e}, "\\u03b1"]
            f:
            - x
            - - y
            a: last
            """
        let value = try StructuredValue(yaml: text)
        #expect(value == ["a": "last", "b": "one line", "c": [1, ["d": "e"], "α"], "f": ["x", ["y"]]])
        #expect(value.objectValue?.keys == ["a", "b", "c", "f"])
        #expect(try StructuredValue(yaml: "# nothing\n") == .null)
    }

    @Test func mergeKeysGiveTheMappingsOwnEntriesTheLastWord() throws {
        let text = """
            base: &base {p: 1, q: 2}
            one: {q: 3, <<: *base}
            two: {<<: [{m: 1}, {m: 2, n: 3}], n: 4}
            quoted: {'<<': 5}
            """
        let value = try StructuredValue(yaml: text)
        #expect(value["one"] == ["p": 1, "q": 3])
        #expect(value["one"]?.objectValue?.keys == ["p", "q"])
        #expect(value["two"] == ["m": 1, "n": 4])
        #expect(value["quoted"] == ["<<": 5])
    }

    @Test func keysThatAreNotTextBecomeWhatPythonPrints() throws {
        let value = try StructuredValue(yaml: "{1: a, true: b, null: c, 1.0: d, 0x10: e, =: f, .inf: g}")
        #expect(value.objectValue?.keys == ["1", "True", "None", "1.0", "16", "=", "inf"])
    }

    @Test func standardCollectionTagsAreRead() throws {
        #expect(try StructuredValue(yaml: "!!set {a, b: 1}") == ["a": nil, "b": nil])
        #expect(try StructuredValue(yaml: "!!pairs [a: 1, a: 2]") == [["a", 1], ["a", 2]])
        #expect(try StructuredValue(yaml: "!!omap [a: 1]") == [["a", 1]])
    }

    @Test(arguments: [
        ("a: [1, 2", 1...2), ("a: 'x", 1...2), ("a: b: c", 1...1), ("x\n---\ny", 2...2), ("a: *b", 1...1),
        ("a: &b [*b]", 1...1), ("[a: &b 1, &b 2]", 1...1), ("? [1]\n: x", 1...1), ("a: 1\n<<: 3", 2...2), ("=", 1...1),
        ("a:\n- !!int x", 2...2), ("!!bool maybe", 1...1), ("!!seq {}", 1...1), ("!!str [1]", 1...1), ("k: @x", 1...1),
        ("a:\n\tb: c", 2...2), ("!!int ''", 1...1), ("0b_", 1...1), ("a: \u{1}", 1...1), ("!!float 0x1p3", 1...1),
    ])
    func faultsAreErrorsWithTheirLine(text: String, lines: ClosedRange<Int>) {
        do throws(YAMLError) {
            let value = try StructuredValue(yaml: text)
            Issue.record("\(text) was read as \(value)")
        } catch {
            #expect(lines.contains { error.description.contains("line \($0), column ") }, "\(error)")
        }
    }

    @Test func unknownTagsGoToTheHandler() throws {
        let text = "a: !include other.yaml\nb: !<lsst.sphgeom.Box> {encoded: 00ff}\n"
        #expect(throws: YAMLError.unknownTag("!include", at: TextPosition(line: 1, column: 4))) {
            try StructuredValue(yaml: text)
        }
        let value = try StructuredValue(yaml: text) { tag, value, position in
            switch tag {
            case "!include": ["file": value, "line": .int(Int64(position.line))]
            case "lsst.sphgeom.Box": value["encoded"]
            default: nil
            }
        }
        #expect(value == ["a": ["file": "other.yaml", "line": 1], "b": "00ff"])
        #expect(throws: YAMLError.unknownTag("!other", at: TextPosition(line: 1, column: 1))) {
            try StructuredValue(yaml: "!other 1") { _, _, _ in nil }
        }
        #expect(
            YAMLError.unknownTag("tag:yaml.org,2002:python/none", at: TextPosition(line: 1, column: 1)).description
                .hasPrefix("Unknown YAML tag !!python/none at line 1, column 1"))
    }

    @Test func nodesKeepTagsAndPositions() throws {
        let node = try #require(try YAMLNode.compose(Array("a:\n  b: !x [1]\n".utf8)))
        guard case .mapping(let entries) = node.content, case .mapping(let inner) = entries[0].value.content else {
            Issue.record("not a mapping of mappings")
            return
        }
        #expect(inner[0].key.position == TextPosition(line: 2, column: 3))
        #expect(inner[0].value.tag == "!x")
        #expect(try YAMLNode.compose([]).map(\.tag) == nil)
    }

    @Test func expansionBombsAreErrors() {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            bomb += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(throws: YAMLError.self) { try StructuredValue(yaml: bomb, limits: YAMLLimits(aliasedValues: 10_000)) }
        var merges = "m0: &m0 {a: 1, b: 2}\n"
        for level in 1..<12 {
            let aliases = Array(repeating: "*m\(level - 1)", count: 9).joined(separator: ", ")
            merges += "m\(level): &m\(level) {<<: [\(aliases)]}\n"
        }
        #expect(throws: YAMLError.self) { try StructuredValue(yaml: merges, limits: YAMLLimits(aliasedValues: 10_000)) }
    }

    @Test func depthAndSizeAreBounded() throws {
        let fits = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
        #expect(throws: Never.self) { try StructuredValue(yaml: fits) }
        #expect(throws: YAMLError.tooDeep(limit: 256, at: TextPosition(line: 1, column: 257))) {
            try StructuredValue(yaml: "[" + fits + "]")
        }
        #expect(throws: YAMLError.self) { try StructuredValue(yaml: String(repeating: "- ", count: 50_000)) }
        #expect(throws: YAMLError.tooLarge(bytes: 11, limit: 10)) {
            try StructuredValue(yaml: "a: 12345678", limits: YAMLLimits(bytes: 10))
        }
        // An alias inside deep levels adds its own depth.
        var chain = "c0: &c0 [x]\n"
        for level in 1...300 { chain += "c\(level): &c\(level) [*c\(level - 1)]\n" }
        #expect(throws: YAMLError.self) { try StructuredValue(yaml: chain) }
    }

    @Test func randomBytesAndMutationsNeverCrash() async {
        let seeds = [
            "a: &x {p: 1}\nb: {<<: *x}\nc: [*x]", "- |\n  a\n- >-\n  b\n? k\n: 'v'", "{a: [1, \"\\x41\"], !t b: ~}",
            "--- !!map\n\"k\": 0x1f\n...",
        ].map { Array($0.utf8) }
        let alphabet =
            Array("-?:,[]{}#&*!|>'\"%@ \n\t\\abx~<=.0123".utf8) + [0x00, 0x7F, 0x85, 0xC2, 0xE2, 0xEF, 0xBB, 0xFF]
        var random = SeededGenerator(seed: 2)
        var accepted = 0
        let count = fuzzCount(default: 1_000_000)
        var input: [UInt8] = []
        for round in 0..<count {
            if round % 256 == 0 { await Task.yield() }
            input.removeAll(keepingCapacity: true)
            if round % 2 == 0 {
                input.append(contentsOf: seeds[round / 2 % seeds.count])
                for _ in 0...(random.next() % 3) {
                    let place = Int(random.next() % UInt64(input.count))
                    input[place] = alphabet[Int(random.next() % UInt64(alphabet.count))]
                }
            } else {
                for _ in 0..<(random.next() % 16) {
                    input.append(alphabet[Int(random.next() % UInt64(alphabet.count))])
                }
            }
            do {
                let value = try StructuredValue(yaml: input) { _, value, _ in value }
                accepted += 1
                if round % 16 == 0 {
                    // What was accepted must survive being written and read.
                    let text = YAMLWriter.text(value)
                    let again = try? StructuredValue(yaml: text)
                    #expect(again?.description == value.description, "\(input)")
                }
            } catch {
                continue
            }
        }
        #expect(accepted > count / 100)
    }
}
