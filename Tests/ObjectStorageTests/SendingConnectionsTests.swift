import Foundation
import NIOCore
import NIOPosix
import StorageFaults
import Synchronization
import Testing

@testable import ObjectStorage

/// Requests that send bytes have connections of their own. What a bad road does to them is in `S3FaultTests`.
@Suite struct SendingConnectionsTests {
    private final class Count: Sendable {
        let value = Mutex(0)
        func add() { value.withLock { $0 += 1 } }
    }

    private func head(_ address: String, _ target: String = "/b/k") -> HTTPTransport.Head {
        let parts = address.split(separator: "://")
        return HTTPTransport.Head(
            method: .PUT, scheme: parts[0] + "://", host: String(parts[1]), target: target,
            headers: ["host": String(parts[1])])
    }

    private func requests(_ count: Count, _ adjust: (inout HTTPSettings) -> Void = { _ in }) -> SendingConnections {
        var settings = HTTPSettings()
        adjust(&settings)
        return SendingConnections(settings, tls: nil, loops: MultiThreadedEventLoopGroup.singleton) { _ in count.add() }
    }

    @Test func oneConnectionServesOneRequestAfterAnother() async throws {
        let server = try await SmallServer { ($0.uri == "/no" ? 404 : 200, "\($0.method) \($0.body)") }
        let (count, loop) = (Count(), MultiThreadedEventLoopGroup.singleton.next())
        let requests = requests(count)
        let executor = try await loop.submit { LoopExecutor.of(loop) }.get()
        try await withTaskExecutorPreference(executor) {
            for number in 0..<5 {
                let answer = try await requests.send(head(server.address), .bytes(ByteBuffer(string: "\(number)")))
                #expect(answer.status == 200 && answer.text == "PUT \(number)")
                // The answer comes where the task is.
                #expect(loop.inEventLoop)
            }
            #expect(try await requests.send(head(server.address, "/no"), .bytes(ByteBuffer())).status == 404)
        }
        #expect(count.value.withLock { $0 } == 1)
        requests.close()
        try await server.stop()
    }

    @Test func manyAtATimeEachGetTheirAnswer() async throws {
        let server = try await SmallServer { (200, $0.body) }
        let requests = requests(Count())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let text = String(repeating: "\(number) ", count: number * 50)
                    let answer = try await requests.send(head(server.address), .bytes(ByteBuffer(string: text)))
                    #expect(answer.text == text)
                }
            }
            try await group.waitForAll()
        }
        requests.close()
        try await server.stop()
    }

    @Test func aTaskThatIsCancelledWaitsNoLonger() async throws {
        let server = try await SmallServer { (200, $0.body) }
        let proxy = try await FaultProxy(server.address)
        let requests = requests(Count())
        proxy.next([.stall(after: -1)])
        let task = Task { try await requests.send(head(proxy.address), .bytes(ByteBuffer(string: "lost"))) }
        while proxy.faults == 0 { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        // One that is cancelled before it begins.
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await requests.send(head(proxy.address), .bytes(ByteBuffer(string: "never")))
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(try await requests.send(head(proxy.address), .bytes(ByteBuffer(string: "next"))).text == "next")
        requests.close()
        try await proxy.stop()
        try await server.stop()
    }

    @Test func connectionsThatNobodyUsesAreClosedAfterAWhile() async throws {
        let server = try await SmallServer { (200, $0.body) }
        let count = Count()
        let requests = requests(count) { ($0.keepAlive, $0.idleTimeout) = (.milliseconds(50), .milliseconds(1000)) }
        #expect(try await requests.send(head(server.address), .bytes(ByteBuffer(string: "one"))).text == "one")
        try await Task.sleep(for: .seconds(2))
        #expect(try await requests.send(head(server.address), .bytes(ByteBuffer(string: "two"))).text == "two")
        #expect(count.value.withLock { $0 } == 2)
        requests.close()
        try await server.stop()
    }

    @Test func addressesHaveNamesAndPorts() {
        func parts(_ scheme: String, _ host: String) -> String? {
            SendingConnections.Origin(scheme: scheme, host: host).address.map { "\($0.name) \($0.port)" }
        }
        #expect(parts("http://", "store") == "store 80")
        #expect(parts("https://", "store") == "store 443")
        #expect(parts("https://", "store:9000") == "store 9000")
        #expect(parts("http://", "[::1]") == "::1 80")
        #expect(parts("http://", "[::1]:81") == "::1 81")
        #expect(parts("http://", "store:x") == nil)
        #expect(parts("http://", "") == nil)
    }

    @Test(.enabled(if: Tool.rclone != nil && Tool.path("openssl") != nil, "needs rclone and openssl"))
    func connectionsAreEncryptedAndCertificatesAreChecked() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let (certificate, key) = (scratch.path + "/cert.pem", scratch.path + "/key.pem")
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: Tool.path("openssl") ?? "")
        openssl.arguments = [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        let server = try await S3Servers.rclone(scratch, arguments: ["--cert", certificate, "--key", key])
        defer { server.stop() }
        for name in ["localhost", "127.0.0.1"] {
            let address = "https://\(name):\(server.port)"
            let client = try S3Servers.client(address, ownConnections: true) { $0.certificates = certificate }
            let location = S3Location(bucket: "bucket", key: "encrypted")
            for number in 0..<3 {
                let bytes = [UInt8](repeating: UInt8(number), count: 200_000)
                try await client.put(location, S3Body(bytes), mode: .overwrite)
            }
            let stranger = try S3Servers.client(address, ownConnections: true)
            await #expect(throws: ObjectStorageError.self) {
                try await stranger.put(location, S3Body([1]), mode: .overwrite)
            }
            #expect(try await client.stat(location)?.status.size == 200_000)
        }
    }
}
