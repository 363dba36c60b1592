import StructuredData
import Testing

@Suite struct StructuredMappingTests {
    @Test(arguments: [3, 12, 13, 100])
    func orderSurvivesReplacingAndRemoving(count: Int) {
        var mapping = StructuredMapping((0..<count).map { ("k\($0)", .int(Int64($0))) })
        mapping["k1"] = "new"
        mapping["k0"] = nil
        mapping["absent"] = nil
        #expect(mapping.keys == (1..<count).map { "k\($0)" })
        #expect(mapping["k1"] == "new")
        #expect(mapping["k0"] == nil)
        #expect(mapping["k\(count - 1)"] != nil)
        mapping["k0"] = 7
        #expect(mapping.pairs.last?.key == "k0")
        #expect(mapping.count == count)
    }

    @Test func equalityAndHashIgnoreOrder() {
        let forward = StructuredMapping((0..<30).map { ("k\($0)", .int(Int64($0))) })
        let backward = StructuredMapping((0..<30).reversed().map { ("k\($0)", .int(Int64($0))) })
        #expect(forward == backward)
        #expect(forward.hashValue == backward.hashValue)
        var other = forward
        other["k3"] = 4
        #expect(forward != other)
    }

    @Test func keysAreComparedByTheirBytes() {
        let mapping: StructuredMapping = ["\u{e9}": 1, "e\u{301}": 2]
        #expect(mapping.count == 2)
        #expect(mapping["\u{e9}"] == 1)
    }

    @Test func textsAreComparedByTheirBytes() {
        let texts: [StructuredValue] = ["\u{e9}", "e\u{301}"]
        #expect(texts[0] != texts[1] && Set(texts + texts).count == 2)
        #expect(StructuredValue.array([texts[0], nil]) != .array([texts[1], nil]))
        #expect(StructuredValue.object(["a": texts[0]]) != .object(["a": texts[1]]))
    }
}
