import ButlerModel
import StructuredData
import Testing

@Suite struct DatasetModelTests {
    let universe: DimensionUniverse

    init() throws { universe = try TestUniverse.make() }

    /// Expected value computed by Python's `uuid.uuid5` through `lsst.daf.butler`.
    @Test func deterministicIdentifiersAgreeWithPython() throws {
        let group = try universe.group(["physical_filter", "detector"])
        let id = DataCoordinate(group: group, values: ["HSC", 0, "HSC-G"])
        #expect(
            DatasetID.deterministic(
                datasetType: "flatCoeffs", run: "HSC/calib/gen/2026A", dataID: id, by: .dataIDAndRun
            ).description == "f4043dc4-3a73-5c03-8018-657a85df1748")
    }

    @Test func uniqueIdentifiersAreVersion7AndSortByTime() {
        let early = DatasetID.unique(unixMilliseconds: 1_700_000_000_000)
        let late = DatasetID.unique(unixMilliseconds: 1_700_000_000_001)
        #expect(early < late)
        #expect(early.description.utf8.dropFirst(14).first == UInt8(ascii: "7"))
        #expect("89ab".contains(early.description[early.description.index(early.description.startIndex, offsetBy: 19)]))
    }

    @Test func identifiersOfOneMillisecondAreSortedToo() {
        var millisecond = DatasetID.Millisecond(time: 0)
        let ids = (0..<100_000).map { _ in millisecond.next(in: 1_700_000_000_777) }
        #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
        #expect(ids.allSatisfy { $0.high >> 16 == 1_700_000_000_777 })
        #expect(ids.allSatisfy { $0.high >> 12 & 0xF == 7 && $0.low >> 62 == 2 })
    }

    @Test(arguments: [
        "f4043dc4-3a73-5c03-8018-657a85df1748", "F4043DC43A735C038018657A85DF1748",
        "{f4043dc4-3a73-5c03-8018-657a85df1748}", "urn:uuid:f4043dc4-3a73-5c03-8018-657a85df1748",
    ])
    func identifiersAreReadInEverySpelling(text: String) {
        #expect(DatasetID(text)?.compactDescription == "f4043dc43a735c038018657a85df1748")
    }

    @Test(arguments: ["", "f4043dc4", "g4043dc4-3a73-5c03-8018-657a85df1748", "f4043dc4-3a73-5c03-8018-657a85df17481"])
    func malformedIdentifiersAreRefused(text: String) {
        #expect(DatasetID(text) == nil)
    }

    @Test(arguments: ["", "1abc", "a b", "a..b", ".a", "a.", "é", "a-b"])
    func illegalDatasetTypeNamesAreRefused(name: String) {
        #expect(throws: ButlerError.self) {
            try DatasetType(name: name, dimensions: universe.emptyGroup, storageClass: "int")
        }
    }

    @Test func datasetTypesTravelWithRequiredDimensionsOnly() throws {
        let type = try DatasetType(
            name: "flat", dimensions: universe.group(["physical_filter", "detector"]), storageClass: "Exposure",
            isCalibration: true)
        #expect(
            type.wire["dimensions"] == ["instrument", "detector", "physical_filter"])
        #expect(try DatasetType(wire: DocumentReader(type.wire, path: "t"), universe: universe) == type)
    }

    @Test(arguments: [
        ("*", "anything/at/all", true), ("HSC/*", "HSC/runs/RC2", true), ("HSC/?", "HSC/ab", false),
        ("[ab]x", "bx", true), ("[!ab]x", "bx", false), ("[a-c]*", "cat", true), ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false), ("*[", "x[", true),
    ])
    func globsMatchAsFnmatchDoes(pattern: String, name: String, expected: Bool) throws {
        #expect(try #require(Glob(pattern)).matches(name) == expected)
    }

    @Test func textWithoutWildcardsIsAName() {
        #expect(NamePattern("a[b") == .name("a[b"))
        #expect(Glob("plain") == nil)
    }
}
