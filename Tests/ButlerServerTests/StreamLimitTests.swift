import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Serving
import StructuredData
import Testing

@testable import ButlerServer

@Suite struct StreamLimitTests {
    private func status(_ body: () async throws -> StreamPermit) async -> Int {
        do {
            _ = try await body()
            return 200
        } catch let failure as HTTPFailure {
            #expect(failure.headers[.retryAfter] == "5")
            return failure.status.code
        } catch { return 500 }
    }

    @Test func aUserHasTwoStreamsAndTheProcessTwentyFive() async throws {
        let slots = FairStreamQueue(QueueLimits(waiting: 0))
        var permits = [try await slots.permit(for: "alice"), try await slots.permit(for: "alice")]
        #expect(await status { try await slots.permit(for: "alice") } == 429)
        for number in 0..<22 { permits.append(try await slots.permit(for: "user\(number)")) }
        // Requests without a name count for the process only.
        permits.append(try await slots.permit(for: nil))
        #expect(await status { try await slots.permit(for: nil) } == 503)
        // Overload is told before the user's own limit.
        #expect(await status { try await slots.permit(for: "alice") } == 503)
        permits.removeFirst()
        #expect(await status { try await slots.permit(for: "alice") } == 200)
        #expect(await status { try await slots.permit(for: "bob") } == 200)
    }

    @Test func aPermitEndsOnce() async throws {
        let slots = FairStreamQueue(QueueLimits(running: 2, waiting: 0))
        let first = try await slots.permit(for: "alice")
        let second = try await slots.permit(for: "alice")
        first.end()
        first.end()
        let third = try await slots.permit(for: "alice")
        #expect(await status { try await slots.permit(for: "bob") } == 503)
        withExtendedLifetime((first, second, third)) {}
    }

    private struct Pages: AsyncSequence, AsyncIteratorProtocol, Sendable {
        var left: Int
        var fails = false
        func makeAsyncIterator() -> Pages { self }
        mutating func next() async throws -> Int? {
            if left == 0 {
                if fails { throw HTTPFailure.notFound }
                return nil
            }
            left -= 1
            return left
        }
    }

    @Test func thePermitLastsUntilTheLastPage() async throws {
        let slots = FairStreamQueue(QueueLimits(running: 1, waiting: 0))
        let pages = PermittedPages(base: Pages(left: 2), permit: try await slots.permit(for: nil))
        var iterator = pages.makeAsyncIterator()
        _ = try await iterator.next()
        _ = try await iterator.next()
        #expect(await status { try await slots.permit(for: nil) } == 503)
        #expect(try await iterator.next() == nil)
        #expect(await status { try await slots.permit(for: nil) } == 200)
    }

    @Test func failedAndAbandonedStreamsGiveTheirPermitBack() async throws {
        let slots = FairStreamQueue(QueueLimits(running: 1, waiting: 0))
        let failing = PermittedPages(base: Pages(left: 0, fails: true), permit: try await slots.permit(for: nil))
        await #expect(throws: HTTPFailure.self) { for try await _ in failing {} }
        #expect(await status { try await slots.permit(for: nil) } == 200)
        do {
            let abandoned = PermittedPages(base: Pages(left: 5), permit: try await slots.permit(for: nil))
            for try await _ in abandoned { break }
        }
        #expect(await status { try await slots.permit(for: nil) } == 200)
    }

    private static let query: StructuredValue = [
        "query": [
            "tree": ["dimensions": ["instrument"]], "default_data_id": ["dataId": [:]], "additional_query_inputs": [],
        ], "result_spec": ["result_type": "data_coordinate", "dimensions": ["instrument"]],
    ]

    @Test func streamedRoutesAreRefusedWithTheHeaderThatClientsObey() async throws {
        try await withServer(ServerSetup(queries: QueryLimits(queue: QueueLimits(running: 0, waiting: 0)))) { client, _ async throws in
            let answer = try await client.post("query/execute", Self.query)
            #expect(answer.status == 503 && answer.headers[.retryAfter] == "5")
            #expect(try answer.json()["detail"]?.stringValue?.contains("overloaded") == true)
            // A request that makes no sense is told so first.
            #expect(try await client.post("query/execute", [:]).status == 422)
        }
        try await withServer(ServerSetup(queries: QueryLimits(queue: QueueLimits(runningPerUser: 0, waiting: 0)))) { client, _ async throws in
            let answer = try await client.ask(
                .post, "query/execute", Self.query, headers: [HTTPField.Name("X-Auth-Request-User")!: "alice"])
            #expect(answer.status == 429 && answer.headers[.retryAfter] == "5")
            #expect(try answer.json()["detail"]?.stringValue?.contains("User alice has too many queries") == true)
        }
    }
}
