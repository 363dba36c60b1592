import StorageFaults
import Testing

@testable import ObjectStorage

@Suite(.serialized) struct WebDAVObjectStoreTests {
    @Test(.enabled(if: Tool.wsgidav != nil, "WsgiDAV is not installed (pip install wsgidav cheroot)"))
    func behavesOnWsgiDAV() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try await WebServers.wsgidav(scratch)
        defer { server.stop() }
        // It cuts the target of a move at question marks and semicolons, quoted or not, and removes what is in the way
        // of a move first.
        try await ObjectStoreBehaviour(
            store: WebServers.store(server.address), isExclusive: false, listed: 60,
            impossibleNames: ["q?x=1&y", "semi;colon:at@plus+"],
            replacesAtOnce: false
        ).checkAll()
    }

    @Test(
        .enabled(
            if: WebServers.hasNginxProperties,
            "nginx with DAV is not installed (apt-get install nginx-light libnginx-mod-http-dav-ext)"))
    func behavesOnNginx() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try await WebServers.nginx(scratch, extended: true)
        defer { server.stop() }
        // It does not list files whose names begin with a dot, and its tags are of a second and a size.
        try await ObjectStoreBehaviour(
            store: WebServers.store(server.address), isExclusive: false, listed: 200, impossibleNames: ["..hidden"],
            tagsEveryVersion: false
        ).checkAll()
    }

    @Test(.enabled(if: Tool.nginx != nil, "nginx is not installed (apt-get install nginx-light)"))
    func behavesOnPlainHTTP() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try await WebServers.nginx(scratch, extended: false)
        defer { server.stop() }
        let store = try WebServers.store(server.address)
        try await ObjectStoreBehaviour(
            store: store, isExclusive: false, lists: false, listed: 100, tagsEveryVersion: false
        )
        .checkAll()
        await expectError({ if case .unsupported = $0 { true } else { false } }) {
            _ = try await store.list(nil)
        }
    }
}
