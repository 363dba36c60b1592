import StorageFaults
import Testing

@testable import ObjectStorage

/// What happens when an HTTP server is reached over a bad road; see `S3FaultTests`.
@Suite(.serialized) struct WebDAVFaultTests {
    enum Kind: String, CaseIterable {
        case wsgidav, nginx, plain

        var isAvailable: Bool {
            switch self {
            case .wsgidav: Tool.wsgidav != nil
            case .nginx: WebServers.hasNginxProperties
            case .plain: Tool.nginx != nil
            }
        }

        func start(_ scratch: Scratch) async throws -> ServerProcess {
            self == .wsgidav
                ? try await WebServers.wsgidav(scratch)
                : try await WebServers.nginx(scratch, extended: self == .nginx)
        }
    }

    static let kinds = Kind.allCases.filter(\.isAvailable)

    private func with(
        _ kind: Kind, _ body: (_ store: WebDAVObjectStore, _ proxy: FaultProxy, _ direct: WebDAVObjectStore) async throws
            -> Void
    ) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try await kind.start(scratch)
        defer { server.stop() }
        let proxy = try await FaultProxy(server.address)
        do {
            try await body(WebServers.store(proxy.address), proxy, WebServers.store(server.address))
        } catch {
            try await proxy.stop()
            throw error
        }
        try await proxy.stop()
    }

    @Test(arguments: Self.kinds)
    func readsRecover(kind: Kind) async throws {
        try await with(kind) { store, proxy, direct in
            let path = try ObjectPath("read")
            let bytes = pattern(3_000_000)
            try await direct.write(path, bytes: bytes, mode: .overwrite)
            for fault in [
                Fault.status(500), .status(429), .lostAnswer, .resetInAnswer(after: 1_000_000), .cutAnswer(after: 1),
                .cutAnswer(after: 2_999_999),
            ] {
                let before = proxy.faults
                proxy.next([fault], only: { $0.method == "GET" })
                #expect(try await store.read(path) == bytes, "\(fault)")
                #expect(proxy.faults == before + 1, "\(fault)")
            }
        }
    }

    @Test(arguments: Self.kinds)
    func writesRecover(kind: Kind) async throws {
        try await with(kind) { store, proxy, direct in
            let scratch = try Scratch()
            defer { scratch.remove() }
            let bytes = pattern(2_000_000)
            let file = try scratch.file("source", bytes)
            let faults: [Fault] = [
                .status(500), .statusAfterwards(500), .lostAnswer, .resetInRequest(after: 0),
                .resetInRequest(after: 1_000_000), .damagedRequest,
            ]
            for (index, fault) in faults.enumerated() {
                for mode in [WriteMode.createOnly, .overwrite] {
                    let path = try ObjectPath("write/\(index)/\(mode)")
                    let before = proxy.faults
                    proxy.next([fault], only: { $0.method == "PUT" })
                    try await store.write(path, bytes: bytes, mode: mode)
                    #expect(try await direct.read(path) == bytes, "\(fault) \(mode)")
                    proxy.next([fault], only: { $0.method == "PUT" })
                    try await store.write(path, fromLocalFile: file, transfer: .copy, mode: .overwrite)
                    #expect(try await direct.read(path) == bytes, "\(fault) \(mode)")
                    #expect(proxy.faults == before + 2)
                }
            }
        }
    }

    /// A server that has given an object its name, and whose answer is lost, is not asked to do it once more.
    @Test(arguments: Self.kinds.filter { $0 != .plain })
    func namesThatWereGivenAreRecognised(kind: Kind) async throws {
        try await with(kind) { store, proxy, direct in
            let bytes = pattern(100_000)
            for fault in [Fault.lostAnswer, .statusAfterwards(503)] {
                for mode in [WriteMode.createOnly, .overwrite] {
                    let path = try ObjectPath("moved/\(fault)/\(mode)")
                    if mode == .overwrite { try await direct.write(path, bytes: [1], mode: mode) }
                    proxy.next([fault], only: { $0.method == "MOVE" })
                    try await store.write(path, bytes: bytes, mode: mode)
                    #expect(try await direct.read(path) == bytes, "\(fault) \(mode)")
                    let other = try ObjectPath("moved/\(fault)/\(mode) again")
                    let before = proxy.faults
                    proxy.next([fault], only: { $0.method == "MOVE" })
                    try await store.move(path, to: other, mode: mode)
                    #expect(proxy.faults == before + 1)
                    #expect(try await direct.read(other) == bytes, "\(fault) \(mode)")
                    #expect(try await direct.stat(path) == nil)
                }
            }
            // What somebody else has stored is not taken for one's own.
            let taken = try ObjectPath("taken")
            proxy.plan { $0.method == "MOVE" ? .status(412) : nil }
            await expectError({ if case .alreadyExists = $0 { true } else { false } }) {
                try await store.write(taken, bytes: bytes, mode: .createOnly)
            }
            #expect(try await direct.stat(taken) == nil)
        }
    }

    @Test(arguments: Self.kinds)
    func whatIsDamagedAgainAndAgainIsAnError(kind: Kind) async throws {
        try await with(kind) { store, proxy, direct in
            let path = try ObjectPath("damaged/x")
            proxy.plan { $0.method == "PUT" ? .damagedRequest : nil }
            await expectError({ if case .damaged = $0 { true } else { false } }) {
                try await store.write(path, bytes: pattern(100_000), mode: .createOnly)
            }
            // Plain servers have no other name to write to.
            if kind != .plain { #expect(try await direct.stat(path) == nil) }
        }
    }

    @Test func statedDigestsAreUnderstood() {
        let md5: [UInt8] = Array(0..<16)
        for text in ["md5=AAECAwQFBgcICQoLDA0ODw==", "MD5=AAECAwQFBgcICQoLDA0ODw==, adler32=03da0195"] {
            #expect(StoredDigests.stated(["digest": text]) == [.md5: md5], "\(text)")
        }
        #expect(StoredDigests.stated(["repr-digest": "md5=:AAECAwQFBgcICQoLDA0ODw==:"]) == [.md5: md5])
        for text in ["md5=short", "md5", "unixsum=30637", ""] {
            #expect(StoredDigests.stated(["digest": text]) == [:], "\(text)")
        }
    }
}
