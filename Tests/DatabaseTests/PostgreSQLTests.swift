import AstroTime
import CLibPQ
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Database

/// What is special about a database server: others on it, and connections that break.
@Suite(.enabled(if: PostgreSQLCluster.isAvailable, "PostgreSQL's server is not installed"))
struct PostgreSQLTests {
    func withClient<T>(
        readers: Int = 4, busyTimeout: Duration = .seconds(10),
        _ body: (PostgreSQLClient, String) async throws -> T
    ) async throws -> T {
        let cluster = try PostgreSQLCluster.shared.get()
        let schema = PostgreSQLCluster.freshName("server_tests")
        try cluster.administer("CREATE SCHEMA \(schema)")
        let client = try await open(schema, readers: readers, busyTimeout: busyTimeout)
        let result = try await body(client, schema)
        try await client.close()
        return result
    }

    func open(
        _ schema: String, readers: Int = 4, busyTimeout: Duration = .seconds(10)
    ) async throws -> PostgreSQLClient {
        let cluster = try PostgreSQLCluster.shared.get()
        return try await PostgreSQLClient.open(
            try DatabaseURL(parsing: cluster.url + "/postgres"), schema: schema,
            DatabaseOptions(access: .create, busyTimeout: busyTimeout, readerCount: readers))
    }

    func ids(_ client: PostgreSQLClient) async throws -> [Int64] {
        try await client.read { try $0.fetchAll("SELECT id FROM \(table: .group) ORDER BY id") { try $0.int(0) } }
    }

    let process: SQL = "SELECT pg_backend_pid()"

    // MARK: Connections that end without a word

    @Test(arguments: ["copy", "pipeline", "statement"])
    func whateverRunsOnAConnectionThatEndsIsTold(kind: String) throws {
        let cluster = try PostgreSQLCluster.shared.get()
        let session = PostgreSQLSession(
            try DatabaseURL(parsing: cluster.url + "/postgres"), busyTimeout: .seconds(10), PostgreSQLPatience())
        let handle = try PostgreSQLHandle(session, PostgreSQLCanceller())
        try handle.begin("BEGIN")
        try handle.run("CREATE TEMPORARY TABLE t (n integer)")
        let ended = try EndedSocket(inPlaceOf: PQsocket(handle.pointer))
        defer { withExtendedLifetime(ended) {} }
        let error = #expect(throws: DatabaseError.self) {
            switch kind {
            case "copy": _ = try handle.copy("COPY t FROM STDIN", Array("1\n".utf8), table: "t")
            case "pipeline": _ = try handle.runTogether([("SELECT 1", try PostgreSQLValues([]))], table: nil)
            default: try handle.run("SELECT 1")
            }
        }
        guard case .connectionLost = error else {
            Issue.record("\(kind): \(String(describing: error))")
            return
        }
    }

    // MARK: Bulk

    @Test func manyRowsAreInsertedByEveryRuleAsFewAre() async throws {
        try await withClient { client, _ in
            try await client.write { connection in
                try connection.createTable(.group)
                try connection.createTable(.samples)
                let rows = (0..<25_000 as Range<Int64>).map { [SQLValue.int($0), .text("g\($0)"), .null] }
                #expect(try connection.executeMany(try .insert(into: .group), rows: rows) == 25_000)
                #expect(
                    try connection.executeMany(
                        try .insert(into: .group, onConflict: .ignore),
                        rows: (24_000..<26_000 as Range<Int64>).map { [.int($0), .text("g\($0)"), .null] }) == 1000)
                #expect(
                    try connection.executeMany(
                        try .insert(into: .group, onConflict: .update(key: ["id"], set: ["rank"])),
                        rows: (0..<1000 as Range<Int64>).map { [.int($0 % 500), .text("x\($0)"), .int($0)] }) == 1000)
                let last = try connection.fetchOne("SELECT rank FROM \(table: .group) WHERE id = 7") { try $0.int(0) }
                #expect(last == 507)
                // Generated keys, all types and nulls.
                let span = Timespan(storedNanoseconds: 5, 9)
                let guid = UUID()
                let all: [SQLValue] = [
                    .uuid(guid), -3, .int(.min), .double(-0.5), true, "code", "ß", .timespan(span), .bytes([1, 2]),
                    .blob([0, 255]),
                ]
                let none = [SQLValue](repeating: .null, count: 10)
                #expect(
                    try connection.executeMany(
                        try .insert(into: .samples), rows: (0..<2000).map { $0 % 2 == 0 ? all : none }) == 2000)
                var count = 0
                try connection.query(
                    """
                    SELECT \(SQL.results(TableSpecification.samples.columns)) FROM \(table: .samples) \
                    WHERE \(column: "note") IS NOT NULL
                    """
                ) { row throws in
                    count += 1
                    #expect(try row.uuid(1) == guid && row.int(3) == .min && row.timespan(8) == span)
                    #expect(try row.bytes(9) == [1, 2] && row.blob(10) == [0, 255])
                }
                #expect(count == 1000)
            }
        }
    }

    @Test func oneBadRowAmongManyIsNamedAndUndoesThemAll() async throws {
        try await withClient { client, _ in
            try await client.write { try $0.createTable(.group) }
            for rule in [ConflictRule.fail, .ignoreOn(["id"])] {
                let rows = (0..<3000 as Range<Int64>).map { [SQLValue.int($0), .text("g\($0 % 2999)"), .null] }
                let error = await #expect(throws: DatabaseError.self) {
                    try await client.write {
                        _ = try $0.executeMany(try .insert(into: .group, onConflict: rule), rows: rows)
                    }
                }
                guard case .constraintViolation(let violation) = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(violation.kind == .unique && violation.columns == ["name"] && violation.table == "group")
            }
            let name = String(repeating: "x", count: 17)
            let long = (0..<1000 as Range<Int64>).map { [SQLValue.int($0), .text(name), .null] }
            let error = await #expect(throws: DatabaseError.self) {
                try await client.write { _ = try $0.executeMany(try .insert(into: .group), rows: long) }
            }
            guard case .constraintViolation(let violation) = error, violation.kind == .check else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(try await ids(client) == [])
        }
    }

    // MARK: Others at work

    @Test func aReadSeesOneStateAndAWriteTheLatest() async throws {
        try await withClient { client, schema in
            try await client.write { try $0.createTable(.group) }
            let other = try await open(schema)
            @Sendable func count(_ connection: any DatabaseConnection) throws -> Int64? {
                try connection.fetchOne("SELECT count(*) FROM \(table: .group)") { try $0.int(0) }
            }
            @Sendable func insert(_ id: Int64) {
                let group = DispatchGroup()
                group.enter()
                Task {
                    try await other.write { connection in
                        try connection.execute(try .insert(into: .group, values: [.int(id), .text("\(id)"), nil]))
                    }
                    group.leave()
                }
                group.wait()
            }
            let read = try await client.read { connection in
                let before = try count(connection)
                let token = try connection.changeToken()
                insert(1)
                return [before == 0, try count(connection) == 0, try connection.changeToken() == token]
            }
            #expect(read == [true, true, true])
            let write = try await client.write { connection in
                let before = try count(connection)
                let token = try connection.changeToken()
                insert(2)
                return [before == 1, try count(connection) == 2, try connection.changeToken() != token]
            }
            #expect(write == [true, true, true])
            try await other.close()
        }
    }

    @Test func writesThatSaySoAreNoChangeToOthersOfTheirClient() async throws {
        try await withClient { client, schema in
            let other = try await open(schema)
            try await client.write { try $0.createTable(.group) }
            func token() async throws -> DatabaseChangeToken { try await client.read { try $0.changeToken() } }
            func write(_ id: Int, by client: PostgreSQLClient, quietly: Bool) async throws {
                try await client.write { connection in
                    _ = try connection.changeToken()
                    try connection.savepoint {
                        try connection.savepoint { () throws in
                            try connection.execute(
                                try .insert(into: .group, values: [.int(Int64(id)), .text("g\(id)"), nil]))
                        }
                    }
                    if quietly { connection.keepChangeToken() }
                }
            }
            var last = try await token()
            var written = 0
            var isSame = false
            // Commits of other tests on the server are changes.
            while !isSame, written < 300 {
                last = try await token()
                written += 1
                try await write(written, by: client, quietly: true)
                isSame = try await token() == last
            }
            #expect(isSame)
            // What is quiet to one client is not to others, and most writes are not.
            for (writer, isQuiet) in [(client, false), (other, true), (other, false)] {
                last = try await token()
                written += 1
                try await write(written, by: writer, quietly: isQuiet)
                #expect(try await token() != last)
            }
            try await other.close()
            #expect(try await ids(client).count == written)
        }
    }

    @Test func statesThatDifferByQuietTransactionsOnlyHaveOneNumber() {
        let changes = PostgreSQLChanges()
        let first = changes.version("100:100:", on: 1)
        #expect(changes.version("100:100:", on: 1) == first)
        changes.disregard("100,101,102")
        // Newer, under way with another, and older again.
        #expect(changes.version("103:103:", on: 1) == first)
        #expect(changes.version("103:104:103", on: 1) == first)
        #expect(changes.version("100:103:100,101,102", on: 1) == first)
        #expect(changes.version("100:100:", on: 1) == first)
        let second = changes.version("104:104:", on: 1)
        #expect(second != first, "another's")
        #expect(changes.version("103:104:103", on: 1) != second, "before another's")
        let third = changes.version("104:106:104", on: 1)
        changes.disregard("104")
        #expect(changes.version("106:106:", on: 1) == third)
        #expect(changes.version("107:107:", on: 1) != third)
        // The numbers of locks are the low halves, and begin anew.
        let high: UInt64 = 7 << 32
        let late = changes.version("\(high - 1):\(high - 1):", on: 1)
        changes.disregard("\(UInt32.max),0,1")
        #expect(changes.version("\(high + 2):\(high + 2):", on: 1) == late)
        #expect(changes.version("\(high + 5000):\(high + 5000):", on: 1) != late)
        #expect(changes.version("what", on: 1) != changes.version("what", on: 1))
    }

    @Test func aNewConnectionSeesANewState() {
        let changes = PostgreSQLChanges()
        let first = changes.version("100:100:", on: 5)
        #expect(changes.version("100:100:", on: 5) == first)
        // One that was made before is of the same life of the server.
        #expect(changes.version("100:100:", on: 4) == first)
        changes.disregard("100")
        // What comes after a restart may have the numbers of what was lost.
        let second = changes.version("100:100:", on: 6)
        #expect(second != first)
        #expect(changes.version("101:101:", on: 6) != second)
    }

    @Test func savepointsGoWithTheStatementsInThem() async throws {
        try await withClient { client, _ in
            try await client.write { try $0.createTable(.group) }
            for round in 0..<3 as Range<Int64> {
                try await client.write { connection in
                    func insert(_ id: Int64) throws {
                        try connection.execute(try .insert(into: .group, values: [.int(id), .text("g\(id)"), nil]))
                    }
                    try connection.savepoint {}
                    try insert(round * 10)
                    // The first statement inside fails, then one after another level has ended; nothing was sent at all.
                    #expect(throws: DatabaseError.self) { try connection.savepoint { try insert(round * 10) } }
                    #expect(throws: DatabaseError.self) {
                        try connection.savepoint {
                            try connection.savepoint { try insert(round * 10 + 1) }
                            try insert(round * 10)
                        }
                    }
                    #expect(throws: CancellationError.self) { try connection.savepoint { throw CancellationError() } }
                    try connection.savepoint { try connection.savepoint { try insert(round * 10 + 2) } }
                }
            }
            #expect(try await ids(client) == [0, 2, 10, 12, 20, 22])
        }
    }

    @Test func lockedTablesAreWaitedForOnlyAsLongAsAllowed() async throws {
        try await withClient(busyTimeout: .milliseconds(300)) { client, schema in
            try await client.write { try $0.createTable(.group) }
            let other = try await open(schema)
            let isHeld = DispatchSemaphore(value: 0)
            let mayGo = DispatchSemaphore(value: 0)
            let holding = Task {
                try await other.write { connection in
                    try connection.lock(["group"])
                    isHeld.signal()
                    mayGo.wait()
                }
            }
            await Task.detached { isHeld.wait() }.value
            await #expect(throws: DatabaseError.locked(client.displayName, waited: .milliseconds(300))) {
                try await client.write { try $0.lock(["group"]) }
            }
            // Readers are not kept out.
            #expect(try await ids(client) == [])
            mayGo.signal()
            try await holding.value
            try await client.write { try $0.lock(["group"]) }
            try await other.close()
        }
    }

    @Test func readersMayNotWriteButMayHaveTemporaryTables() async throws {
        try await withClient { client, _ in
            try await client.write { try $0.createTable(.group) }
            for statement in [
                "DELETE FROM \(table: .group)", try SQL.insert(into: .group, values: [1, "a", nil]),
                "CREATE TABLE \(table: "other") (id BIGINT)",
            ] as [SQL] {
                await #expect(throws: DatabaseError.readOnly(client.displayName)) {
                    try await client.read { _ = try $0.execute(statement) }
                }
            }
            let table = TableSpecification("given", columns: [ColumnSpecification("a", .int)], primaryKey: ["a"])
            let sum = try await client.read { connection in
                try connection.createTable(table, temporary: true)
                try connection.executeMany(
                    try .insert(into: table, temporary: true), rows: (1...1000).lazy.map { [.int($0)] })
                return try connection.fetchOne("SELECT sum(a) FROM \(temporary: "given")") { try $0.int(0) }
            }
            #expect(sum == 500_500)
        }
    }

    // MARK: What breaks

    @Test func aConnectionThatEndsBetweenTransactionsIsMadeAnew() async throws {
        try await withClient(readers: 1) { client, _ in
            let first = try await client.read { try $0.fetchOne(process) { try $0.int(0) } }
            try PostgreSQLCluster.shared.get().administer("SELECT pg_terminate_backend(\(first ?? 0))")
            let second = try await client.read { try $0.fetchOne(process) { try $0.int(0) } }
            #expect(second != nil && second != first)
            #expect(client.isReachable)
        }
    }

    @Test func aWriteWhoseConnectionEndsSaysSoAndLeavesNothing() async throws {
        try await withClient { client, _ in
            try await client.write { try $0.createTable(.group) }
            let error = await #expect(throws: DatabaseError.self) {
                try await client.write { connection in
                    try connection.execute(try .insert(into: .group, values: [1, "a", nil]))
                    let own = try connection.fetchOne(process) { try $0.int(0) } ?? 0
                    try PostgreSQLCluster.shared.get().administer("SELECT pg_terminate_backend(\(own))")
                    try connection.execute(try .insert(into: .group, values: [2, "b", nil]))
                }
            }
            guard case .connectionLost(_, _, mayHaveCommitted: false) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.isOutage == true)
            #expect(try await ids(client) == [])
            try await client.write { try $0.execute(try .insert(into: .group, values: [3, "c", nil])) }
            #expect(try await ids(client) == [3])
        }
    }

    @Test func aReadWhoseConnectionEndsIsRepeatedOnce() async throws {
        try await withClient(readers: 1) { client, _ in
            let attempts = Mutex(0)
            let value = try await client.read { connection in
                let attempt = attempts.withLock { $0 += 1; return $0 }
                let own = try connection.fetchOne(process) { try $0.int(0) } ?? 0
                if attempt == 1 {
                    try PostgreSQLCluster.shared.get().administer("SELECT pg_terminate_backend(\(own))")
                }
                return try connection.fetchOne("SELECT 7") { try $0.int(0) }
            }
            #expect(value == 7 && attempts.withLock { $0 } == 2)
        }
    }

    /// Where two transactions wait for each other.
    private final class Meeting: Sendable {
        private let arrived = Mutex(0)

        func arrive() {
            arrived.withLock { $0 += 1 }
            while arrived.withLock({ $0 }) < 2 { usleep(1000) }
        }
    }

    private func lockBoth(_ client: PostgreSQLClient, _ tables: [String], _ meeting: Meeting) async -> DatabaseError? {
        do {
            try await client.write { connection in
                try connection.lock([tables[0]])
                meeting.arrive()
                try connection.lock([tables[1]])
            }
            return nil
        } catch {
            return error as? DatabaseError
        }
    }

    @Test func aDeadlockEndsOneOfTheTwoAndSaysThatItMayBeRepeated() async throws {
        try await withClient { client, schema in
            try await client.write { connection in
                try connection.createTable(.group)
                try connection.createTable(.badge)
            }
            let other = try await open(schema)
            let meeting = Meeting()
            async let first = lockBoth(client, ["group", "badge"], meeting)
            async let second = lockBoth(other, ["badge", "group"], meeting)
            let errors = await [first, second].compactMap { $0 }
            #expect(errors.count == 1)
            guard case .transactionConflict? = errors.first else {
                Issue.record("\(errors)")
                return
            }
            try await other.close()
        }
    }

    /// A server that has no connection left for the question whether it is at work may be at work.
    @Test func aStatementThatTakesLongIsWaitedForByAServerThatIsFull() async throws {
        try await withClient { client, schema in
            try await client.write { try $0.createTable(.group) }
            let cluster = try PostgreSQLCluster.shared.get()
            let role = PostgreSQLCluster.freshName("full")
            try cluster.administer(
                "CREATE ROLE \(role) LOGIN CONNECTION LIMIT 1", "GRANT USAGE ON SCHEMA \(schema) TO \(role)",
                "GRANT ALL ON \(schema).\"group\" TO \(role)")
            var patience = PostgreSQLPatience()
            patience.silence = .seconds(1)
            let url = cluster.url.replacing("postgres@", with: role + "@") + "/postgres"
            let full = try await PostgreSQLClient.open(
                try DatabaseURL(parsing: url), schema: schema,
                DatabaseOptions(access: .readOnly, busyTimeout: .seconds(60), readerCount: 1), patience)
            #expect(try await ids(full) == [])
            let isHeld = DispatchSemaphore(value: 0)
            let holding = Task {
                try await client.write { connection in
                    try connection.execute("LOCK TABLE \(table: .group) IN ACCESS EXCLUSIVE MODE")
                    isHeld.signal()
                    sleep(4)
                    try connection.execute(try .insert(into: .group, values: [1, "a", nil]))
                }
            }
            await Task.detached { isHeld.wait() }.value
            let first = try await full.read { connection in
                try connection.fetchOne("SELECT count(*) FROM \(table: .group)") { try $0.int(0) }
            }
            // The transaction's one state was taken before that.
            #expect(first == 0)
            try await holding.value
            try await full.close()
            try cluster.administer("DROP OWNED BY \(role)", "DROP ROLE \(role)")
        }
    }

    @Test func aDatabaseOfAnotherEncodingIsReadAndWritten() async throws {
        let cluster = try PostgreSQLCluster.shared.get()
        let name = PostgreSQLCluster.freshName("latin")
        try cluster.administer("CREATE DATABASE \(name) TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'")
        let url = try DatabaseURL(parsing: cluster.url + "/" + name)
        let client = try await PostgreSQLClient.open(url, DatabaseOptions(access: .readWrite))
        try await client.write { connection in
            try connection.createTable(.group)
            let rows = (0..<1000 as Range<Int64>).map { [SQLValue.int($0), .text("é\($0)"), .null] }
            try connection.executeMany(try .insert(into: .group), rows: rows)
        }
        let found = try await client.read { connection in
            try connection.fetchAll(
                "SELECT name FROM \(table: .group) WHERE name IN (\(value: "é7"), \(value: "e7"))"
            ) { try $0.text(0) }
        }
        #expect(found == ["é7"])
        // What the database cannot hold is refused.
        let error = await #expect(throws: DatabaseError.self) {
            try await client.write { try $0.execute(try .insert(into: .group, values: [-1, "日", nil])) }
        }
        #expect(error?.description.contains("LATIN1") == true)
        try await client.close()
        try cluster.administer("CREATE DATABASE \(name)_bytes TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'")
        await #expect(throws: DatabaseError.self) {
            _ = try await PostgreSQLClient.open(
                try DatabaseURL(parsing: cluster.url + "/" + name + "_bytes"), DatabaseOptions(access: .readOnly))
        }
    }

    @Test func aServerThatIsNotThereIsAnOutage() async throws {
        let error = await #expect(throws: DatabaseError.self) {
            _ = try await PostgreSQLClient.open(
                try DatabaseURL(parsing: "postgresql://somebody:secret@127.0.0.1:1/nothing"),
                DatabaseOptions(access: .readOnly))
        }
        #expect(error?.isOutage == true)
        #expect(error?.description.contains("secret") == false)
    }
}
