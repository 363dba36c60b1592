import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Serving
import Testing

@testable import ButlerServer

@Suite struct StaticFileTests {
    private static let prefix = "/api/butler/configs/"

    @Test(arguments: [
        ("repositories.yaml", "a: b\n", "application/octet-stream"), ("inner/a%20b.json", "{}", "application/json"),
        ("inner/%61%20b.json", "{}", "application/json"),
        ("inner/..data/file.txt", "volume", "text/plain; charset=utf-8"),
        // As volumes of Kubernetes are made: a link that stays inside.
        ("inner/file.txt", "volume", "text/plain; charset=utf-8"),
    ])
    func filesAreServedToEveryone(path: String, content: String, type: String) async throws {
        try await withServer(ServerSetup(staticFiles: true)) { client, _ async throws in
            let file = try await client.ask(.get, path, prefix: Self.prefix)
            #expect(file.status == 200 && file.text == content)
            #expect(file.headers[.contentType] == type)
            #expect(file.headers[.eTag] != nil && file.headers[.lastModified] != nil)
            let head = try await client.ask(.head, path, prefix: Self.prefix)
            #expect(head.status == 200 && head.headers[.contentLength] == "\(content.utf8.count)" && head.text.isEmpty)
            let part = try await client.ask(.get, path, headers: [.range: "bytes=0-0"], prefix: Self.prefix)
            #expect(part.status == 206 && part.body.readableBytes == 1)
        }
    }

    @Test(arguments: [
        "", "nope.yaml", "inner", "inner/", "leak.txt", "up", "loop", "folder", "folder/a/settings%20%C3%A9%201.json",
        "gone", "../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "%2e%2e%2fsecret.txt",
        "inner/../../secret.txt",
        "inner/%2e%2e/%2e%2e/secret.txt", "inner//a%20b.json", "/etc/passwd", "%2Fetc%2Fpasswd", "inner%2Fa%20b.json",
        "repositories.yaml%00", "repositories.yaml%00.txt", "repositories.yaml/", "repositories.yaml/x",
        "inner%5c..%5cx",
        "..%5csecret.txt", "%ff", "%", "%2", "inner/a%2520b.json", "./repositories.yaml", "%2e/repositories.yaml",
        "inner/..data/../../secret.txt", "..%c0%afsecret.txt", "%252e%252e/secret.txt",
    ])
    func nothingElseIsThere(path: String) async throws {
        try await withServer(ServerSetup(staticFiles: true)) { client, _ async throws in
            for method in [HTTPRequest.Method.get, .head] {
                let answer = try await client.ask(method, path, prefix: Self.prefix)
                #expect([404, 307].contains(answer.status), "\(path)")
                #expect(!answer.text.contains("secret") && !answer.text.contains("root:"))
            }
        }
    }

    @Test func otherMethodsAreRefusedAndWithoutAFolderThereIsNothing() async throws {
        try await withServer(ServerSetup(staticFiles: true)) { client, _ async throws in
            let answer = try await client.ask(.post, "repositories.yaml", prefix: Self.prefix)
            #expect(answer.status == 405 && answer.headers[.allow] == "GET, HEAD")
        }
        try await withServer { client async throws in
            #expect(try await client.ask(.get, "repositories.yaml", prefix: Self.prefix).status == 404)
        }
    }
}
