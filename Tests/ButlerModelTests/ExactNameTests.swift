import ButlerModel
import ByteText
import Testing

@Suite struct ExactNameTests {
    /// Pairs that `String` takes for equal.
    static let pairs = [("\u{e9}", "e\u{301}"), ("K", "\u{212a}"), ("\u{c5}", "\u{212b}"), (";", "\u{37e}")]

    @Test(arguments: pairs)
    func whatOnlyLooksAlikeIsNotEqual(a: String, b: String) {
        #expect(a == b)
        #expect(ExactName(a) != ExactName(b))
        #expect(Set([ExactName(a), ExactName(b), ExactName(a)]).count == 2)
        #expect((ExactName(a) < ExactName(b)) != (ExactName(b) < ExactName(a)))
        #expect(!NamePattern(a).matches(b) && NamePattern(a).matches(a))
        let audience = Audience.groups([ExactName(a)])
        #expect(audience.includes(anyOf: [ExactName(a)]) && !audience.includes(anyOf: [ExactName(b)]))
        #expect(CollectionOwner(collection: "u/\(a)/run") != CollectionOwner(collection: "u/\(b)/run"))
    }

    @Test(arguments: pairs)
    func valuesThatOnlyLookAlikeAreTwo(a: String, b: String) {
        let values: [DataIDValue] = [.string(a), .string(b)]
        #expect(values[0] != values[1] && Set(values + values).count == 2)
        #expect((values[0] < values[1]) == (ExactName(a) < ExactName(b)))
        #expect(values.map { $0 < .int(1) } == [false, false] && DataIDValue.int(1) == .int(1))
        let columns = values.map { ColumnValue($0) }
        #expect(columns[0] != columns[1] && Set(columns + columns).count == 2)
        #expect(columns[0] == ColumnValue.string(a) && ColumnValue.null == .null && ColumnValue.null != .string(""))
    }

    @Test(arguments: pairs)
    func dictionariesAndSetsTakeTextsByBytes(a: String, b: String) {
        var numbers: [ExactName: [Int]] = [:]
        numbers[a, default: []].append(1)
        numbers[b, default: []].append(2)
        #expect(numbers[a] == [1] && numbers[b] == [2] && numbers[a + b] == nil)
        numbers[a] = nil
        #expect(numbers[a] == nil && numbers.count == 1)
        var names = Set(names: [a, b, a])
        #expect(names.count == 2 && names.contains(a) && names.contains(b))
        #expect(!names.insert(a) && names.remove(a) && !names.contains(a) && names.contains(b))
        #expect(Set(names: [b, a]).sortedTexts().map { Array($0.utf8) } == [a, b].sortedByBytes().map { Array($0.utf8) })
    }

    @Test func chainsOfTwoFormsAreTwo() {
        let info = CollectionInfo(name: "run", type: .run, parents: ["e\u{301}", "\u{e9}", "f"])
        #expect(info.wire["parents"]?.arrayValue?.map { Array(($0.stringValue ?? "").utf8) }
            == ["e\u{301}", "f", "\u{e9}"].map { Array($0.utf8) })
    }

    @Test func ownersAreFoundByBytes() {
        #expect(CollectionOwner(collection: "u/\u{301}x/run") == .user("\u{301}x"))
        #expect(CollectionOwner(collection: "g/few") == .group("few"))
        for name in ["u", "u\u{301}/x", "x/u/y", "", "/u/x", "ug/x"] {
            #expect(CollectionOwner(collection: name) == nil, "\(name)")
        }
    }
}
