import StructuredData
import Testing

@Suite struct YAMLWriterTests {
    @Test func textMatchesPyYAMLByteForByte() throws {
        for (json, yaml) in yamlGolden {
            let value = try StructuredValue(json: json, options: .allowNaN)
            #expect(YAMLWriter.text(value) == yaml, "\(json)")
            #expect(try StructuredValue(yaml: yaml) == value, "\(json)")
        }
    }

    @Test func printableTextCanStayUnescaped() {
        let options = YAMLWriter.Options(allowsUnicode: true)
        #expect(YAMLWriter.text(["k": "α é"], options: options) == "k: α é\n")
    }

    @Test func bytesBecomeALiteralBlock() throws {
        let data = (0..<60).map { UInt8($0) }
        let text = YAMLWriter.text(["k": .bytes(data)])
        let lines = [
            "k: !!binary |", "  AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4",
            "  OTo7", "",
        ]
        #expect(text == lines.joined(separator: "\n"))
        #expect(try StructuredValue(yaml: text)["k"] == .bytes(data))
        #expect(YAMLWriter.text(.bytes([])) == "!!binary \"\"\n")
    }

    @Test func tagsOfTheirOwnAreWritten() {
        let region = YAMLNode(
            tag: "lsst.sphgeom.Box",
            content: .mapping([
                .init(key: YAMLNode(.string("encoded")), value: YAMLNode(.string("00ff")))
            ]))
        let node = YAMLNode(
            tag: YAMLTag.mapping,
            content: .mapping([
                .init(key: YAMLNode(.string("region")), value: region),
                .init(
                    key: YAMLNode(.string("id")), value: YAMLNode(tag: "!uuid", content: .scalar("abc"))),
            ]))
        #expect(YAMLWriter.text(node) == "region: !<lsst.sphgeom.Box>\n  encoded: 00ff\nid: !uuid 'abc'\n")
    }
}
