import AstroTime
import Foundation
import Testing

@testable import Database

/// What every implementation of ``DatabaseClient`` must do.
@Suite struct BehaviourTests {
    private func timespan(_ begin: Int64, _ end: Int64) -> Timespan { Timespan(storedNanoseconds: begin, end) }

    @Test(arguments: Implementation.all)
    func everyValueComesBackAsItWasWritten(_ implementation: Implementation) async throws {
        let guid = try #require(UUID(uuidString: "840B31D9-05CD-5161-B2C8-00D32B280D0F"))
        let span = timespan(1_577_836_800_000_000_000, 1_577_836_900_000_000_000)
        try await implementation.withClient { client in
            let key = try await client.write { connection in
                try connection.createTable(.samples)
                return try connection.insertReturningKey(
                    into: .samples,
                    values: [
                        .uuid(guid), -3, .int(.max), .double(1e-300), true, "ß-\"x'", "", .timespan(span),
                        .bytes([0, 255, 16]), .blob([]),
                    ])
            }
            try await client.read { connection in
                var count = 0
                try connection.query(
                    "SELECT \(SQL.results(TableSpecification.samples.columns)) FROM \(table: .samples)"
                ) { row throws in
                    count += 1
                    #expect(row.columnCount == 11)
                    #expect(try row.int(0) == key)
                    #expect(try row.uuid(1) == guid)
                    #expect(try row.int(2) == -3)
                    #expect(try row.int(3) == .max)
                    #expect(try row.double(4) == 1e-300)
                    #expect(try row.bool(5))
                    #expect(try row.text(6) == "ß-\"x'")
                    #expect(try row.text(7) == "")
                    #expect(try row.timespan(8) == span)
                    #expect(try row.bytes(9) == [0, 255, 16])
                    #expect(try row.blob(10) == [])
                    #expect(try row.withText(6) { Array($0) } == Array("ß-\"x'".utf8))
                }
                #expect(count == 1)
            }
        }
    }

    @Test(arguments: Implementation.all)
    func nullsComeBackAsNulls(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await client.write { connection in
                try connection.createTable(.samples)
                try connection.execute(
                    try .insert(into: .samples, values: Array(repeating: .null, count: 10)))
                try connection.query(
                    "SELECT \(SQL.results(TableSpecification.samples.columns)) FROM \(table: .samples)"
                ) { row throws in
                    #expect((1...10).allSatisfy { row.isNull($0) })
                    #expect(try row.timespan(8) == nil)
                    #expect(try row.optionalInt(3) == nil)
                    #expect(try row.optionalUUID(1) == nil)
                    #expect(throws: DatabaseError.self) { try row.int(3) }
                    #expect(throws: DatabaseError.self) { try row.text(7) }
                }
            }
        }
    }

    @Test(arguments: Implementation.all)
    func autoincrementKeysCountUpAndCanBeChosen(_ implementation: Implementation) async throws {
        let table = TableSpecification(
            "keys", columns: [ColumnSpecification("id", .autoincrement)], primaryKey: ["id"])
        try await implementation.withClient { client in
            let keys = try await client.write { connection in
                try connection.createTable(table)
                return try (0..<3).map { _ in try connection.insertReturningKey(into: table, values: []) }
            }
            #expect(keys == [1, 2, 3])
        }
    }

    @Test(arguments: Implementation.all)
    func aFailedWriteLeavesNothing(_ implementation: Implementation) async throws {
        struct Stop: Error {}
        try await implementation.withClient { client in
            try await client.write { try $0.createTable(.group) }
            await #expect(throws: Stop.self) {
                try await client.write { connection in
                    try connection.execute(try .insert(into: .group, values: [1, "a", nil]))
                    throw Stop()
                }
            }
            #expect(
                try await client.read { try $0.fetchAll("SELECT id FROM \(table: .group)") { try $0.int(0) } } == [])
        }
    }

    @Test(arguments: Implementation.all)
    func aFailedSavepointUndoesItsOwnChangesOnly(_ implementation: Implementation) async throws {
        struct Stop: Error {}
        try await implementation.withClient { client in
            try await client.write { connection in
                try connection.createTable(.group)
                try connection.execute(try .insert(into: .group, values: [1, "a", nil]))
                try connection.savepoint {
                    try connection.execute(try .insert(into: .group, values: [2, "b", nil]))
                    #expect(throws: Stop.self) {
                        try connection.savepoint {
                            try connection.execute(try .insert(into: .group, values: [3, "c", nil]))
                            throw Stop()
                        }
                    }
                }
                #expect(throws: DatabaseError.self) {
                    try connection.savepoint {
                        try connection.execute(try .insert(into: .group, values: [4, "d", nil]))
                        try connection.execute(try .insert(into: .group, values: [1, "e", nil]))
                    }
                }
            }
            let ids = try await client.read {
                try $0.fetchAll("SELECT id FROM \(table: .group) ORDER BY id") { try $0.int(0) }
            }
            #expect(ids == [1, 2])
        }
    }

    @Test(arguments: Implementation.all)
    func changedRowsAreCountedWithoutCascades(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await client.write { connection in
                try connection.createTable(.group)
                try connection.createTable(.member)
                #expect(
                    try connection.executeMany(
                        try .insert(into: .group), rows: (1...3).map { [.int($0), .text("g\($0)"), nil] }) == 3)
                #expect(
                    try connection.executeMany(
                        try .insert(into: .member), rows: (1...5).lazy.map { [1, .text("m\($0)")] }) == 5)
                #expect(
                    try connection.execute("UPDATE \(table: .group) SET \(column: "rank") = \(value: 7) WHERE id > 1")
                        == 2)
                #expect(try connection.execute("DELETE FROM \(table: .group) WHERE \(column: "id") = \(value: 1)") == 1)
                #expect(try connection.fetchOne("SELECT count(*) FROM \(table: .member)") { try $0.int(0) } == 0)
                #expect(try connection.execute("DELETE FROM \(table: .group) WHERE \(column: "id") = \(value: 9)") == 0)
            }
        }
    }

    @Test(arguments: Implementation.all)
    func conflictRulesSkipReplaceOrFail(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await client.write { connection in
                try connection.createTable(.group)
                try connection.execute(try .insert(into: .group, values: [1, "a", 10]))
                #expect(
                    try connection.executeMany(
                        try .insert(into: .group, onConflict: .ignore),
                        rows: [[1, "x", 0], [9, "a", 0], [2, "b", 20]])
                        == 1)
                #expect(
                    try connection.execute(
                        try .insert(into: .group, values: [1, "z", 1], onConflict: .ignoreOn(["id"]))) == 0)
                #expect(throws: DatabaseError.self) {
                    try connection.savepoint {
                        try connection.execute(
                            try .insert(into: .group, values: [5, "a", 1], onConflict: .ignoreOn(["id"])))
                    }
                }
                try connection.execute(
                    try .insert(into: .group, values: [1, "c", 11], onConflict: .update(key: ["id"])))
                try connection.execute(
                    try .insert(into: .group, values: [2, "q", 21], onConflict: .update(key: ["id"], set: ["rank"])))
                let rows = try connection.fetchAll(
                    "SELECT \(columns: ["id", "name", "rank"]) FROM \(table: .group) ORDER BY id"
                ) { "\(try $0.int(0)) \(try $0.text(1)) \(try $0.int(2))" }
                #expect(rows == ["1 c 11", "2 b 21"])
            }
        }
    }

    @Test(arguments: Implementation.all)
    func aSelectCanBeInsertedAndUpdatesSetTimespans(_ implementation: Implementation) async throws {
        let span = timespan(5, 9)
        try await implementation.withClient { client in
            try await client.write { connection in
                try connection.createTable(.samples)
                try connection.execute(try .insert(into: .samples, columns: ["note", "timespan"], values: ["a", nil]))
                try connection.execute(
                    try .update(.samples, set: [("timespan", .timespan(span)), ("small", 3)], where: "note = 'a'"))
                try connection.execute(
                    try .insert(
                        into: .samples, columns: ["note", "timespan"],
                        select: "SELECT note || 'b' AS note, \(timespan: .column()) FROM \(table: .samples)",
                        onConflict: .ignore))
                let rows = try connection.fetchAll(
                    "SELECT \(result: .column()), \(column: "note") FROM \(table: .samples) ORDER BY id"
                ) { (try $0.timespan(0), try $0.text(1)) }
                #expect(rows.map(\.0) == [span, span])
                #expect(rows.map(\.1) == ["a", "ab"])
            }
        }
    }

    @Test(arguments: Implementation.all)
    func timespanConditionsFollowTheRelationsOfTimespans(_ implementation: Implementation) async throws {
        let spans: [Timespan?] = [
            timespan(10, 20), timespan(20, 30), timespan(15, 25), .empty, .unbounded, nil,
        ]
        try await implementation.withClient { client in
            try await client.write { connection in
                try connection.createTable(.samples)
                try connection.executeMany(
                    try .insert(into: .samples, columns: ["large", "timespan"]),
                    rows: spans.enumerated().map { [.int(Int64($0.offset)), $0.element.sqlValue] })
                func matching(_ condition: SQL) throws -> [Int64] {
                    try connection.fetchAll(
                        "SELECT \(column: "large") FROM \(table: .samples) WHERE \(condition) ORDER BY 1"
                    ) { try $0.int(0) }
                }
                let column = TimespanExpression.column()
                let probes: [Timespan] = [timespan(10, 20), timespan(20, 21), .empty, .unbounded]
                for probe in probes {
                    let literal = TimespanExpression.literal(probe)
                    func expected(_ relation: (Timespan) -> Bool) -> [Int64] {
                        spans.indices.filter { index in spans[index].map(relation) ?? false }.map { Int64($0) }
                    }
                    #expect(try matching(column.overlaps(literal)) == expected { $0.overlaps(probe) })
                    #expect(try matching(column.isBefore(literal)) == expected { $0.isBefore(probe) })
                    #expect(try matching(column.isAfter(literal)) == expected { probe.isBefore($0) })
                    #expect(try matching(column.isEqual(to: literal)) == expected { $0 == probe })
                }
                #expect(try matching(column.contains(time: "\(value: 20)")) == [1, 2, 4])
                #expect(try matching(column.isNull) == [5])
                #expect(try matching(column.isEmpty) == [3])
                #expect(try matching("\(column.begin) = 0") == [4])
                #expect(try matching("\(column.end) = 20") == [0])
                #expect(try matching(column.overlaps(.literal(nil))) == [])
                #expect(try matching(column.overlaps(.bounds(begin: "\(value: 19)", end: "19 + 1"))) == [0, 2, 4])
            }
        }
    }

    @Test(arguments: Implementation.all)
    func listsOfAnyLengthAndKindSelectTheirMembers(_ implementation: Implementation) async throws {
        let guids = (0..<40).map { _ in UUID() }
        try await implementation.withClient { client in
            try await client.write { connection in
                try connection.createTable(.samples)
                try connection.executeMany(
                    try .insert(into: .samples, columns: ["large", "guid", "note", "ratio", "raw"]),
                    rows: guids.enumerated().map { index, guid in
                        [
                            .int(Int64(index)), .uuid(guid), .text("n\"\\\u{1}é\(index)"), .double(Double(index) / 10),
                            .blob([UInt8(index)]),
                        ]
                    })
                func count(_ condition: SQL) throws -> Int64? {
                    try connection.fetchOne("SELECT count(*) FROM \(table: .samples) WHERE \(condition)") {
                        try $0.int(0)
                    }
                }
                for size in [0, 1, 3, 9, 39] {
                    let expected = Int64(size)
                    let chosen = 0..<size
                    #expect(try count(.isIn("large", chosen.map { .int(Int64($0)) })) == expected)
                    #expect(try count(.isIn("guid", chosen.map { .uuid(guids[$0]) })) == expected)
                    #expect(try count(.isIn("note", chosen.map { .text("n\"\\\u{1}é\($0)") })) == expected)
                    #expect(try count(.isIn("ratio", chosen.map { .double(Double($0) / 10) })) == expected)
                    #expect(try count(.isIn("raw", chosen.map { .blob([UInt8($0)]) })) == expected)
                    let rows: [[SQLValue]] =
                        chosen.map { [.uuid(guids[$0]), .int(Int64($0))] } + [[.uuid(guids[39]), 0]]
                    #expect(try count(.isIn(["guid", "large"], rows: rows)) == expected)
                }
                #expect(try count(.isIn("large", (0..<300_000).map { .int($0) })) == 40)
                #expect(try count(.isIn("large", [.null, .int(1)])) == 1)
                #expect(try count(.not(.any([.isIn("large", [1]), .isIn("large", [2, 3])]))) == 37)
                #expect(try count(.all([])) == 40)
                #expect(try count(.any([])) == 0)
            }
        }
    }

    @Test(arguments: Implementation.all)
    func temporaryTablesWorkWhileReadingAndEndWithTheTransaction(_ implementation: Implementation) async throws {
        var table = TableSpecification.group
        table.name = "wanted"
        let wanted = table
        try await implementation.withClient { client in
            try await client.write { connection in
                try connection.createTable(.group)
                try connection.executeMany(
                    try .insert(into: .group), rows: (1...3).map { [.int($0), .text("g\($0)"), nil] })
                try connection.createTable(wanted, temporary: true)
            }
            for _ in 0..<6 {
                let names = try await client.read { connection in
                    #expect(try !connection.tableExists("wanted"))
                    try connection.createTable(wanted, temporary: true)
                    try connection.executeMany(
                        try .insert(into: wanted, temporary: true), rows: [[2, "x", nil], [3, "y", nil]])
                    return try connection.fetchAll(
                        """
                        SELECT \(column: "name", of: "g") FROM \(table: .group) AS \(alias: "g") \
                        JOIN \(temporary: "wanted") AS \(alias: "w") ON \(column: "id", of: "g") = \(column: "id", of: "w") \
                        ORDER BY 1
                        """
                    ) { try $0.text(0) }
                }
                #expect(names == ["g2", "g3"])
            }
            #expect(try await client.read { try $0.tableNames() } == ["group"])
        }
    }

    @Test(arguments: Implementation.all)
    func theSchemaCanBeRead(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await client.write { connection in
                try connection.createTable(.samples)
                try connection.createTable(.samples, temporary: false, ifNotExists: true)
                #expect(throws: DatabaseError.self) {
                    try connection.savepoint { try connection.createTable(.samples) }
                }
            }
            try await client.read { connection in
                #expect(try connection.tableExists("samples"))
                #expect(try !connection.tableExists("sample"))
                #expect(
                    try connection.columnNames(of: "samples")
                        == TableSpecification.samples.columnNames(in: connection.dialect))
                try connection.verifyColumns(of: .samples)
                var other = TableSpecification.samples
                other.columns.removeLast()
                #expect(throws: DatabaseError.self) { try connection.verifyColumns(of: other) }
                #expect(throws: DatabaseError.noSuchTable("nowhere", database: client.displayName)) {
                    try connection.columnNames(of: "nowhere")
                }
            }
            try await client.write { try $0.dropTable("samples", temporary: false) }
            await #expect(throws: DatabaseError.noSuchTable("samples", database: client.displayName)) {
                try await client.read { try $0.query("SELECT 1 FROM \(table: "samples")") { _ in } }
            }
        }
    }

    @Test(arguments: Implementation.all)
    func theSameStatementCanRunInsideItself(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            let pairs = try await client.write { connection in
                try connection.createTable(.group)
                try connection.executeMany(
                    try .insert(into: .group), rows: (1...3).map { [.int($0), .text("g\($0)"), nil] })
                let statement: SQL = "SELECT id FROM \(table: .group) ORDER BY id"
                var pairs: [Int64] = []
                try connection.query(statement) { outer in
                    try connection.query(statement, limit: 2) { inner in
                        pairs.append(try outer.int(0) * 10 + inner.int(0))
                    }
                }
                return pairs
            }
            #expect(pairs == [11, 12, 21, 22, 31, 32])
        }
    }

    @Test(arguments: Implementation.all)
    func aClosedClientRefusesFurtherUse(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await client.write { try $0.createTable(.group) }
            try await client.close()
            await #expect(throws: DatabaseError.closed(client.displayName)) { try await client.read { _ in } }
            await #expect(throws: DatabaseError.closed(client.displayName)) { try await client.write { _ in } }
        }
    }

    @Test(arguments: Implementation.all)
    func manyTasksReadAndWriteAtTheSameTime(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await client.write { try $0.createTable(.group) }
            try await withThrowingTaskGroup { group in
                for index in 0..<40 {
                    group.addTask {
                        try await client.write { connection in
                            try connection.execute(
                                try .insert(into: .group, values: [.int(Int64(index)), .text("g\(index)"), nil]))
                        }
                        let found = try await client.read { connection in
                            try connection.fetchOne("SELECT id FROM \(table: .group) WHERE id = \(value: index)") {
                                try $0.int(0)
                            }
                        }
                        #expect(found == Int64(index))
                    }
                }
                try await group.waitForAll()
            }
            #expect(
                try await client.read { try $0.fetchOne("SELECT count(*) FROM \(table: .group)") { try $0.int(0) } }
                    == 40)
        }
    }
}
