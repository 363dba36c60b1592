import TestSupport
import Testing

@testable import Database

/// Cursors on the server, which last no longer than they are used.
@Suite(.enabled(if: PostgreSQLCluster.isAvailable, "PostgreSQL's server is not installed"))
struct PostgreSQLCursorTests {
    private func withClient(_ body: (PostgreSQLClient) async throws -> Void) async throws {
        let url = try DatabaseURL(parsing: try PostgreSQLCluster.shared.get().url + "/postgres")
        let client = try await PostgreSQLClient.open(url, DatabaseOptions(access: .readWrite))
        try await body(client)
        try await client.close()
    }

    /// One that has all of its rows in the first batch, one that has a few more, and one that goes on.
    private static let queries: [SQL] = [
        "SELECT generate_series(1, 3)", "SELECT generate_series(1, 250)", "SELECT generate_series(1, 100000)",
    ]

    private func use(_ query: SQL, _ connection: any DatabaseConnection, rows: Int) throws {
        let cursor = try connection.cursor(query)
        for _ in 0..<rows where try !cursor.step() { break }
        cursor.finish()
    }

    private func openCursors(_ connection: any DatabaseConnection) throws -> Int64? {
        // Opening one closes those that are finished.
        let last = try connection.cursor("SELECT 1")
        defer { last.finish() }
        return try connection.fetchOne("SELECT count(*) FROM pg_cursors WHERE name <> ''") { try $0.int(0) }
    }

    @Test func theServerHasNoCursorsThatAreFinished() async throws {
        try await withClient { client in
            let queries = Self.queries
            let visit: @Sendable (any DatabaseConnection) throws -> Int64? = { connection in
                for query in queries {
                    for rows in [0, 1, 220, 300] { try self.use(query, connection, rows: rows) }
                }
                return try self.openCursors(connection)
            }
            let counts = [try await client.read(visit), try await client.write(visit)]
            #expect(counts.allSatisfy { $0 ?? 99 <= 2 }, "\(counts)")
        }
    }

    @Test func whatASavepointUndoesNeedsNoClosing() async throws {
        try await withClient { client in
            let found = try await client.write { connection in
                var left: (any DatabaseCursor)?
                for isOfServer in [false, true] {
                    #expect(throws: (any Error).self) {
                        try connection.savepoint { () throws -> Void in
                            for query in Self.queries { try use(query, connection, rows: 1) }
                            left = try connection.cursor(Self.queries[2])
                            if isOfServer { try connection.execute("SELECT 1 / 0") }
                            throw CancellationError()
                        }
                    }
                    left?.finish()
                }
                return try openCursors(connection)
            }
            #expect(found ?? 99 <= 2)
        }
    }
}
