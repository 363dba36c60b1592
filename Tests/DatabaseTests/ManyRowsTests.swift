import AstroTime
import Foundation
import Testing

@testable import Database

/// Inserts of many rows, which every implementation does in another way than those of one.
@Suite struct ManyRowsTests {
    /// Values that differ from row to row in kind, length and whether they are there.
    private static func row(_ number: Int64) -> [SQLValue] {
        let isEmpty = number % 7 == 0
        // Some are longer than what is kept of a row.
        let note = String(repeating: "é\(number)", count: number % 501 == 0 ? 2_000 : Int(number % 5))
        return [
            isEmpty ? .null : .uuid(UUID()), .int(number % 100), .int(number << 32), .double(Double(number) / 3),
            number % 11 == 0 ? .null : .bool(number.isMultiple(of: 2)), .text("c\(number % 1_000)"), .text(note),
            isEmpty ? .null : .timespan(Timespan(storedNanoseconds: number, number + 10)),
            .bytes([UInt8](repeating: UInt8(number % 256), count: Int(number % 4))),
            isEmpty ? .null : .blob([UInt8](repeating: 0, count: Int(number % 3))),
        ]
    }

    @Test(arguments: Implementation.all)
    func allArriveAsIfTheyHadComeOneByOne(_ implementation: Implementation) async throws {
        let rows = (1...12_345).map(Self.row)
        let other = TableSpecification("others", columns: TableSpecification.samples.columns, primaryKey: ["id"])
        try await implementation.withClient { client in
            try await client.write { connection in
                for table in [TableSpecification.samples, other] { try connection.createTable(table) }
                #expect(try connection.executeMany(try .insert(into: .samples), rows: rows) == rows.count)
                for row in rows { try connection.execute(try .insert(into: other, values: row)) }
            }
            try await client.read { connection in
                let columns = TableSpecification.samples.columns
                let compared = try connection.fetchOne(
                    """
                    SELECT count(*) FROM (SELECT \(SQL.results(columns)) FROM \(table: .samples) \
                    INTERSECT SELECT \(SQL.results(columns)) FROM \(table: other)) AS \(alias: "both")
                    """
                ) { try $0.int(0) }
                #expect(compared == Int64(rows.count))
            }
        }
    }

    @Test(arguments: Implementation.all)
    func aViolationUndoesWhatWasNotAllowed(_ implementation: Implementation) async throws {
        for place in [1, 4_999, 5_000, 5_001, 9_998] {
            try await implementation.withClient { client in
                try await client.write { connection in
                    try connection.createTable(.group)
                    let rows = (0..<9_999).map { [SQLValue.int($0 == place ? 0 : Int64($0)), .text("g\($0)"), nil] }
                    #expect(throws: DatabaseError.self) {
                        try connection.savepoint { try connection.executeMany(try .insert(into: .group), rows: rows) }
                    }
                    #expect(try connection.fetchOne("SELECT count(*) FROM \(table: .group)") { try $0.int(0) } == 0)
                    // The statement is of use again.
                    #expect(try connection.executeMany(try .insert(into: .group), rows: rows.prefix(place)) == place)
                }
            }
        }
    }

    @Test(arguments: Implementation.all)
    func rowsMayBeReadFromTheSameConnection(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await client.write { connection in
                try connection.createTable(.group)
                try connection.createTable(.member)
                var number: Int64 = 0
                let count = try connection.executeMany(try .insert(into: .group)) {
                    number += 1
                    guard number <= 6_000 else { return nil }
                    // Another insert of many, and a query, in the middle of this one.
                    if number % 2_000 == 1 {
                        let key = number
                        try connection.execute(try .insert(into: .group, values: [.int(-key), .text("before\(key)"), nil]))
                        try connection.executeMany(
                            try .insert(into: .member), rows: (0..<3).map { [.int(-key), .text("m\($0)")] })
                    }
                    let found = try connection.fetchOne("SELECT count(*) FROM \(table: .member)") { try $0.int(0) }
                    return [.int(number), .text("g\(number)"), .int(found ?? 0)]
                }
                #expect(count == 6_000)
                #expect(try connection.fetchOne("SELECT count(*) FROM \(table: .group)") { try $0.int(0) } == 6_003)
                #expect(try connection.fetchOne("SELECT sum(rank) FROM \(table: .group)") { try $0.int(0) } == 36_000)
            }
        }
    }

    @Test func aRowOfTheWrongLengthIsRefused() async throws {
        let client = try await DatabaseURL(parsing: "sqlite://").open(DatabaseOptions(access: .create))
        try await client.write { connection in
            try connection.createTable(.group)
            #expect(throws: DatabaseError.self) {
                try connection.executeMany(try .insert(into: .group), rows: [[1, "a", nil], [2, "b"]])
            }
            // A timespan is no value for a column of another type.
            #expect(throws: DatabaseError.self) {
                let span = SQLValue.timespan(Timespan(storedNanoseconds: 1, 2))
                try connection.executeMany(try .insert(into: .group), rows: [[1, "a", nil], [2, "b", span]])
            }
            #expect(try connection.executeMany(try .insert(into: .group), rows: [[1, "a", nil], [2, "b", nil]]) == 2)
        }
        try await client.close()
    }

    /// As the virtual table of the same name has; whoever made it.
    @Test(arguments: ["TABLE", "TEMP TABLE", "VIEW"])
    func aTableThatIsCalledAsTheRowsAreIsNotTakenForThem(_ kind: String) async throws {
        let client = try await DatabaseURL(parsing: "sqlite://").open(DatabaseOptions(access: .create))
        try await client.write { connection in
            try connection.createTable(.group)
            let made = SQL(elements: [.text("CREATE \(kind) steward_rows_3 AS SELECT 7, 'other', 1")])
            try connection.execute(made)
            #expect(throws: DatabaseError.self) {
                try connection.executeMany(try .insert(into: .group), rows: [[1, "a", nil], [2, "b", nil]])
            }
            #expect(try connection.fetchOne("SELECT count(*) FROM \(table: .group)") { try $0.int(0) } == 0)
        }
        try await client.close()
    }
}
