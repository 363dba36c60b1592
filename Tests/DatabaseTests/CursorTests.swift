import Foundation
import Testing

@testable import Database

/// Stepping through rows, and producers that make pages of them.
@Suite struct CursorTests {
    private func fill(_ client: any DatabaseClient, _ count: Int) async throws {
        try await client.write { connection in
            try connection.createTable(.group)
            try connection.executeMany(
                try .insert(into: .group), rows: (0..<count).lazy.map { [.int(Int64($0)), .text("g\($0)"), nil] })
        }
    }

    private static let ids: SQL = "SELECT \(column: "id") FROM \(table: "group") ORDER BY \(column: "id")"

    /// Keeps what a closure must not let out.
    private final class Leak<Value>: @unchecked Sendable {
        var value: Value?
    }

    @Test(arguments: Implementation.all)
    func severalCursorsStepIndependently(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 4)
            let seen = try await client.read { connection in
                var seen: [Int64] = []
                let outer = try connection.cursor(Self.ids)
                while try outer.step() {
                    // The same statement again, while the first is in the middle.
                    let inner = try connection.cursor(Self.ids)
                    while try inner.step() { seen.append(10 * (try outer.row.int(0)) + (try inner.row.int(0))) }
                    inner.finish()
                }
                return seen
            }
            #expect(seen == [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33])
        }
    }

    @Test(arguments: Implementation.all)
    func aCursorGivesNothingAfterItsLastRowOrItsEnd(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 2)
            try await client.read { connection in
                let cursor = try connection.cursor(Self.ids)
                #expect(try cursor.step() && cursor.step())
                cursor.finish()
                #expect(try !cursor.step())
                #expect(throws: DatabaseError.self) { try cursor.row.int(0) }
                cursor.finish()
                let empty = try connection.cursor("SELECT 1 WHERE 1 = 0")
                #expect(try !empty.step())
                #expect(try connection.fetchAll(Self.ids) { try $0.int(0) } == [0, 1])
            }
        }
    }

    @Test(arguments: Implementation.all)
    func cursorsEndWithTheirTransaction(_ implementation: Implementation) async throws {
        struct Stop: Error {}
        try await implementation.withClient { client in
            try await fill(client, 3)
            for fails in [false, true] {
                let leak = Leak<any DatabaseCursor>()
                do {
                    try await client.read { connection in
                        let cursor = try connection.cursor(Self.ids)
                        #expect(try cursor.step())
                        leak.value = cursor
                        if fails { throw Stop() }
                    }
                } catch is Stop {}
                let cursor = try #require(leak.value)
                #expect(throws: DatabaseError.self) { try cursor.row.int(0) }
                #expect(try !cursor.step())
                try await client.write { connection in
                    try connection.execute("UPDATE \(table: "group") SET \(column: "rank") = \(value: 1)")
                }
            }
        }
    }

    @Test(arguments: Implementation.all)
    func aWritingTransactionWithAnOpenCursorCommits(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 3)
            try await client.write { connection in
                let cursor = try connection.cursor(Self.ids)
                #expect(try cursor.step())
                try connection.execute("UPDATE \(table: "group") SET \(column: "rank") = \(value: 7)")
            }
            let ranks = try await client.read { connection in
                try connection.fetchAll("SELECT \(column: "rank") FROM \(table: "group")") { try $0.int(0) }
            }
            #expect(ranks == [7, 7, 7])
        }
    }

    // MARK: Producers

    /// Counts up, one page a number, out of a transaction that it holds open.
    private final class Counter: PageProducer {
        private let connection: any DatabaseConnection
        private let count: Int
        private let knowsItsEnd: Bool
        private var made = 0

        init(_ connection: any DatabaseConnection, count: Int, knowsItsEnd: Bool) {
            self.connection = connection
            self.count = count
            self.knowsItsEnd = knowsItsEnd
        }

        var isAtEnd: Bool { knowsItsEnd && made == count }

        func nextPage() throws -> Int? {
            guard made < count else { return nil }
            made += 1
            return try connection.fetchOne("SELECT \(value: made)") { Int(try $0.int(0)) }
        }
    }

    private func writes(_ client: any DatabaseClient) async throws {
        try await client.write { connection in
            try connection.execute("UPDATE \(table: "group") SET \(column: "rank") = \(value: 1)")
        }
    }

    @Test(arguments: Implementation.all)
    func theTransactionOfAProducerEndsAtItsLastPage(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 1)
            let pages = client.pages { Counter($0, count: 3, knowsItsEnd: true) }
            var iterator = pages.makeAsyncIterator()
            for expected in 1...3 { #expect(try await iterator.next() == expected) }
            // Nobody has asked for a fourth page yet.
            try await writes(client)
            #expect(try await iterator.next() == nil)
            #expect(try await iterator.next() == nil)
        }
    }

    @Test(arguments: Implementation.all)
    func aProducerThatDoesNotKnowItsEndIsAskedOnceMore(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            try await fill(client, 1)
            for count in [0, 1, 3] {
                var found: [Int] = []
                for try await page in client.pages({ Counter($0, count: count, knowsItsEnd: false) }) {
                    found.append(page)
                }
                #expect(found == Array(0..<count).map { $0 + 1 })
                try await writes(client)
            }
        }
    }

    @Test(arguments: Implementation.all)
    func aProducerThatCannotStartOrFailsLeavesNothingBehind(_ implementation: Implementation) async throws {
        struct Stop: Error {}
        final class Failing: PageProducer {
            let isAtEnd = false
            private var made = 0
            func nextPage() throws -> Int? {
                made += 1
                if made == 3 { throw Stop() }
                return made
            }
        }
        try await implementation.withClient { client in
            try await fill(client, 1)
            for _ in 0..<6 {
                await #expect(throws: Stop.self) {
                    for try await _ in client.pages({ _ -> Failing in throw Stop() }) {}
                }
                var found: [Int] = []
                await #expect(throws: Stop.self) {
                    for try await page in client.pages({ _ in Failing() }) { found.append(page) }
                }
                #expect(found == [1, 2])
            }
            try await writes(client)
        }
    }

    @Test(arguments: Implementation.all)
    func eachIterationStartsAProducerOfItsOwn(_ implementation: Implementation) async throws {
        try await implementation.withClient { client in
            let pages = client.pages { Counter($0, count: 2, knowsItsEnd: true) }
            var (a, b) = (pages.makeAsyncIterator(), pages.makeAsyncIterator())
            var found: [Int?] = []
            for _ in 0..<2 {
                found.append(try await a.next())
                found.append(try await b.next())
            }
            #expect(found == [1, 1, 2, 2])
        }
    }
}
