import Foundation
import Synchronization
import Testing

@testable import Serving

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Starts a service on a free port, hands the port to the body, and stops the service by cancellation of its group.
private func withRunningService(
    _ service: HTTPService, _ body: @escaping @Sendable (Int) async throws -> Void
) async throws {
    let (ports, announce) = AsyncStream.makeStream(of: Int.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await service.run(onReady: { announce.yield($0) }) }
        group.addTask {
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else { return }
            try await body(port)
        }
        try await group.next()
        group.cancelAll()
    }
}

@Suite struct ServiceLifeTests {
    @Test func aPortInUseIsNamedInOneLine() async throws {
        try await withRunningService(sampleService()) { port in
            let second = sampleService(options: ServingOptions(port: port))
            let error = await #expect(throws: ServingError.self) { try await second.run() }
            #expect(error == .portInUse(host: "127.0.0.1", port: port))
            #expect(error?.description.contains("Port \(port)") == true)
            #expect(error?.description.contains("\n") == false)
        }
    }

    @Test func anAddressThatIsNotOursIsNamed() async throws {
        let foreign = sampleService(options: ServingOptions(host: "192.0.2.1", port: 0))
        await #expect(
            throws: ServingError.addressUnavailable(
                host: "192.0.2.1", reason: "no interface has this address")
        ) { try await foreign.run() }
        let nameless = sampleService(options: ServingOptions(host: "no-such-host.invalid", port: 0))
        await #expect(throws: ServingError.self) { try await nameless.run() }
    }

    @Test func theServiceAnswersOnItsSocket() async throws {
        try await withRunningService(sampleService()) { port in
            let url = try #require(URL(string: "http://127.0.0.1:\(port)/"))
            let (data, _) = try await URLSession.shared.data(from: url)
            #expect(String(decoding: data, as: UTF8.self) == #"{"name":"sample"}"#)
        }
    }
}
