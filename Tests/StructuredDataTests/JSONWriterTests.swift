import ByteText
import StructuredData
import Testing

@Suite struct JSONWriterTests {
    private func json(_ value: StructuredValue, _ options: JSONWriter.Options = .init()) -> String {
        var writer = JSONWriter(options: options)
        writer.value(value)
        return writer.text
    }

    private let sample: StructuredValue = ["b": [1, .float(2), "x", []], "a": ["c": nil, "d": [:]], "é": true]

    @Test func theThreeStylesMatchPython() {
        #expect(json(sample) == #"{"b":[1,2.0,"x",[]],"a":{"c":null,"d":{}},"é":true}"#)
        #expect(
            json(sample, .init(style: .spaced))
                == #"{"b": [1, 2.0, "x", []], "a": {"c": null, "d": {}}, "é": true}"#)
        #expect(
            json(sample, .init(style: .pretty, sortsKeys: true)) == """
                {
                  "a": {
                    "c": null,
                    "d": {}
                  },
                  "b": [
                    1,
                    2.0,
                    "x",
                    []
                  ],
                  "é": true
                }
                """)
    }

    @Test(arguments: [
        (1.0, "1.0"), (-0.0, "-0.0"), (0.1, "0.1"), (1e15, "1000000000000000.0"), (1e16, "1e+16"),
        (1.2345678901234568e16, "1.2345678901234568e+16"), (12_000_000_000_000_000, "1.2e+16"), (1e-4, "0.0001"),
        (1e-5, "1e-05"), (1.5e-7, "1.5e-07"), (1e100, "1e+100"), (.leastNonzeroMagnitude, "5e-324"), (-1e16, "-1e+16"),
        (1.7976931348623157e308, "1.7976931348623157e+308"), (9007199254740992, "9007199254740992.0"),
        (2e16, "2e+16"), (9_320_216_201_865_372, "9320216201865372.0"), (-9.1e15, "-9100000000000000.0"),
        (9_007_199_254_740_994, "9007199254740994.0"), (9_999_999_999_999_998, "9999999999999998.0"),
        (17_000_000_000_000_002, "1.7000000000000002e+16"),
    ])
    func floatsAreWrittenAsPythonWritesThem(value: Double, text: String) {
        #expect(json(.float(value)) == text)
    }

    @Test func integersAreWrittenOverTheirFullRange() {
        #expect(
            json([0, 7, -7, 10, 99, -100, .int(.max), .int(.min)])
                == "[0,7,-7,10,99,-100,9223372036854775807,-9223372036854775808]")
    }

    @Test func notANumberFollowsThePolicy() {
        let values: StructuredValue = .array([.float(.nan), .float(.infinity), .float(-.infinity)])
        #expect(json(values) == "[null,null,null]")
        #expect(json(values, .init(nan: .python)) == "[NaN,Infinity,-Infinity]")
    }

    @Test func stringsAreEscapedAsPythonEscapesThem() {
        let text = "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}é\u{85}\u{2028}\u{2029}😀"
        #expect(
            json(.string(text))
                == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}é\u{85}\u{2028}\u{2029}😀\"")
        #expect(
            json(.string(text), .init(escapesLineSeparators: true))
                == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}é\\u0085\\u2028\\u2029😀\"")
        #expect(
            json(.string(text), .init(escapesNonASCII: true))
                == #""\"\\/\b\f\n\r\t\u0000\u001f\u007f\u00e9\u0085\u2028\u2029\ud83d\ude00""#)
    }

    @Test func rowsCanBeWrittenWithoutBuildingValues() throws {
        var writer = JSONWriter()
        let idKey = Array(#""id""#.utf8)
        for row in 0..<2 {
            writer.beginObject()
            writer.key(encoded: idKey)
            writer.value(Int64(row))
            writer.key("values")
            writer.beginArray()
            writer.value(0.5)
            writer.null()
            writer.value(false)
            writer.value(encoded: Array(#"{"x":1}"#.utf8))
            Array("t\"é".utf8).withUnsafeBufferPointer { writer.value(utf8: $0) }
            writer.value(base64: [0, 1, 2, 3])
            writer.endArray()
            writer.endObject()
            writer.endLine()
        }
        #expect(
            writer.text.split(separator: "\n").last == #"{"id":1,"values":[0.5,null,false,{"x":1},"t\"é","AAECAw=="]}"#)
        #expect(writer.text.first == "{")
    }

    @Test func writtenTextReadsBackEqual() throws {
        for style in [JSONWriter.Style.compact, .spaced, .pretty] {
            #expect(try StructuredValue(json: json(sample, .init(style: style))) == sample)
        }
    }

    @Test func base64DecodesWhatItEncodes() {
        for length in 0..<20 {
            let data = (0..<length).map { UInt8($0 * 13 % 256) }
            #expect(Base64.decodeLeniently(Base64.encode(data).utf8) == data)
        }
        #expect(Base64.decodeLeniently("AAEC\nAw==\n".utf8) == [0, 1, 2, 3])
        #expect(Base64.decodeLeniently("AAE".utf8) == nil)
    }
}
