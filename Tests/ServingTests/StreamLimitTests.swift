import Hummingbird
import HummingbirdTesting
import Testing

@testable import Serving

@Suite struct StreamLimitTests {
    /// Lines at intervals, for ever.
    private struct Ticks: AsyncSequence, AsyncIteratorProtocol, Sendable {
        let interval: Duration
        func makeAsyncIterator() -> Ticks { self }
        mutating func next() async throws -> [UInt8]? {
            try await Task.sleep(for: interval)
            return Array("line\n".utf8)
        }
    }

    @Test func aSourceThatTakesTooLongEndsWithTheReason() async throws {
        let service = HTTPService(name: "test", options: ServingOptions(port: 0), translate: { _ in nil }) { routes in
            routes.add(
                "/ticks",
                [
                    .get: { _, _ in
                        .jsonLines(
                            Ticks(interval: .milliseconds(20)), keepAlive: Array("alive\n".utf8), every: .seconds(15),
                            limits: StreamLimits(time: .milliseconds(200), waiting: nil),
                            failure: { Array("\($0)\n".utf8) })
                    }
                ])
        }
        try await service.application().test(.router) { client in
            let response = try await client.execute(uri: "/ticks", method: .get)
            let lines = String(buffer: response.body).split(separator: "\n")
            #expect(lines.count > 2)
            #expect(lines.last?.hasPrefix("time(") == true)
        }
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
