import Foundation
import Synchronization
import Testing

@testable import Database

/// Batches that the server makes while one is used.
extension PostgreSQLTests {
    @Test func otherStatementsMayComeWhileTheServerMakesABatch() async throws {
        try await withClient { client, _ in
            let series: SQL = "SELECT n FROM generate_series(1, 30000) AS s (n)"
            let (sums, others) = try await client.read { connection in
                let cursors = [try connection.cursor(series), try connection.cursor(series)]
                var sums = [0, 0] as [Int64]
                var others = 0
                // Both are in the middle of a batch when the other one, or neither, is asked for something.
                while try cursors[0].step() {
                    sums[0] += try cursors[0].row.int(0)
                    if try cursors[1].step() { sums[1] += try cursors[1].row.int(0) }
                    if sums[0] % 997 == 0 {
                        others += Int(try connection.fetchOne("SELECT 1") { try $0.int(0) } ?? 0)
                    }
                }
                return (sums, others)
            }
            #expect(sums == [450_015_000, 450_015_000] && others > 10)
        }
    }

    @Test func whoLeavesInTheMiddleDoesNotWaitForTheBatch() async throws {
        try await withClient(readers: 1) { client, _ in
            // The next batch would take an hour.
            let slow: SQL = """
                SELECT n, CASE WHEN n > 200 THEN CAST(pg_sleep(1) AS TEXT) END FROM generate_series(1, 4000) AS s (n)
                """
            for _ in 0..<3 {
                try await client.read { connection in
                    let cursor = try connection.cursor(slow)
                    for _ in 0..<200 { #expect(try cursor.step()) }
                }
                let next = try await client.read { try $0.fetchOne("SELECT 7") { try $0.int(0) } }
                #expect(next == 7)
            }
        }
    }

    @Test func whatABatchAheadMeetsIsTheErrorOfWhoAsksNext() async throws {
        try await withClient { client, _ in
            let broken: SQL = "SELECT n, 1 / (n - 300) FROM generate_series(1, 1000) AS s (n)"
            for asksAnother in [false, true] {
                let error = await #expect(throws: DatabaseError.self) {
                    try await client.read { connection in
                        let cursor = try connection.cursor(broken)
                        for _ in 0..<200 { #expect(try cursor.step()) }
                        if asksAnother { _ = try connection.fetchOne("SELECT 1") { try $0.int(0) } }
                        _ = try cursor.step()
                    }
                }
                #expect(error?.description.contains("division by zero") == true, "\(String(describing: error))")
            }
            // A transaction that writes asks for no row before somebody wants it.
            try await client.write { connection in
                try connection.createTable(.group)
                let cursor = try connection.cursor(broken)
                for _ in 0..<200 { #expect(try cursor.step()) }
                try connection.execute(try .insert(into: .group, values: [1, "g", nil]))
            }
            #expect(try await ids(client) == [1])
        }
    }
}
