import AstroTime
import ButlerModel
import StructuredData
import Testing

@Suite struct DataCoordinateTests {
    let universe: DimensionUniverse

    init() throws { universe = try TestUniverse.make() }

    @Test func allValuesGiveAFullCoordinate() throws {
        let id = try DataCoordinate.standardize(
            ["instrument": "Cam", "visit": 3, "day_obs": 20260101, "physical_filter": "r1", "band": "r"],
            group: nil, universe: universe)
        #expect(id.isFull)
        #expect(
            id.description
                == "{instrument: 'Cam', visit: 3, band: 'r', day_obs: 20260101, physical_filter: 'r1'}")
    }

    @Test func partialImpliedValuesAreDropped() throws {
        let id = try DataCoordinate.standardize(
            ["instrument": "Cam", "visit": 3, "physical_filter": "r1"], group: try universe.group(["visit"]),
            universe: universe)
        #expect(!id.isFull)
        #expect(id.pairs.map(\.name) == ["instrument", "visit"])
        #expect(id["physical_filter"] == nil)
    }

    @Test func defaultsFillMissingGovernorsOnly() throws {
        let id = try DataCoordinate.standardize(
            ["detector": 4], group: try universe.group(["detector"]), universe: universe,
            defaults: ["instrument": "Cam"])
        #expect(id["instrument"] == "Cam")
    }

    @Test func aMissingRequiredValueNamesTheDimension() throws {
        let error = #expect(throws: ButlerError.self) {
            try DataCoordinate.standardize(
                ["instrument": "Cam"], group: try universe.group(["detector"]), universe: universe)
        }
        #expect(error?.kind == .dimensionName)
        #expect(error?.message.contains("'detector'") == true)
    }

    @Test func valuesOfTheWrongTypeAreRefused() throws {
        let group = try universe.group(["detector"])
        #expect(throws: ButlerError.self) {
            try DataCoordinate.standardize(
                ["instrument": "Cam", "detector": "four"], group: group, universe: universe)
        }
        #expect(throws: ButlerError.self) {
            try DataCoordinate.standardize(["instrument": 1, "detector": 4], group: group, universe: universe)
        }
    }

    @Test func equalityIgnoresImpliedValues() throws {
        let group = try universe.group(["physical_filter"])
        let short = DataCoordinate(group: group, values: ["Cam", "r1"])
        let full = DataCoordinate(group: group, values: ["Cam", "r1", "r"])
        #expect(short == full)
        #expect(short.hashValue == full.hashValue)
        #expect(full["band"] == "r")
        #expect(short["band"] == nil)
    }

    @Test func subsetsKeepWhatIsKnown() throws {
        let group = try universe.group(["visit", "detector"])
        let id = DataCoordinate(group: group, values: ["Cam", 4, 3, "r", 20260101, "r1"])
        let visit = try #require(id.subset(try universe.group(["visit"])))
        #expect(
            visit.description == "{instrument: 'Cam', visit: 3, band: 'r', day_obs: 20260101, physical_filter: 'r1'}")
        let bare = DataCoordinate(group: group, values: ["Cam", 4, 3])
        #expect(bare.subset(try universe.group(["visit"]))?.pairs.map(\.name) == ["instrument", "visit"])
        #expect(bare.subset(try universe.group(["physical_filter"])) == nil)
    }

    @Test func wireFormsRoundTrip() throws {
        let filter = try universe.requireElement("physical_filter")
        let record = try DimensionRecord(
            filter, ["instrument": .string("Cam"), "name": .string("r1"), "band": .string("r")])
        let group = try universe.group(["physical_filter"])
        let id = DataCoordinate(
            group: group, values: ["Cam", "r1", "r"],
            records: group.elements.map { $0 == filter ? record : nil })
        let back = try DataCoordinate(
            wire: DocumentReader(id.wire, path: "body"), group: group, universe: universe)
        #expect(back == id)
        #expect(back.isFull)
        #expect(back.record(of: filter) == record)
    }

    @Test func recordsRefuseWhatIsMissingOrOfTheWrongType() throws {
        let cases: [(element: String, values: [String: ColumnValue], message: String)] = [
            ("detector", ["id": .int(1)], "A record of 'detector' {id: 1} needs a value for 'instrument'."),
            (
                "physical_filter", ["instrument": .string("Cam"), "name": .string("r1")],
                "A record of 'physical_filter' {instrument: 'Cam', name: 'r1'} needs a value for 'band'."
            ),
            (
                "detector", ["instrument": .string("Cam"), "id": .string("x")],
                "A record of 'detector' {instrument: 'Cam', id: 'x'} has 'x' for 'id', which must be a whole number."
            ),
            (
                "detector", ["instrument": .string("Cam"), "id": .int(1), "purpose": .float(1.5)],
                "A record of 'detector' {instrument: 'Cam', id: 1} has 1.5 for 'purpose', which must be text."
            ),
        ]
        for (name, values, message) in cases {
            let element = try universe.requireElement(name)
            let error = #expect(throws: ButlerError.self) { try DimensionRecord(element, values) }
            #expect(error?.message == message)
        }
        let detector = try universe.requireElement("detector")
        #expect(throws: ButlerError.self) {
            try DimensionRecord(
                detector,
                ["instrument": .string("Cam"), "id": .int(1), "full_name": .string("a"), "colour": .string("red")])
        }
    }

    @Test func recordsTakeWholeNumbersInTextAndNoValueForAlternateKeys() throws {
        let detector = try universe.requireElement("detector")
        let record = try DimensionRecord(detector, ["instrument": .string("Cam"), "id": .string("12")])
        #expect(record["id"] == .int(12))
        #expect(record["full_name"] == .null)
        let text = try DimensionRecord(
            detector, ["instrument": .string("Cam"), "id": .int(1), "full_name": .string("12")])
        #expect(text["full_name"] == .string("12"))
    }
}
