import StructuredData
import Testing

@testable import Tables

@Suite struct TableTests {
    static func sample() throws -> Table {
        var magnitude = try TableColumn(
            "mag", .double([1.5, .nan, 0]), validity: [true, true, false], unit: "mag", description: "AB: # of it")
        magnitude.format = "%.2f"
        magnitude.metadata = ["ucd": "phot.mag"]
        let columns = [
            try TableColumn("id", .int64([1, .max, .min])), magnitude,
            try TableColumn("name", .strings(["a b", "q\"t", "é😀"])),
            try TableColumn("flag", .bool([true, false, true]), validity: [true, false, true]),
            try TableColumn("mat", .int32(Array(0..<12)), shape: [2, 2]),
            try TableColumn("vec", .float([1, 2, .infinity, 4, 5, 0.1]), validity: [true, false, true, true, true, true], shape: [2]),
            try TableColumn("when", .timestamp([0, -1, 1_600_000_000_123_456], TimestampType(.microseconds))),
            try TableColumn("big", .uint64([0, 1, .max])),
        ]
        return try Table(columns, metadata: ["z": 1, "a": ["k": [1, 2.5, nil, true]]])
    }

    /// é as one code point and as two.
    @Test func columnsAreToldApartByTheBytesOfTheirNames() throws {
        let names = ["\u{e9}", "e\u{301}"]
        let table = try Table([try TableColumn(names[0], .int8([1])), try TableColumn(names[1], .int8([2]))])
        #expect(try names.map { try table.column($0).values } == [.int8([1]), .int8([2])])
        let second = try table.selecting([names[1]])
        #expect(second.columnNames.map { Array($0.utf8) } == [Array(names[1].utf8)])
        #expect(try table.selecting(["e?"]).columns.map(\.values) == [.int8([2])])
        #expect(try table.selecting(["*"]).columns.count == 2)
        #expect(second != (try Table([try TableColumn(names[0], .int8([2]))])))
    }

    @Test func partsThatDoNotFitAreRefused() throws {
        #expect(throws: TableError.invalidColumn(name: "a", reason: "it has 2 cells and 1 null flags")) {
            try TableColumn("a", .int8([1, 2]), validity: [true])
        }
        #expect(throws: TableError.self) { try TableColumn("a", .int8([1, 2, 3]), shape: [2]) }
        #expect(throws: TableError.self) { try TableColumn("a", .int8([]), shape: [-1]) }
        #expect(throws: TableError.self) { try TableColumn("a", .int8([]), shape: [.max, 2]) }
        #expect(throws: TableError.self) { try TableColumn("a", .string(VariableValues([[0xC3], [0xA9]] as [[UInt8]]))) }
        let one = try TableColumn("a", .int8([1]))
        #expect(throws: TableError.duplicateColumn(name: "a")) { try Table([one, one]) }
        #expect(throws: TableError.invalidColumn(name: "b", reason: "it has 2 rows in a table of 1")) {
            try Table([one, TableColumn("b", .int8([1, 2]))])
        }
        #expect(try Table([TableColumn("e", .int8([]), shape: [0])], rowCount: 7).rowCount == 7)
    }

    @Test func columnsAreSelectedByNamesAndPatternsInTheirOrder() throws {
        let table = try Self.sample()
        #expect(try table.selecting(["n*", "id", "?a?", "id"]).columnNames == ["name", "id", "mag", "mat"])
        #expect(try table.selecting(["[!a-m]*"]).columnNames == ["name", "vec", "when"])
        #expect(try table.selecting(["id"]).metadata == table.metadata)
        #expect(throws: TableError.unknownColumn(name: "ID", known: table.columnNames)) { try table.selecting(["ID"]) }
        #expect(throws: TableError.self) { try table.selecting(["x*"]) }
        #expect("\(TableError.unknownColumn(name: "x", known: ["a"]))" == "the table has no column 'x'; it has 'a'")
    }

    @Test func equalityLooksAtContentOnly() throws {
        let a = try TableColumn("a", .double([1, .nan, 3]), validity: [true, true, false])
        let b = try TableColumn("a", .double([1, .nan, 4]), validity: [true, true, false])
        #expect(a == b)
        #expect(try a != TableColumn("a", .double([1, .nan, 4])))
        #expect(try a != TableColumn("a", .float([1, .nan, 3]), validity: [true, true, false]))
        #expect(try TableColumn("a", .strings(["x"]), validity: [true]) == TableColumn("a", .strings(["x"])))
        #expect(try TableColumn("a", .strings(["xy", "z"])) != TableColumn("a", .strings(["x", "yz"])))
        #expect(try Self.sample() == Self.sample())
        #expect(try Self.sample() != Self.sample().withoutRows)
    }

    @Test func timestampsAreWrittenAndReadOverTheWholeCalendar() throws {
        func text(_ value: Int64, _ unit: TimestampType.Unit) -> String? {
            var bytes: [UInt8] = []
            guard CivilTime.append(value, unit, to: &bytes) else { return nil }
            let again = bytes.withUnsafeBufferPointer { CivilTime.parse($0, unit) }
            #expect(again == value)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(text(0, .seconds) == "1970-01-01T00:00:00")
        #expect(text(-1, .nanoseconds) == "1969-12-31T23:59:59.999999999")
        #expect(text(951_782_400, .seconds) == "2000-02-29T00:00:00")
        #expect(text(-62_135_596_800, .seconds) == "0001-01-01T00:00:00")
        #expect(text(253_402_300_799, .seconds) == "9999-12-31T23:59:59")
        #expect(text(253_402_300_800, .seconds) == nil)
        #expect(text(.max, .seconds) == nil && text(.min, .milliseconds) == nil)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<10_000 { _ = text(Int64.random(in: .min ... .max, using: &random), .nanoseconds) }
        for bad in ["2001-02-29", "2000-13-01", "2000-01-01T24:00", "2000-01-01T00:00:00.", "x", "2000-01-01Z"] {
            #expect(Array(bad.utf8).withUnsafeBufferPointer { CivilTime.parse($0, .seconds) } == nil, "\(bad)")
        }
        let far = "9999-01-01"
        #expect(Array(far.utf8).withUnsafeBufferPointer { CivilTime.parse($0, .nanoseconds) } == nil)
    }
}
