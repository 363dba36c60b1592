import Foundation
import Testing

@testable import Database

/// What is particular to SQLite files: how they are opened, and what can be wrong with them.
@Suite struct SQLiteClientTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.file("repo.sqlite3") }

    init() throws { directory = try TemporaryDirectory() }

    private func open(
        _ access: DatabaseAccess, busyTimeout: Duration = .seconds(10), path: String? = nil
    ) async throws -> SQLiteClient {
        try await SQLiteClient.open(
            .file(path ?? self.path), DatabaseOptions(access: access, busyTimeout: busyTimeout))
    }

    private func makeFile(rows: Int = 3) async throws {
        let client = try await open(.create)
        try await client.write { connection in
            try connection.createTable(.group)
            try connection.executeMany(
                try .insert(into: .group), rows: (0..<rows).map { [.int(Int64($0)), .text("g\($0)"), nil] })
        }
        try await client.close()
    }

    private func count(_ client: SQLiteClient) async throws -> Int64? {
        try await client.read { try $0.fetchOne("SELECT count(*) FROM \(table: "group")") { try $0.int(0) } }
    }

    /// Each page that a deletion empties would be filled with zeros and written, a tenth of its time.
    @Test func pagesThatBecomeFreeAreNotWritten() async throws {
        try await makeFile(rows: 5000)
        func bytesOfNames() throws -> Int {
            let content = try Data(contentsOf: URL(fileURLWithPath: path))
            return content.count - content.replacing(Data("g4".utf8), with: Data()).count
        }
        let before = try bytesOfNames()
        let client = try await open(.readWrite)
        try await client.write { try $0.execute("DELETE FROM \(table: "group") WHERE id >= 0") }
        #expect(try await count(client) == 0)
        try await client.close()
        #expect(try bytesOfNames() > before / 2)
    }

    // MARK: - Opening

    @Test(arguments: [DatabaseAccess.readOnly, .readWrite])
    func aMissingFileIsReportedAndNotCreated(_ access: DatabaseAccess) async throws {
        await #expect(throws: DatabaseError.missingFile(path)) { try await open(access) }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aDirectoryIsNotADatabase() async throws {
        await #expect(throws: DatabaseError.self) { try await open(.readWrite, path: directory.url.path) }
    }

    @Test func anotherKindOfFileIsReported() async throws {
        try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: path))
        await #expect(throws: DatabaseError.notADatabase(path)) { try await open(.readOnly) }
        await #expect(throws: DatabaseError.notADatabase(path)) { try await open(.readWrite) }
    }

    @Test func aDamagedFileIsReported() async throws {
        try await makeFile(rows: 5000)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seek(toOffset: 4096)
        try file.write(contentsOf: Data(repeating: 0xee, count: 40_000))
        try file.close()
        let error = await #expect(throws: DatabaseError.self) {
            let client = try await open(.readOnly)
            _ = try await client.read { try $0.fetchAll("SELECT name FROM \(table: "group")") { try $0.text(0) } }
        }
        guard case .corrupt? = error else {
            Issue.record("unexpected: \(String(describing: error))")
            return
        }
    }

    @Test func aReadOnlyClientRefusesToWrite() async throws {
        try await makeFile()
        let client = try await open(.readOnly)
        #expect(!client.isWriteable)
        await #expect(throws: DatabaseError.readOnly(path)) { try await client.write { _ in } }
        await #expect(throws: DatabaseError.readOnly(path)) {
            try await client.read { try $0.execute("DELETE FROM \(table: "group")") }
        }
        #expect(try await count(client) == 3)
        try await client.close()
    }

    @Test func aWriteableClientReadsOnConnectionsThatCanNotWrite() async throws {
        try await makeFile()
        let client = try await open(.readWrite)
        await #expect(throws: DatabaseError.readOnly(path)) {
            try await client.read { try $0.execute("DELETE FROM \(table: "group")") }
        }
        try await client.close()
    }

    @Test func aFileInAReadOnlyDirectoryCanBeRead() async throws {
        try await makeFile()
        let manager = FileManager.default
        try manager.setAttributes([.posixPermissions: 0o444], ofItemAtPath: path)
        try manager.setAttributes([.posixPermissions: 0o555], ofItemAtPath: directory.url.path)
        defer {
            try? manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.url.path)
        }
        let client = try await open(.readOnly)
        #expect(try await count(client) == 3)
        try await client.read { try $0.createTable(.badge, temporary: true) }
        try await client.close()
        #expect(try manager.contentsOfDirectory(atPath: directory.url.path) == ["repo.sqlite3"])
        // The superuser may write regardless of permissions.
        if getuid() != 0 { await #expect(throws: DatabaseError.readOnly(path)) { try await open(.readWrite) } }
    }

    @Test func theFileStaysInRollbackJournalMode() async throws {
        try await makeFile()
        let client = try await open(.readWrite)
        let mode = try await client.write { try $0.fetchOne("PRAGMA journal_mode") { try $0.text(0) } }
        #expect(mode == "delete")
        #expect(try await client.read { try $0.fetchOne("PRAGMA foreign_keys") { try $0.int(0) } } == 1)
        try await client.close()
        let header = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(20)
        #expect(header[18] == 1 && header[19] == 1)
    }

    @Test func anInMemoryDatabaseIsItsClientsAlone() async throws {
        let one = try await SQLiteClient.open(.memory, DatabaseOptions(access: .create))
        let two = try await SQLiteClient.open(.memory, DatabaseOptions(access: .create))
        try await one.write { try $0.createTable(.group) }
        #expect(try await one.read { try $0.tableNames() } == ["group"])
        #expect(try await two.read { try $0.tableNames() } == [])
        try await one.close()
        try await two.close()
    }

    @Test func urlsOpenFilesAndMemory() async throws {
        let client = try await DatabaseURL(parsing: "sqlite:///" + path).open(DatabaseOptions(access: .create))
        #expect(client.displayName == path)
        try await client.close()
        let memory = try await DatabaseURL(parsing: "sqlite://").open(DatabaseOptions(access: .create))
        #expect(memory.isWriteable)
        try await memory.close()
    }

    // MARK: - Errors

    @Test func aFullDiskIsReportedAndTheTransactionUndone() async throws {
        try await makeFile()
        let connectionPath = path
        let client = try await open(.readWrite)
        await #expect(throws: DatabaseError.diskFull(path)) {
            try await client.write { connection in
                try connection.execute("PRAGMA max_page_count = 10")
                try connection.executeMany(
                    try .insert(into: .group),
                    rows: (10..<100_000).lazy.map { [.int(Int64($0)), .text("g\($0)"), nil] })
            }
        }
        // SQLite ends the transaction, so a closure that goes on after the error must not commit the rest of its work.
        await #expect(throws: DatabaseError.self) {
            try await client.write { connection in
                #expect(throws: DatabaseError.diskFull(connectionPath)) {
                    for number in 10..<100_000 as Range<Int64> {
                        try connection.execute(try .insert(into: .group, values: [.int(number), .text("g\(number)"), nil]))
                    }
                }
                try connection.execute(try .insert(into: .group, values: [9, "later", nil]))
            }
        }
        #expect(try await count(client) == 3)
        // What inserts many rows is undone as a whole, and the transaction is as before.
        try await client.write { connection in
            #expect(throws: DatabaseError.diskFull(connectionPath)) {
                try connection.executeMany(
                    try .insert(into: .group),
                    rows: (10..<5_000).lazy.map { [.int(Int64($0)), .text("g\($0)"), nil] })
            }
            try connection.execute(try .insert(into: .group, values: [9, "later", nil]))
        }
        #expect(try await count(client) == 4)
        try await client.write { try $0.execute("PRAGMA max_page_count = 100000") }
        try await client.close()
    }

    @Test func constraintViolationsNameTableAndColumns() async throws {
        let client = try await open(.create)
        try await client.write { connection in
            for table in [TableSpecification.group, .member, .badge] { try connection.createTable(table) }
            try connection.execute(try .insert(into: .group, values: [1, "a", nil]))
            try connection.execute(try .insert(into: .badge, values: [1]))
        }
        func violation(_ statement: SQL) async throws -> ConstraintViolation? {
            let error = await #expect(throws: DatabaseError.self) {
                try await client.write { try $0.execute(statement) }
            }
            guard case .constraintViolation(let violation)? = error else {
                Issue.record("unexpected: \(String(describing: error))")
                return nil
            }
            #expect(!violation.description.contains("\n"))
            return violation
        }
        func expected(
            _ kind: ConstraintViolation.Kind, _ table: String, _ columns: [String], constraint: String? = nil
        ) -> ConstraintViolation {
            ConstraintViolation(kind: kind, table: table, columns: columns, constraint: constraint, database: path)
        }
        #expect(
            try await violation(.insert(into: .group, values: [1, "b", nil])) == expected(.primaryKey, "group", ["id"]))
        #expect(
            try await violation(.insert(into: .group, values: [2, "a", nil])) == expected(.unique, "group", ["name"]))
        #expect(
            try await violation(.insert(into: .group, values: [2, nil, nil])) == expected(.notNull, "group", ["name"]))
        for name in ["", "12345678901234567"] {
            #expect(
                try await violation(.insert(into: .group, values: [2, .text(name), nil]))
                    == expected(.check, "group", ["name"], constraint: "group_len_name"))
        }
        #expect(try await violation(.insert(into: .member, values: [9, "x"])) == expected(.foreignKey, "member", []))
        #expect(try await violation("DELETE FROM \(table: "group")") == expected(.foreignKey, "group", []))
        try await client.write { try $0.execute(try .insert(into: .member, values: [1, "x"])) }
        #expect(
            try await violation(.insert(into: .member, values: [1, "x"]))
                == expected(.primaryKey, "member", ["group", "name"]))
        try await client.close()
    }

    @Test func aFaultyStatementIsReportedWithItsText() async throws {
        let client = try await open(.create)
        let error = await #expect(throws: DatabaseError.self) { try await client.read { try $0.execute("SELEC 1") } }
        #expect(
            error
                == .statementFailed(
                    reason: "near \"SELEC\": syntax error", statement: "SELEC 1", database: path))
        try await client.close()
    }

    @Test func halfATimespanIsReported() async throws {
        let client = try await open(.create)
        try await client.write { connection in
            try connection.createTable(.samples)
            try connection.execute("INSERT INTO samples (timespan_begin, guid) VALUES (5, 'xyz')")
            try connection.query("SELECT \(result: .column()), \(column: "guid") FROM samples") { row throws in
                #expect(
                    throws: DatabaseError.unexpectedValue(
                        column: "timespan#begin", expected: "two integers or two NULLs", found: "the integer 5")
                ) { try row.timespan(0) }
                #expect(throws: DatabaseError.self) { try row.uuid(1) }
                #expect(throws: DatabaseError.self) { try row.timespan(1) }
                #expect(throws: DatabaseError.self) { try row.int(2) }
            }
        }
        try await client.close()
    }

    @Test func longListsUseTheIndex() async throws {
        try await makeFile()
        let client = try await open(.readOnly)
        let plan = try await client.read { connection in
            try connection.fetchAll(
                "EXPLAIN QUERY PLAN SELECT name FROM \(table: "group") WHERE \(SQL.isIn("\(column: "id")", (0..<50).map { .int($0) }))"
            ) { try $0.text(3) }
        }
        #expect(plan.contains { $0.hasPrefix("SEARCH group USING") }, "\(plan)")
        try await client.close()
    }
}
