import Foundation
import Synchronization
import Testing

@testable import Database

/// Reading page by page, on every implementation.
@Suite struct StreamTests {
    private func fill(_ client: any DatabaseClient, _ count: Int) async throws {
        try await client.write { connection in
            try connection.createTable(.group)
            try connection.executeMany(
                try .insert(into: .group), rows: (0..<count).lazy.map { [.int(Int64($0)), .text("g\($0)"), nil] })
        }
    }

    private let all: SQL = "SELECT \(column: "id") FROM \(table: "group") ORDER BY \(column: "id")"

    /// Fails when a reader still holds the file.
    private func writes(_ client: any DatabaseClient) async throws {
        try await client.write { connection in
            try connection.execute("UPDATE \(table: "group") SET \(column: "rank") = \(value: 1)")
        }
    }

    @Test(arguments: Implementation.all)
    func pagesHoldAllRowsInOrder(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 2500)
            for (size, expected) in [(1000, [1000, 1000, 500]), (2500, [2500]), (5000, [2500])] {
                var sizes: [Int] = []
                var rows: [Int64] = []
                for try await page in client.stream(all, pageSize: size, decode: { try $0.int(0) }) {
                    sizes.append(page.count)
                    rows += page
                }
                #expect(sizes == expected)
                #expect(rows == Array(0..<2500))
            }
            for try await _ in client.stream("SELECT 1 WHERE 1 = 0", decode: { try $0.int(0) }) {
                Issue.record("an empty result has no page")
            }
            try await writes(client)
        }
    }

    @Test(arguments: Implementation.all)
    func stoppingEarlyEndsTheTransaction(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 2000)
            for _ in 0..<8 {
                for try await page in client.stream(all, pageSize: 10, decode: { try $0.int(0) }) where page[0] > 50 {
                    break
                }
            }
            try await writes(client)
        }
    }

    @Test(arguments: Implementation.all)
    func cancellingTheConsumerEndsTheTransaction(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 2000)
            let (started, starter) = AsyncStream.makeStream(of: Void.self)
            let statement = all
            let task = Task {
                for try await _ in client.stream(statement, pageSize: 10, decode: { try $0.int(0) }) {
                    starter.yield()
                    try? await Task.sleep(for: .seconds(60))
                }
            }
            for await _ in started { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await writes(client)
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: Implementation.all)
    func cancellingALongStatementInterruptsIt(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            let endless: SQL = """
                WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter) SELECT max(n) FROM counter
                """
            let query = Task { try await client.read { try $0.fetchOne(endless) { try $0.int(0) } } }
            let stream = Task { for try await _ in client.stream(endless, decode: { try $0.int(0) }) {} }
            try await Task.sleep(for: .milliseconds(50))
            query.cancel()
            stream.cancel()
            await #expect(throws: CancellationError.self) { try await query.value }
            await #expect(throws: CancellationError.self) { try await stream.value }
            #expect(try await client.read { try $0.fetchOne("SELECT 7") { try $0.int(0) } } == 7)
        }
    }

    /// A cancellation can come at any moment, also while the transaction of a stream ends by itself.
    @Test(arguments: Implementation.all)
    func noConnectionIsLeftInATransaction(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 300)
            for round in 0..<400 {
                let stream = Task {
                    for try await page in client.stream(all, pageSize: 50, decode: { try $0.int(0) }) {
                        if round % 3 == 0, page[0] >= 100 { throw Stopped() }
                    }
                }
                if round % 2 == 0 { try await Task.sleep(for: .microseconds(round * 3)) }
                stream.cancel()
                _ = await stream.result
            }
            for _ in 0..<16 {
                var count = 0
                for try await page in client.stream(all, pageSize: 50, decode: { try $0.int(0) }) { count += page.count }
                #expect(count == 300)
            }
            try await writes(client)
        }
    }

    private struct Stopped: Error {}

    @Test(arguments: Implementation.all)
    func theProducerWaitsForASlowConsumer(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 1000)
            let produced = Mutex(0)
            let pages = client.pages(
                pageSize: 10, prepare: { _ in "SELECT \(column: "id") FROM \(table: "group")" }, makePage: { 0 }
            ) { page, _ in
                page += 1
                produced.withLock { $0 += 1 }
            }
            var consumed = 0
            for try await page in pages {
                consumed += page
                if consumed <= 50 { try await Task.sleep(for: .milliseconds(5)) }
                // Two pages are made ahead.
                #expect(produced.withLock { $0 } <= consumed + 20)
            }
            #expect(consumed == 1000)
        }
    }

    @Test(arguments: Implementation.all)
    func aStreamMayPrepareTemporaryTables(_ implementation: Implementation) async throws {
        var table = TableSpecification.group
        table.name = "wanted"
        let wanted = table
        try await implementation.withClient { client in
            try await fill(client, 100)
            let pages = client.pages(
                pageSize: 2,
                prepare: { connection in
                    try connection.createTable(wanted, temporary: true)
                    try connection.executeMany(
                        try .insert(into: wanted, temporary: true),
                        rows: [[7, "a", nil], [8, "b", nil], [9, "c", nil]])
                    return """
                        SELECT \(column: "name", of: "g") FROM \(table: "group") AS g \
                        JOIN \(temporary: "wanted") AS w ON w.id = g.id ORDER BY g.id
                        """
                },
                makePage: { "" }, append: { page, row in page += try row.text(0) })
            for _ in 0..<2 {
                var result: [String] = []
                for try await page in pages { result.append(page) }
                #expect(result == ["g7g8", "g9"])
            }
        }
    }

    @Test(arguments: Implementation.all)
    func errorsEndTheStream(_ implementation: Implementation) async throws {
        struct Stop: Error {}
        try await implementation.withClient { client in
            try await fill(client, 100)
            for _ in 0..<6 {
                await #expect(throws: Stop.self) {
                    for try await _ in client.stream(
                        all, pageSize: 10, decode: { if try $0.int(0) == 55 { throw Stop() } })
                    {}
                }
                await #expect(throws: DatabaseError.noSuchTable("nowhere", database: client.displayName)) {
                    for try await _ in client.stream("SELECT 1 FROM \(table: "nowhere")", decode: { _ in }) {}
                }
            }
            try await writes(client)
        }
    }

    @Test(arguments: Implementation.all)
    func moreStreamsThanConnectionsTakeTurns(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 500)
            let statement = all
            let counts = try await withThrowingTaskGroup { group in
                for _ in 0..<12 {
                    group.addTask {
                        var count = 0
                        for try await page in client.stream(statement, pageSize: 50, decode: { try $0.int(0) }) {
                            count += page.count
                        }
                        return count
                    }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(counts == Array(repeating: 500, count: 12))
            try await writes(client)
        }
    }

    @Test(arguments: Implementation.all)
    func aTaskCancelledInTheQueueDoesNotWait(_ implementation: Implementation) async throws {
        let options = DatabaseOptions(access: .create, busyTimeout: .seconds(10), readerCount: 1)
        try await implementation.withClient(options) { client in
            try await fill(client, 100)
            for try await _ in client.stream(all, pageSize: 10, decode: { try $0.int(0) }) {
                let waiting = Task { try await client.read { _ in } }
                try await Task.sleep(for: .milliseconds(20))
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
                break
            }
            #expect(try await client.read { try $0.tableExists("group") })
        }
    }
}
