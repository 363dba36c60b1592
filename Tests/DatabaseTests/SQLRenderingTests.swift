import ByteText
import Foundation
import Testing

@testable import Database

/// How fragments become text and bindings.
@Suite struct SQLRenderingTests {
    private func text(_ statement: SQL, _ dialect: SQLDialect = .sqlite) throws -> String {
        try dialect.rendered(statement).text
    }

    @Test func identifiersAreQuotedAndValuesBound() throws {
        let name = "x\"; DROP TABLE dataset; --"
        let rendered = try SQLDialect.sqlite.rendered(
            "SELECT \(column: name, of: "d") FROM \(table: "group") AS \(alias: "d") WHERE \(column: "id") = \(value: name)"
        )
        #expect(
            rendered.text
                == "SELECT \"d\".\"x\"\"; DROP TABLE dataset; --\" FROM \"group\" AS \"d\" WHERE \"id\" = ?")
        #expect(rendered.bindings.count == 1)
        #expect(rendered.firstTable == "group")
    }

    @Test func postgresqlNumbersBindingsAndQualifiesTables() throws {
        let rendered = try SQLDialect.postgresql(schema: "repo").rendered(
            "SELECT 1 FROM \(table: "run") WHERE a = \(value: 1) AND \(SQL.isIn("b", [2, 3])) AND c = \(value: "x")")
        #expect(rendered.text == "SELECT 1 FROM \"repo\".\"run\" WHERE a = $1 AND b = ANY($2) AND c = $3")
        #expect(throws: DatabaseError.self) {
            try SQLDialect.postgresql().rendered(.isIn("b", [1, "x"]))
        }
    }

    @Test func sqliteSendsLongListsAsOneValue() throws {
        #expect(try text(.isIn("a", [1, 2])) == "a IN (?, ?)")
        #expect(try text(.isIn("a", [])) == "1 = 0")
        #expect(try text(.isIn("a", (0..<9).map { .int($0) })) == "a IN (SELECT value FROM json_each(?))")
        #expect(try text(.isIn(["a", "b"], rows: [[1, 2]])) == "(a, b) IN (VALUES (?, ?))")
        #expect(
            try text(.isIn(["a", "b"], rows: (0..<9).map { [.int($0), "x"] }))
                == "(a, b) IN (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))")
        #expect(throws: DatabaseError.self) { try text(.isIn(["a", "b"], rows: [[1]])) }
    }

    @Test func insertsTakeKeysFromASequenceInPostgreSQL() throws {
        let insert = try SQL.insert(into: .samples, columns: ["note", "timespan"])
        #expect(
            try text(insert)
                == "INSERT INTO \"samples\" (\"note\", \"timespan_begin\", \"timespan_end\") VALUES (?, ?, ?)")
        #expect(
            try text(insert, .postgresql(schema: "r"))
                == "INSERT INTO \"r\".\"samples\" (\"note\", \"timespan\", \"id\") VALUES ($1, $2, nextval($3))")
        #expect(try SQLDialect.sqlite.rendered(insert).slotCount == 2)
    }

    @Test func upsertsReplaceAllColumnsOutsideTheKey() throws {
        #expect(
            try text(.insert(into: .samples, columns: ["id", "note", "timespan"], onConflict: .update(key: ["id"])))
                == "INSERT INTO \"samples\" (\"id\", \"note\", \"timespan_begin\", \"timespan_end\") VALUES (?, ?, ?, ?) "
                + "ON CONFLICT (\"id\") DO UPDATE SET \"note\" = excluded.\"note\", "
                + "\"timespan_begin\" = excluded.\"timespan_begin\", \"timespan_end\" = excluded.\"timespan_end\"")
    }

    @Test func unknownColumnsAndWrongCountsAreRefused() async throws {
        #expect(throws: DatabaseError.self) { try SQL.insert(into: .group, columns: ["nothing"]) }
        #expect(throws: DatabaseError.self) { try SQL.insert(into: .group, values: [1]) }
        #expect(throws: DatabaseError.self) { try SQL.update(.group, set: [], where: "1 = 1") }
        #expect(throws: DatabaseError.self) { try SQL.insert(into: .group, onConflict: .ignoreOn(["nothing"])) }
        let client = try await SQLiteClient.open(.memory, DatabaseOptions(access: .create))
        await #expect(throws: DatabaseError.self) {
            try await client.write { connection in
                try connection.createTable(.group)
                try connection.executeMany(try .insert(into: .group), rows: [[1, "a"]])
            }
        }
        try await client.close()
    }

    @Test func rangesAreWrittenAsPostgreSQLReadsThem() {
        #expect(PostgreSQLRules.rangeText(.unbounded) == "(,)")
        #expect(PostgreSQLRules.rangeText(.empty) == "empty")
        #expect(
            PostgreSQLRules.rangeText(.init(storedNanoseconds: 1_577_836_800_000_000_000, 4_102_444_800_000_000_000))
                == "[1577836800000000000,)")
        #expect(PostgreSQLRules.rangeText(.init(storedNanoseconds: 0, 7)) == "(,7)")
        #expect(PostgreSQLRules.rangeText(.init(storedNanoseconds: 3, 7)) == "[3,7)")
    }

    @Test func base64AgreesWithFoundation() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + count) }
            let text = Base64.encode(bytes)
            #expect(text == Data(bytes).base64EncodedString())
            #expect(Array(text.utf8).withUnsafeBufferPointer { Base64.decode($0) } == bytes)
        }
        for wrong in ["A", "AAA", "A===", "AA=A", "AB-_", "====", "AAAA\n"] {
            #expect(Array(wrong.utf8).withUnsafeBufferPointer { Base64.decode($0) } == nil, "\(wrong)")
        }
    }

    @Test func uuidsNeed32Digits() {
        func parsed(_ text: String) -> UUID? {
            Array(text.utf8).withUnsafeBufferPointer { UUID(hexadecimalDigits: $0) }
        }
        let uuid = UUID()
        #expect(parsed(uuid.hexadecimalDigits) == uuid)
        #expect(uuid.hexadecimalDigits == uuid.uuidString.lowercased().replacing("-", with: ""))
        #expect(parsed(uuid.uuidString) == nil)
        #expect(parsed(String(repeating: "g", count: 32)) == nil)
    }
}
