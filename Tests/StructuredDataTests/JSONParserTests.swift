import StructuredData
import TestSupport
import Testing

@Suite struct JSONParserTests {
    @Test func everyKindOfValueIsRead() throws {
        let text =
            #" {"a": [1, -2, 3.0, 1e3, true, false, null, ""], "b": {}, "c": [], "é": "\u00e9\ud83d\ude00\/\n"} "#
        let value = try StructuredValue(json: text)
        let expected: StructuredValue = [
            "a": [1, -2, .float(3), .float(1000), true, false, nil, ""], "b": [:], "c": [], "é": "é😀/\n",
        ]
        #expect(value == expected)
        #expect(value.objectValue?.keys == ["a", "b", "c", "é"])
    }

    @Test func integersKeepTheirFullRange() throws {
        #expect(try StructuredValue(json: "9223372036854775807") == .int(.max))
        #expect(try StructuredValue(json: "-9223372036854775808") == .int(.min))
        #expect(try StructuredValue(json: "9223372036854775808") == .float(9223372036854775808))
        #expect(try StructuredValue(json: "-9223372036854775809") == .float(-9223372036854775808))
        #expect(try StructuredValue(json: "123456789012345678901234567890") == .float(1.2345678901234568e29))
        #expect(try StructuredValue(json: "-0") == .int(0))
    }

    @Test(arguments: [
        ("1.0", 1.0), ("-0.0", -0.0), ("0.1", 0.1), ("1e22", 1e22), ("1e23", 1e23), ("5e-324", .leastNonzeroMagnitude),
        ("2.2250738585072011e-308", Double(bitPattern: 0x000F_FFFF_FFFF_FFFF)),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("9007199254740993.0", 9007199254740992.0), ("0.000001", 1e-6), ("123456789.123456789e-5", 1234.56789123456789),
        ("1e-400", 0), ("100000000000000000000000000000000000000000e-40", 10.0),
    ])
    func floatsAreRoundedCorrectly(text: String, expected: Double) throws {
        guard case .float(let value) = try StructuredValue(json: text) else {
            Issue.record("\(text) is not a float")
            return
        }
        #expect(value.bitPattern == expected.bitPattern)
    }

    @Test func pythonNumbersNeedTheOption() throws {
        #expect(throws: JSONError.self) { try StructuredValue(json: "[NaN]") }
        #expect(throws: JSONError.self) { try StructuredValue(json: "-Infinity") }
        #expect(throws: JSONError.numberOutOfRange(at: TextPosition(line: 1, column: 2))) {
            try StructuredValue(json: "[1e999]")
        }
        let read = try StructuredValue(json: "[NaN, Infinity, -Infinity, 1e999]", options: .allowNaN)
        let numbers = try #require(read.arrayValue).compactMap(\.numberValue)
        #expect(numbers.first?.isNaN == true)
        #expect(Array(numbers.dropFirst()) == [.infinity, -.infinity, .infinity])
    }

    @Test func aRepeatedKeyKeepsItsPlaceAndItsLastValue() throws {
        let value = try StructuredValue(json: #"{"a": 1, "b": 2, "a": 3}"#)
        #expect(value.objectValue?.keys == ["a", "b"])
        #expect(value["a"] == 3)
    }

    @Test(arguments: [
        "", "  ", "[1,]", "{,}", #"{"a" 1}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}", "[1 2]", "01", "-", "1.", ".5", "1e",
        "+1", "tru", "nul", "[", "{", #"""#, #""\x""#, #""\u12g4""#, #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#,
        "\"\n\"", "1 2", "[]]", "'a'", "\u{FEFF}1", "NaN", "0x10", "--1", "1e+", #"["\"#, "-Infinity", "[1]x", "\u{0}",
    ])
    func malformedTextIsAnError(text: String) {
        #expect(throws: JSONError.self) { try StructuredValue(json: text) }
    }

    @Test func errorsNameLineAndColumn() {
        #expect(throws: JSONError.unexpected(found: "'}'", expected: "a value", at: TextPosition(line: 3, column: 7))) {
            try StructuredValue(json: "{\n \"é\": 1,\n \"b\": }")
        }
        #expect(throws: JSONError.invalidUTF8(at: TextPosition(line: 2, column: 4))) {
            try StructuredValue(json: Array("[\n \"a".utf8) + [0xC3, 0x28] + Array("\"]".utf8))
        }
        #expect(throws: JSONError.invalidUTF8(at: TextPosition(line: 1, column: 4))) {
            try StructuredValue(json: Array(#""\n"#.utf8) + [0xED, 0xA0, 0x80] + Array("\"".utf8))
        }
        #expect(
            JSONError.unexpected(found: "'x'", expected: "a value", at: TextPosition(line: 1, column: 2)).description
                == "Invalid JSON at line 1, column 2: expected a value, found 'x'.")
    }

    @Test func deepNestingIsAnErrorNotACrash() throws {
        let deepest = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        #expect(throws: Never.self) { try StructuredValue(json: deepest) }
        #expect(throws: JSONError.tooDeep(limit: 512, at: TextPosition(line: 1, column: 513))) {
            try StructuredValue(json: "[" + deepest + "]")
        }
        #expect(throws: JSONError.self) { try StructuredValue(json: String(repeating: "{\"a\":[", count: 100_000)) }
    }

    @Test func randomBytesAndMutationsNeverCrash() async {
        let seeds = [
            #"{"a": [1, 2.5, -3e10, "x\n\u00e9", true, null], "b": {"c": []}}"#, #"[NaN, "\ud83d\ude00", 1e400, {}]"#,
            "[[[[[[1]]]]], 18446744073709551616, -0.0]",
        ].map { Array($0.utf8) }
        let alphabet = Array("{}[]:,\"\\u0123456789eE+-.ntf \n".utf8) + [0x00, 0x7F, 0x80, 0xC3, 0xED, 0xF4, 0xFF]
        var random = SeededGenerator(seed: 1)
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
                for _ in 0..<(random.next() % 12) {
                    input.append(alphabet[Int(random.next() % UInt64(alphabet.count))])
                }
            }
            do {
                let value = try StructuredValue(json: input, options: .allowNaN)
                accepted += 1
                if round % 16 == 0 {
                    // What was accepted must survive a round trip.
                    let text = value.description
                    let again = try? StructuredValue(json: text, options: .allowNaN)
                    #expect(again?.description == text)
                }
            } catch {
                continue
            }
        }
        #expect(accepted > count / 100)
    }
}
