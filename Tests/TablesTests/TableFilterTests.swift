import StructuredData
import Testing

@testable import Tables

@Suite struct TableFilterTests {
    private static func table() throws -> Table {
        try Table([
            TableColumn("id", .int32([1, 2, 3, 4])),
            TableColumn("big", .uint64([0, 1, .max, 5])),
            TableColumn("flux", .double([0.5, .nan, 1.5, 9]), validity: [true, true, true, false]),
            TableColumn("name", .strings(["a", "b", "é", "a"])),
            TableColumn("time", .timestamp([0, 1_000_000, 2_000_000, 3_000_000], TimestampType(.microseconds))),
            TableColumn("pair", .int8([1, 2, 3, 4, 5, 6, 7, 8]), shape: [2]),
        ])
    }

    private static func rows(_ groups: [[TableFilter]]) throws -> [Int32] {
        guard case .int32(let ids)? = try table().filtered(by: groups)["id"]?.values else { return [] }
        return ids
    }

    @Test(arguments: [
        (TableFilter("id", .equal, 3), [3]), (TableFilter("id", .notEqual, 3), [1, 2, 4]),
        (TableFilter("id", .less, 2.5), [1, 2]), (TableFilter("big", .greater, -1), [1, 2, 3, 4]),
        (TableFilter("big", .greaterOrEqual, 5), [3, 4]), (TableFilter("name", .isIn, anyOf: ["a", "é"]), [1, 3, 4]),
        (TableFilter("name", .isNotIn, anyOf: ["a", "b"]), [3]), (TableFilter("name", .greater, "b"), [3]),
        (TableFilter("time", .lessOrEqual, "1970-01-01T00:00:01"), [1, 2]), (TableFilter("time", .equal, 2_000_000), [3]),
        (TableFilter("id", .isIn, anyOf: []), []), (TableFilter("id", .isNotIn, anyOf: []), [1, 2, 3, 4]),
    ] as [(TableFilter, [Int32])])
    func rowsAreThoseThatFulfilTheCondition(_ filter: TableFilter, _ expected: [Int32]) throws {
        #expect(try Self.rows([[filter]]) == expected)
    }

    @Test func nullsFulfilNothingAndNotANumberDiffersFromAll() throws {
        #expect(try Self.rows([[TableFilter("flux", .notEqual, 0.5)]]) == [2, 3])
        #expect(try Self.rows([[TableFilter("flux", .less, 100)]]) == [1, 3])
    }

    @Test func conditionsOfAGroupCountTogetherAndGroupsApart() throws {
        let first = [TableFilter("id", .greater, 1), TableFilter("name", .equal, "a")]
        #expect(try Self.rows([first]) == [4])
        #expect(try Self.rows([first, [TableFilter("id", .equal, 2)]]) == [2, 4])
        #expect(try Self.rows([]) == [1, 2, 3, 4])
    }

    @Test func allColumnsLoseTheSameRows() throws {
        let part = try Self.table().filtered(by: [[TableFilter("id", .isIn, anyOf: [1, 3])]])
        #expect(part.rowCount == 2)
        #expect(part["pair"]?.values == .int8([1, 2, 5, 6]))
        #expect(part["name"]?.values == .strings(["a", "é"]))
        #expect(part["flux"]?.validity == nil)
    }

    @Test(arguments: [
        TableFilter("nosuch", .equal, 1), TableFilter("id", .equal, "1"), TableFilter("name", .equal, 1),
        TableFilter("pair", .equal, 1), TableFilter("time", .equal, "yesterday"),
    ])
    func conditionsThatMakeNoSenseAreErrors(_ filter: TableFilter) throws {
        #expect(throws: TableError.self) { try Self.rows([[filter]]) }
    }
}
