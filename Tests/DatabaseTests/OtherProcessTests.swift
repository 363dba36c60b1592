import Dispatch
import Foundation
import Testing

@testable import Database

/// A file that Python's `sqlite3` module has open at the same time.
@Suite(.enabled(if: Python.isAvailable, "needs python3 with its sqlite3 module"))
struct OtherProcessTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.file("shared.sqlite3") }

    init() throws { directory = try TemporaryDirectory() }

    private func open(_ access: DatabaseAccess, busyTimeout: Duration = .seconds(20)) async throws -> SQLiteClient {
        try await SQLiteClient.open(.file(path), DatabaseOptions(access: access, busyTimeout: busyTimeout))
    }

    private func makeFile() async throws {
        let client = try await open(.create)
        try await client.write { try $0.createTable(.group) }
        try await client.close()
    }

    private func names(_ client: SQLiteClient) async throws -> [String] {
        try await client.read { try $0.fetchAll("SELECT name FROM \(table: "group") ORDER BY id") { try $0.text(0) } }
    }

    private func insert(_ client: SQLiteClient, _ id: Int64) async throws {
        try await client.write {
            try $0.execute(try .insert(into: .group, values: [.int(id), .text("swift\(id)"), nil]))
        }
    }

    @Test func aCommitOfAnotherProcessIsSeenByTheNextRead() async throws {
        try await makeFile()
        let client = try await open(.readOnly)
        let python = try Python(path)
        for id in 1...3 {
            try await python.run("c.execute('BEGIN IMMEDIATE')")
            try await python.run("c.execute(\"INSERT INTO 'group' VALUES (\(id), 'p\(id)', NULL)\")")
            #expect(try await names(client).count == id - 1)
            try await python.run("c.execute('COMMIT')")
            #expect(try await names(client).count == id)
        }
        try await client.close()
    }

    @Test func newTablesAndColumnsOfAnotherProcessAreSeen() async throws {
        try await makeFile()
        let client = try await open(.readWrite)
        try await insert(client, 1)
        #expect(try await names(client) == ["swift1"])
        #expect(try await !client.read { try $0.tableExists("later") })
        let python = try Python(path)
        try await python.run("c.execute('CREATE TABLE later (id BIGINT NOT NULL, PRIMARY KEY (id))')")
        try await python.run("c.execute(\"ALTER TABLE 'group' ADD COLUMN extra TEXT\")")
        #expect(try await client.read { try $0.tableExists("later") })
        #expect(try await client.read { try $0.columnNames(of: "group") }.last == "extra")
        #expect(try await names(client) == ["swift1"])
        try await insert(client, 2)
        try await client.write { try $0.execute("INSERT INTO \(table: "later") VALUES (\(value: 5))") }
        #expect(try await python.run("print(c.execute('SELECT id FROM later').fetchall())") == "[(5,)]")
        try await client.close()
    }

    @Test func aWriterWaitsForAnotherWriterAndThenSucceeds() async throws {
        try await makeFile()
        let client = try await open(.readWrite)
        let python = try Python(path)
        try await python.run("c.execute('BEGIN IMMEDIATE'); c.execute(\"INSERT INTO 'group' VALUES (1, 'p', NULL)\")")
        async let written: Void = insert(client, 2)
        try await Task.sleep(for: .milliseconds(150))
        #expect(try await names(client) == [])
        try await python.run("c.execute('COMMIT')")
        try await written
        #expect(try await names(client) == ["p", "swift2"])
        try await client.close()
    }

    @Test func aReaderWaitsForACommitInProgress() async throws {
        try await makeFile()
        let client = try await open(.readOnly)
        let python = try Python(path)
        try await python.run("c.execute('BEGIN EXCLUSIVE'); c.execute(\"INSERT INTO 'group' VALUES (1, 'p', NULL)\")")
        async let found = names(client)
        try await Task.sleep(for: .milliseconds(150))
        try await python.run("c.execute('COMMIT')")
        #expect(try await found == ["p"])
        try await client.close()
    }

    @Test func theCommitStampTellsOfCommitsWithoutWaiting() async throws {
        try await makeFile()
        let client = try await open(.readWrite)
        let first = try #require(client.commitStamp)
        _ = try await names(client)
        #expect(client.commitStamp == first)
        let python = try Python(path)
        // Whoever waited for this lock would never come back.
        try await python.run("c.execute('BEGIN EXCLUSIVE')")
        #expect(client.commitStamp == first)
        try await python.run("c.execute(\"INSERT INTO 'group' VALUES (1, 'p', NULL)\")")
        try await python.run("c.execute('COMMIT')")
        let second = try #require(client.commitStamp)
        #expect(second != first)
        try await insert(client, 2)
        #expect(client.commitStamp != second)
        // The counter takes no lock of the process away when it goes.
        let other = try await open(.readOnly)
        try await python.run("c.execute('PRAGMA journal_mode = WAL')")
        #expect(other.commitStamp == nil)
        try await other.close()
        try await client.close()
        let memory = try await SQLiteClient.open(.memory, DatabaseOptions(access: .create))
        #expect(memory.commitStamp == nil)
        try await memory.close()
    }

    @Test func aCommitCounterThatGoesLeavesLocksInPlace() async throws {
        try await makeFile()
        let client = try await open(.readWrite)
        let (hasWritten, mayCommit) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        async let written: Void = client.write { [path] connection in
            try connection.execute(try .insert(into: .group, values: [.int(1), .text("swift1"), nil]))
            for _ in 0..<3 { #expect(SQLiteCommitCounter(path: path)?.value() != nil) }
            hasWritten.signal()
            mayCommit.wait()
        }
        let python = try Python(path, timeout: 0)
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                hasWritten.wait()
                continuation.resume()
            }
        }
        await #expect(throws: Python.Failure.self) { try await python.run("c.execute('BEGIN IMMEDIATE')") }
        mayCommit.signal()
        try await written
        try await python.run("c.execute('BEGIN IMMEDIATE'); c.execute('COMMIT')")
        try await client.close()
    }

    @Test func waitingTooLongIsReported() async throws {
        try await makeFile()
        let client = try await open(.readWrite, busyTimeout: .milliseconds(120))
        let python = try Python(path)
        try await python.run("c.execute('BEGIN IMMEDIATE')")
        let expected = DatabaseError.locked(path, waited: .milliseconds(120))
        await #expect(throws: expected) { try await insert(client, 1) }
        #expect(try await names(client) == [])
        try await python.run("c.execute('ROLLBACK')")
        // A reader of another process keeps a commit waiting; afterwards nothing of it is left.
        try await python.run("c.execute('BEGIN'); r = c.execute(\"SELECT count(*) FROM 'group'\").fetchall()")
        await #expect(throws: expected) { try await insert(client, 1) }
        try await python.run("c.execute('COMMIT'); c.execute('BEGIN EXCLUSIVE')")
        await #expect(throws: expected) { try await names(client) }
        try await python.run("c.execute('COMMIT')")
        #expect(try await names(client) == [])
        try await insert(client, 1)
        #expect(try await names(client) == ["swift1"])
        try await client.close()
    }

    @Test(.timeLimit(.minutes(5))) func cancellingATaskEndsItsWaitForALock() async throws {
        try await makeFile()
        let client = try await open(.readWrite)
        let python = try Python(path)
        try await python.run("c.execute('BEGIN IMMEDIATE')")
        let task = Task { try await insert(client, 1) }
        let queued = Task { try await insert(client, 2) }
        try await Task.sleep(for: .milliseconds(80))
        queued.cancel()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await queued.value }
        await #expect(throws: CancellationError.self) { try await task.value }
        try await python.run("c.execute('COMMIT')")
        try await insert(client, 3)
        #expect(try await names(client) == ["swift3"])
        try await client.close()
    }

    @Test func noLockIsHeldBetweenTransactions() async throws {
        try await makeFile()
        let client = try await open(.readWrite)
        try await insert(client, 1)
        _ = try await names(client)
        for try await _ in client.stream("SELECT id FROM \(table: "group")", decode: { try $0.int(0) }) {}
        let python = try Python(path, timeout: 0)
        try await python.run("c.execute('BEGIN EXCLUSIVE'); c.execute('COMMIT')")
        try await client.close()
    }

    @Test func aStreamThatStopsEarlyReleasesTheFileAtOnce() async throws {
        try await makeFile()
        let client = try await open(.readWrite)
        try await client.write { connection in
            try connection.executeMany(
                try .insert(into: .group), rows: (0..<1000).map { [.int($0), .text("g\($0)"), nil] })
        }
        let python = try Python(path, timeout: 2)
        for try await _ in client.stream("SELECT id FROM \(table: "group")", pageSize: 10, decode: { try $0.int(0) }) {
            break
        }
        try await python.run("c.execute('BEGIN EXCLUSIVE'); c.execute('COMMIT')")
        try await client.close()
    }

    @Test func whatADeadWriterLeftIsRolledBack() async throws {
        try await makeFile()
        let seed = try await open(.readWrite)
        try await insert(seed, 1)
        let python = try Python(path)
        // A small cache makes the writer change the file before it commits.
        try await python.run("c.execute('PRAGMA cache_size = 5'); c.execute('BEGIN IMMEDIATE')")
        try await python.run(
            "c.executemany(\"INSERT INTO 'group' VALUES (?, ?, NULL)\", [(i, 'n%d' % i) for i in range(10, 20000)])")
        python.kill()
        #expect(FileManager.default.fileExists(atPath: path + "-journal"))

        let reader = try await SQLiteClientProbe.open(path)
        #expect(reader == .needsRecovery(path))
        #expect(try await names(seed) == ["swift1"])
        let client = try await open(.readOnly)
        #expect(try await names(client) == ["swift1"])
        try await client.close()
        try await seed.close()
    }

    @Test func pythonReadsWhatSwiftWrote() async throws {
        let client = try await open(.create)
        let guid = try #require(UUID(uuidString: "840B31D9-05CD-5161-B2C8-00D32B280D0F"))
        try await client.write { connection in
            try connection.createTable(.samples)
            try connection.execute(
                try .insert(
                    into: .samples, columns: ["guid", "flag", "ratio", "timespan", "hash", "raw"],
                    values: [.uuid(guid), true, 0.5, .timespan(.empty), .bytes([1, 2]), .blob([3])]))
        }
        try await client.close()
        let python = try Python(path)
        let row = try await python.run(
            "print(c.execute('SELECT guid, flag, ratio, timespan_begin, timespan_end, hash, raw FROM samples').fetchone())"
        )
        #expect(row == "('840b31d905cd5161b2c800d32b280d0f', 1, 0.5, 4102444800000000000, 0, 'AQI=', b'\\x03')")
    }
}

/// The error that a client which only reads meets at a file.
private enum SQLiteClientProbe {
    static func open(_ path: String) async throws -> DatabaseError? {
        do {
            let client = try await SQLiteClient.open(.file(path), DatabaseOptions(access: .readOnly))
            try await client.close()
            return nil
        } catch let error as DatabaseError {
            return error
        }
    }
}
