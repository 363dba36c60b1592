import NIOHTTP1
import StorageFaults
import Testing

@testable import ObjectStorage

/// Doors of storage systems send their clients on, more than once.
@Suite struct RedirectionTests {
    @Test(arguments: [
        ("http://a/b/c/d?q", "g", "http://a/b/c/g"), ("http://a/b/c/d", "./g", "http://a/b/c/g"),
        ("http://a/b/c/d", "g/", "http://a/b/c/g/"), ("http://a/b/c/d?q", "/g", "http://a/g"),
        ("http://a/b/c/d", "//g/x", "http://g/x"), ("http://a/b/c/d?q", "?y", "http://a/b/c/d?y"),
        ("http://a/b/c/d", "g?y#s", "http://a/b/c/g?y"), ("http://a/b/c/d", "..", "http://a/b/"),
        ("http://a/b/c/d", "../../../g", "http://a/g"), ("http://a/b/c/d", ".", "http://a/b/c/"),
        ("https://a", "g", "https://a/g"), ("http://a/b//c", "d//e", "http://a/b//d//e"),
        ("http://a/b", "https://c:8/d", "https://c:8/d"), ("http://a/b", "ftp://c/d", nil),
        ("http://a/b", "file:/etc/passwd", nil), ("http://a/b?q", "", "http://a/b?q"),
    ])
    func referencesAreResolved(base: String, reference: String, address: String?) {
        #expect(URLReference.resolve(reference, from: base) == address)
    }

    private func server() async throws -> SmallServer {
        try await SmallServer(answering: { request in
            func sent(_ status: Int, _ target: String) -> (status: Int, headers: HTTPHeaders, body: String) {
                (status, ["location": target], "")
            }
            switch request.uri {
            case "/r/f.yaml": return sent(302, "/r2/f.yaml")
            case "/r2/f.yaml": return sent(307, "f3.yaml")
            case "/r2/f3.yaml": return (200, [:], request.method == "HEAD" ? "found!" : "found \(request.headers["authorization"].first ?? "")")
            case "/see/f.yaml": return sent(303, "/r2/f3.yaml")
            case "/moved.yaml": return sent(301, "r2/f3.yaml")
            case "/folder": return sent(301, "/folder/")
            case "/loop": return sent(302, "loop")
            default: return (404, [:], "")
            }
        })
    }

    @Test func severalAreFollowedOneAfterAnother() async throws {
        let server = try await server()
        let store = try WebDAVObjectStore(
            root: ResourceURI(server.address + "/"), authorization: .basic(user: "u", password: "p"),
            transport: HTTPTransport())
        for path in ["r/f.yaml", "see/f.yaml"] {
            #expect(String(decoding: try await store.read(ObjectPath(path)), as: UTF8.self) == "found Basic dTpw")
        }
        // Those that never end are an error.
        await expectError({ if case .remote(_, _, 302, _, _) = $0 { true } else { false } }) {
            _ = try await store.read(ObjectPath("loop"))
        }
        #expect(server.requests.count == 3 + 2 + 31)
        // Those that stay are followed, too, but folders are no files.
        #expect(try await store.stat(ObjectPath("moved.yaml"))?.size == 6)
        #expect(try await store.stat(ObjectPath("folder")) == nil)
        try await server.stop()
    }

    @Test func keysAreNotSentToOtherServers() async throws {
        let other = try await SmallServer { (200, $0.headers["authorization"].first ?? "none") }
        let address = other.address
        let server = try await SmallServer(answering: { _ in (302, ["location": address + "/x"], "") })
        let store = try WebDAVObjectStore(
            root: ResourceURI(server.address + "/"), authorization: .basic(user: "u", password: "p"),
            transport: HTTPTransport())
        #expect(String(decoding: try await store.read(ObjectPath("f")), as: UTF8.self) == "none")
        try await server.stop()
        try await other.stop()
    }
}
