import CJournalBuffer
import Foundation
import GRDBSQLite
import Testing

/// SQLite with buffered journals does what it does without, also when much is undone that no longer fits into its memory.
struct JournalBufferTests {
    /// A connection with a cache of few pages, so that journals are written and read.
    private final class Connection {
        private var pointer: OpaquePointer?

        init(_ path: String, system: String?) throws {
            let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            try #require(sqlite3_open_v2(path, &pointer, flags, system) == SQLITE_OK)
            for pragma in ["cache_size = 12", "page_size = 1024", "synchronous = NORMAL"] { run("PRAGMA \(pragma)") }
            run("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, key INTEGER UNIQUE, pad TEXT)")
        }

        deinit { sqlite3_close_v2(pointer) }

        /// The result code.
        @discardableResult
        func run(_ statement: String) -> Int32 { sqlite3_exec(pointer, statement, nil, nil, nil) }

        func limitPages(_ count: Int) { run("PRAGMA max_page_count = \(count)") }

        func values(_ query: String) throws -> [String] {
            var statement: OpaquePointer?
            try #require(sqlite3_prepare_v2(pointer, query, -1, &statement, nil) == SQLITE_OK)
            defer { sqlite3_finalize(statement) }
            var values: [String] = []
            while sqlite3_step(statement) == SQLITE_ROW {
                values.append(sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? "")
            }
            return values
        }
    }

    /// Statements of one transaction, some of which fail in the middle or are undone.
    private static func transaction(_ random: inout SystemRandomNumberGenerator) -> [String] {
        var statements = ["BEGIN IMMEDIATE"]
        for depth in 0..<Int.random(in: 1...6, using: &random) {
            let (low, count) = (Int.random(in: 0..<400, using: &random), Int.random(in: 1...300, using: &random))
            let numbers = "WITH RECURSIVE n(i) AS (SELECT \(low) UNION ALL SELECT i + 1 FROM n WHERE i < \(low + count))"
            let pad = "hex(zeroblob(\(Int.random(in: 1...400, using: &random))))"
            if Bool.random(using: &random) { statements.append("SAVEPOINT level\(depth)") }
            statements += [
                "\(numbers) INSERT OR REPLACE INTO t SELECT i, i * 7, \(pad) FROM n",
                // Fails at its end, when the key of another row comes.
                "\(numbers) INSERT INTO t SELECT i + 1000, CASE WHEN i = \(low + count) THEN \(low * 7) ELSE i * 7 + 10001 END, "
                    + "\(pad) FROM n",
                "UPDATE t SET pad = \(pad) WHERE id % 3 = \(low % 3)", "DELETE FROM t WHERE id BETWEEN \(low) AND \(low + 40)",
            ].shuffled(using: &random).prefix(2)
            if Bool.random(using: &random) { statements.append("ROLLBACK TO level\(depth)") }
        }
        return statements + [["COMMIT", "COMMIT", "ROLLBACK"].randomElement(using: &random) ?? "ROLLBACK"]
    }

    @Test func whatIsUndoneAndKeptIsTheSame() async throws {
        try #require(CJournalBufferInstall() == SQLITE_OK)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("journals-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let buffered = try Connection(folder.appendingPathComponent("buffered").path, system: "steward")
        let plain = try Connection(folder.appendingPathComponent("plain").path, system: "unix")
        var random = SystemRandomNumberGenerator()
        for round in 0..<80 {
            await Task.yield()
            // A database that may not grow ends statements and transactions as a full disk does.
            for connection in [buffered, plain] { connection.limitPages(round % 3 == 0 ? 60 + round : 100_000) }
            let statements = Self.transaction(&random)
            for statement in statements {
                #expect(buffered.run(statement) == plain.run(statement), "\(statements)")
            }
            for connection in [buffered, plain] { connection.run("ROLLBACK") }
            let content = "SELECT id || '|' || key || '|' || pad FROM t ORDER BY id"
            #expect(try buffered.values(content) == plain.values(content), "\(statements)")
            #expect(try buffered.values("PRAGMA integrity_check") == ["ok"])
        }
        #expect(try buffered.values("SELECT count(*) FROM t") != ["0"])
    }

    @Test func otherConnectionsAreOpenedWithIt() throws {
        try #require(CJournalBufferInstall() == SQLITE_OK)
        let name = try #require(sqlite3_vfs_find(nil)?.pointee.zName)
        #expect(String(cString: name) == "steward")
    }
}
