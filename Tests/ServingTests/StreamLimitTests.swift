import Hummingbird
import HummingbirdTesting
import Testing

@testable import Serving

@Suite struct StreamLimitTests {
    /// Three lines at once, and no more for as long as anyone waits.
    private struct Stalling: AsyncSequence, AsyncIteratorProtocol, Sendable {
        private var given = 0
        func makeAsyncIterator() -> Stalling { self }
        mutating func next() async throws -> [UInt8]? {
            if given == 3 { try await Task.sleep(for: .seconds(3600)) }
            given += 1
            return Array("line \(given)\n".utf8)
        }
    }

    @Test func aSourceThatTakesTooLongEndsWithTheReason() async throws {
        let service = HTTPService(name: "test", options: ServingOptions(port: 0), translate: { _ in nil }) { routes in
            routes.add(
                "/stalling",
                [
                    .get: { _, _ in
                        try await .jsonLines(
                            Stalling(), keepAlive: Array("alive\n".utf8), every: .seconds(3600),
                            limits: StreamLimits(time: .seconds(2), waiting: nil),
                            failure: { Array("\($0)\n".utf8) })
                    }
                ])
        }
        try await service.application().test(.router) { client in
            let response = try await client.execute(uri: "/stalling", method: .get)
            let lines = String(buffer: response.body).split(separator: "\n").map(String.init)
            // A busy machine may not get to every line within the limit.
            let sent = lines.dropLast()
            #expect(sent == ["line 1", "line 2", "line 3"].prefix(sent.count))
            #expect(lines.last?.hasPrefix("time(") == true)
        }
    }

    private struct Outage: Error {}

    /// What comes after a wait: lines, or an error after them.
    private struct Delayed: AsyncSequence, AsyncIteratorProtocol, Sendable {
        let delay: Duration
        var lines: Int
        func makeAsyncIterator() -> Delayed { self }
        mutating func next() async throws -> [UInt8]? {
            try await Task.sleep(for: delay)
            guard lines > 0 else { throw Outage() }
            lines -= 1
            return Array("line\n".utf8)
        }
    }

    /// The answer to a source, with keep-alive lines at intervals.
    private func answer(_ lines: Delayed, every interval: Duration) async throws -> (status: Int, text: String) {
        let service = HTTPService(
            name: "test", options: ServingOptions(port: 0),
            translate: { $0 is Outage ? Response(status: .serviceUnavailable) : nil }
        ) { routes in
            routes.add(
                "/lines",
                [
                    .get: { _, _ in
                        try await .jsonLines(
                            lines, keepAlive: Array("alive\n".utf8), every: interval,
                            limits: StreamLimits(time: nil, waiting: nil, beginning: .seconds(3600)),
                            refusing: { $0 is Outage }, failure: { Array("\($0)\n".utf8) })
                    }
                ])
        }
        return try await service.application().test(.router) { client in
            let response = try await client.execute(uri: "/lines", method: .get)
            return (response.status.code, String(buffer: response.body))
        }
    }

    @Test func anOutageBeforeTheFirstLineHasAStatusOfItsOwn() async throws {
        let early = try await answer(Delayed(delay: .milliseconds(20), lines: 0), every: .seconds(3600))
        #expect(early == (503, ""))
        let within = try await answer(Delayed(delay: .milliseconds(20), lines: 2), every: .seconds(3600))
        #expect(within == (200, "line\nline\nOutage()\n"))
    }

    @Test func aSlowFirstLineIsBridgedByOthers() async throws {
        let late = try await answer(Delayed(delay: .seconds(2), lines: 0), every: .milliseconds(200))
        #expect(late.status == 200)
        #expect(late.text.hasPrefix("alive\n") && late.text.hasSuffix("alive\nOutage()\n"))
    }

    @Test func aSourceEndsWithTheResponseThatNobodySends() async throws {
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        do {
            let lines = AsyncStream<[UInt8]> { continuation in
                continuation.onTermination = { _ in end.finish() }
                continuation.yield(Array("line\n".utf8))
            }
            _ = try await Response.jsonLines(
                lines, keepAlive: Array("alive\n".utf8), every: .seconds(15), failure: { Array("\($0)\n".utf8) })
        }
        for await _ in ended {}
    }

    @Test func patienceIsTheSumOfAllWaiting() async throws {
        let patience = ReaderPatience(limit: .milliseconds(200))
        let watch = Task { try await patience.watch() }
        // Each wait is far shorter than the limit; only their sum, after seven or more, exceeds it.
        let reader = Task {
            for _ in 0..<1000 where !Task.isCancelled {
                patience.begin()
                try await Task.sleep(for: .milliseconds(30))
                patience.end()
            }
        }
        await #expect(throws: StreamLimitExceeded.waiting(.milliseconds(200))) { try await watch.value }
        reader.cancel()
    }

    @Test func theGateAdmitsUpToItsLimitAndNobodyWhileItDrains() async throws {
        let gate = RequestGate(limit: 2)
        var passes = [try gate.enter().get(), try gate.enter().get()]
        #expect(throws: RefusedRequest.self) { try gate.enter().get() }
        passes.removeLast()
        #expect(gate.count == 1)
        gate.drain()
        #expect(throws: RefusedRequest.self) { try gate.enter().get() }
        async let emptied: Void = gate.waitUntilEmpty()
        passes.removeAll()
        await emptied
        #expect(gate.count == 0)
    }
}
