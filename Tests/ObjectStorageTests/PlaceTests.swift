import StorageFaults
import Testing

@testable import ObjectStorage

/// Single files by their absolute locations, as records of files that were ingested where they are have them.
@Suite struct PlaceTests {
    /// What is asked of the server for a location; its answers are the addresses that they were asked for.
    private func asked(_ location: String) async throws -> String {
        let server = try await SmallServer { ($0.method == "GET" ? 200 : 405, $0.uri) }
        let stores = ObjectStores(environment: [
            "S3_ENDPOINT_URL": server.address.replacing("://", with: "://key:secret@"), "HOME": "/nonexistent",
        ])
        let (store, path) = try stores.place(of: ResourceURI(location.replacing("SERVER", with: server.address)))
        let text = String(decoding: try await store.read(path), as: UTF8.self)
        try await server.stop()
        return text
    }

    /// As `lsst.resources` reads them.
    @Test(arguments: [
        ("s3://b/d//x.yaml", "/b/d//x.yaml"), ("s3://b/p/./y.yaml", "/b/p/./y.yaml"), ("s3://b//z.yaml", "/b/z.yaml"),
        ("s3://b/z//lead.yaml", "/b/z//lead.yaml"), ("s3://b/a/../c.yaml", "/b/a/../c.yaml"),
        ("s3://b/a%2Fb.yaml", "/b/a/b.yaml"), ("s3://b/a%20b/c%2Bd.yaml#zip-path=x", "/b/a%20b/c%2Bd.yaml"),
        ("s3://b/x.yaml", "/b/x.yaml"),
        ("SERVER/files/f.yaml?download=1&id=7", "/files/f.yaml?download=1&id=7"),
        ("SERVER/a//b.yaml", "/a//b.yaml"), ("SERVER/a%2Fb.yaml", "/a%2Fb.yaml"), ("SERVER/x.yaml#zip-path=y", "/x.yaml"),
        ("SERVER/f?Signature=a%2Bb%3D&Expires=9", "/f?Signature=a%2Bb%3D&Expires=9"),
    ])
    func everyCharacterOfALocationCounts(location: String, address: String) async throws {
        #expect(try await asked(location) == address)
    }

    @Test(arguments: ["s3://b/", "s3://b/a/", "s3://b/a/..", "https://host/a/", "https://host"])
    func foldersAreNoFiles(location: String) {
        let stores = ObjectStores(environment: ["S3_ENDPOINT_URL": "http://key:secret@host", "HOME": "/nonexistent"])
        #expect(throws: (any Error).self) { try stores.place(of: ResourceURI(location)) }
    }

    /// Below a root the same paths are resolved, as `join` does it there too.
    @Test func rootsAreNormalised() async throws {
        let server = try await SmallServer { (200, $0.uri) }
        let stores = ObjectStores(environment: [
            "S3_ENDPOINT_URL": server.address.replacing("://", with: "://key:secret@"), "HOME": "/nonexistent",
        ])
        let store = try stores.open(ResourceURI("s3://b/a//./r/"))
        #expect(String(decoding: try await store.read(ObjectPath("c//d")), as: UTF8.self) == "/b/a/r/c/d")
        try await server.stop()
    }

    /// Addresses that are signed for reading are refused to those who only ask for the status.
    @Test func filesWithQueriesHaveAStatus() async throws {
        let server = try await SmallServer { request in
            guard request.uri == "/f?Signature=x" else { return (404, "") }
            guard request.method == "GET" else { return (403, "") }
            return (200, "12345")
        }
        let stores = ObjectStores(environment: [:])
        let (store, path) = try stores.place(of: ResourceURI(server.address + "/f?Signature=x"))
        #expect(try await store.stat(path)?.size == 5)
        let (none, other) = try stores.place(of: ResourceURI(server.address + "/g?Signature=x"))
        #expect(try await none.stat(other) == nil)
        try await server.stop()
    }
}
