import Foundation
import TestSupport
import Testing

@testable import Database

/// What many rows refer to, looked up for all of them at once.
@Suite(.enabled(if: PostgreSQLCluster.isAvailable, "PostgreSQL's server is not installed"))
struct PostgreSQLReferencesTests {
    private static let pair = TableSpecification(
        "pair", columns: [ColumnSpecification("group", .int), ColumnSpecification("name", .text)],
        primaryKey: ["group", "name"])
    /// Refers to pairs, where it refers at all, and to groups.
    private static let note = TableSpecification(
        "note",
        columns: [
            ColumnSpecification("id", .int), ColumnSpecification("owner", .int),
            ColumnSpecification("name", .text, isNullable: true), ColumnSpecification("group", .int, isNullable: true),
        ], primaryKey: ["id"],
        foreignKeys: [
            ForeignKeySpecification(["owner"], references: "group", ["id"]),
            ForeignKeySpecification(["group", "name"], references: "pair", ["group", "name"]),
        ])

    /// A client that looks references up together, and its schema with three groups and a pair.
    private func withClient(
        together: Bool = true, _ body: (PostgreSQLClient, String) async throws -> Void
    ) async throws {
        let cluster = try PostgreSQLCluster.shared.get()
        let schema = PostgreSQLCluster.freshName("reference_tests")
        try cluster.administer("CREATE SCHEMA \(schema)")
        let client = try await PostgreSQLClient.open(
            try DatabaseURL(parsing: cluster.url + "/postgres"), schema: schema,
            DatabaseOptions(access: .create, busyTimeout: .seconds(10), checksReferencesTogether: together))
        try await client.write { connection in
            for table in [.group, Self.pair, Self.note] { try connection.createTable(table) }
            try connection.executeMany(
                try .insert(into: .group),
                rows: (1...3 as ClosedRange<Int64>).map { [.int($0), .text("g\($0)"), .null] })
            try connection.execute(try .insert(into: Self.pair, values: [2, "two"]))
        }
        try await body(client, schema)
        try await client.close()
    }

    /// Of every second the name is missing, which then refers to no pair.
    private func rows(_ count: Int64 = 12_000) -> [[SQLValue]] {
        (0..<count).map { [.int($0), .int($0 % 3 + 1), $0 % 2 == 0 ? .null : "two", $0 % 4 == 0 ? .null : 2] }
    }

    private func insert(_ client: PostgreSQLClient, _ rows: [[SQLValue]]) async throws -> Int {
        try await client.write { try $0.executeMany(try .insert(into: Self.note), rows: rows) }
    }

    private func count(_ client: PostgreSQLClient) async throws -> Int64? {
        try await client.read { connection in
            try connection.fetchOne("SELECT count(*) FROM \(table: Self.note.name)") { try $0.int(0) }
        }
    }

    /// Of which the server knows nothing before it has looked.
    private func fill(_ client: PostgreSQLClient) async throws {
        let pairs = pairs
        _ = try await client.write { try $0.executeMany(try .insert(into: Self.pair), rows: pairs) }
    }

    private var pairs: [[SQLValue]] { (10..<2010 as Range<Int64>).map { [.int($0), .text("pair \($0)")] } }

    private func knownRows(of table: String, _ schema: String) throws -> Double? {
        let cluster = try PostgreSQLCluster.shared.get()
        let sql = "SELECT reltuples FROM pg_class WHERE oid = '\(schema).\(table)'::regclass"
        return Double(try cluster.administer(sql).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    private func statistics(of table: String, _ schema: String) throws -> Bool {
        let cluster = try PostgreSQLCluster.shared.get()
        return try cluster.administer(
            "SELECT count(*) > 0 FROM pg_stats WHERE schemaname = '\(schema)' AND tablename = '\(table)'"
        ).hasPrefix("t")
    }

    @Test func theServerLooksAtTablesOfWhichItKnowsNothing() async throws {
        try await withClient(together: false) { client, schema in
            try await fill(client)
            #expect(try !statistics(of: "pair", schema))
            try await client.gatherStatistics(of: ["pair", "group", "nothing", "a'b\"c"])
            #expect(try knownRows(of: "pair", schema) == 2001)
            // It fits into a page.
            #expect(try knownRows(of: "group", schema) ?? 0 <= 0)
            // Whatever becomes of what is written then.
            await #expect(throws: DatabaseError.self) { _ = try await insert(client, [[1, 1, "three", 2]] + rows()) }
            #expect(try statistics(of: "pair", schema))
        }
    }

    @Test func rowsOfTheSameTransactionAreLookedAt() async throws {
        try await withClient(together: false) { client, schema in
            let (pairs, rows) = (pairs, rows())
            try await client.write { connection in
                _ = try connection.executeMany(try .insert(into: Self.pair), rows: pairs)
                _ = try connection.executeMany(try .insert(into: Self.note), rows: rows)
            }
            #expect(try statistics(of: "pair", schema))
        }
    }

    @Test func whoLooksAtTheSameIsNotWaitedFor() async throws {
        try await withClient(together: false) { client, schema in
            try await fill(client)
            let other = try await PostgreSQLClient.open(
                try DatabaseURL(parsing: PostgreSQLCluster.shared.get().url + "/postgres"), schema: schema,
                DatabaseOptions(access: .readWrite, busyTimeout: .seconds(10)))
            let (looking, begun) = AsyncStream.makeStream(of: Void.self)
            let isDone = DispatchSemaphore(value: 0)
            async let look: Void = other.write { connection in
                defer { begun.finish() }
                try connection.execute("ANALYZE \(table: Self.pair)")
                begun.yield()
                #expect(isDone.wait(timeout: .now() + 30) == .success)
            }
            for await _ in looking { break }
            try await client.gatherStatistics(of: ["pair"])
            let stored = try await insert(client, rows())
            #expect(stored == 12_000)
            isDone.signal()
            try await look
            try await other.close()
        }
    }

    @Test func rowsThatReferToWhatIsThereAreStored() async throws {
        try await withClient { client, _ in
            let stored = try await insert(client, rows())
            let found = try await count(client)
            #expect(stored == 12_000 && found == 12_000)
        }
    }

    @Test(arguments: [[7, 4, nil, nil], [7, 1, "two", 3], [7, 1, "three", 2]] as [[SQLValue]])
    func oneRowThatRefersToNothingIsNamedAndUndoesThemAll(bad: [SQLValue]) async throws {
        try await withClient { client, _ in
            var rows = rows()
            rows[11_007] = [.int(11_007)] + bad.dropFirst()
            let error = await #expect(throws: DatabaseError.self) { _ = try await insert(client, rows) }
            guard case .constraintViolation(let violation) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(violation.kind == .foreignKey && violation.table == "note" && violation.constraint != nil)
            #expect(violation.columns == (bad[1] == 4 ? ["owner"] : ["group", "name"]))
            let found = try await count(client)
            #expect(found == 0)
        }
    }

    @Test func whatIsReferredToCannotGoBeforeTheEnd() async throws {
        try await withClient { client, schema in
            let cluster = try PostgreSQLCluster.shared.get()
            let rows = rows()
            try await client.write { connection in
                _ = try connection.executeMany(try .insert(into: Self.note), rows: rows)
                for table in ["pair", "group"] {
                    #expect(throws: (any Error).self) {
                        try cluster.administer("SET lock_timeout = '50ms'; DELETE FROM \(schema).\"\(table)\"")
                    }
                }
                // Others may change what is no key, and refer to the same.
                try cluster.administer("SET lock_timeout = '5s'; UPDATE \(schema).\"group\" SET rank = 7")
                try cluster.administer("SET lock_timeout = '5s'; INSERT INTO \(schema).note VALUES (-1, 1, 'two', 2)")
            }
            // And the server keeps what was stored, as it does with rows that it has checked itself.
            #expect(throws: (any Error).self) { try cluster.administer("DELETE FROM \(schema).pair") }
            let found = try await count(client)
            #expect(found == 12_001)
        }
    }

    @Test func triggersOfTheOwnerAreHeeded() async throws {
        try await withClient { client, schema in
            let cluster = try PostgreSQLCluster.shared.get()
            try cluster.administer(
                """
                CREATE FUNCTION \(schema).skip() RETURNS trigger LANGUAGE plpgsql AS \
                'BEGIN IF NEW.id % 10 = 0 THEN RETURN NULL; END IF; RETURN NEW; END'; \
                CREATE TRIGGER skipping BEFORE INSERT ON \(schema).note FOR EACH ROW EXECUTE FUNCTION \(schema).skip()
                """)
            let stored = try await insert(client, rows())
            #expect(stored == 10_800)
            // The server's own checks are made as well.
            let bad = (0..<1000 as Range<Int64>).map { [SQLValue.int($0 + 20_000), 4, nil, nil] }
            await #expect(throws: DatabaseError.self) { _ = try await insert(client, bad) }
        }
    }

    @Test func whoMayNotLockWhatIsReferredToIsToldSo() async throws {
        try await withClient { client, schema in
            let cluster = try PostgreSQLCluster.shared.get()
            let role = PostgreSQLCluster.freshName("loader")
            try cluster.administer(
                """
                CREATE ROLE \(role) LOGIN; GRANT USAGE ON SCHEMA \(schema) TO \(role); \
                GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA \(schema) TO \(role); \
                GRANT SET ON PARAMETER session_replication_role TO \(role)
                """)
            let url = try DatabaseURL(
                parsing: cluster.url.replacing("//postgres@", with: "//\(role)@") + "/postgres")
            let loader = try await PostgreSQLClient.open(
                url, schema: schema, DatabaseOptions(access: .readWrite, checksReferencesTogether: true))
            let error = await #expect(throws: DatabaseError.self) { _ = try await insert(loader, rows()) }
            #expect(error?.description.contains("needs the rights SELECT and UPDATE") == true, "\(String(describing: error))")
            #expect(error?.description.contains("on \(schema).\"group\"") == true, "\(String(describing: error))")
            let none = try await count(client)
            #expect(none == 0)
            // A right to one column that nobody needs to change.
            try cluster.administer(
                """
                GRANT UPDATE (rank) ON \(schema)."group" TO \(role); GRANT UPDATE (name) ON \(schema).pair TO \(role)
                """)
            let stored = try await insert(loader, rows())
            #expect(stored == 12_000)
            try await loader.close()
        }
    }

    @Test func whoLacksTheRightIsToldSo() async throws {
        let cluster = try PostgreSQLCluster.shared.get()
        let role = PostgreSQLCluster.freshName("loader")
        try cluster.administer("CREATE ROLE \(role) LOGIN")
        let url = try DatabaseURL(
            parsing: cluster.url.replacing("//postgres@", with: "//\(role)@") + "/postgres")
        func open(_ access: DatabaseAccess) async throws {
            let options = DatabaseOptions(access: access, checksReferencesTogether: true)
            try await PostgreSQLClient.open(url, schema: nil, options).close()
        }
        let error = await #expect(throws: DatabaseError.self) { try await open(.readWrite) }
        #expect(error?.description.contains("SET ON PARAMETER session_replication_role") == true)
        try await open(.readOnly)
    }
}
