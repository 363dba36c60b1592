import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@testable import Serving

@Suite struct RoutingTests {
    @Test func unknownPathsGetADetailAndStatus404() async throws {
        try await sampleService().application().test(.router) { client in
            for path in ["/nope", "/echo/more", "//", "/name//x", "/name/%2e%2e", "/name/.."] {
                let response = try await client.execute(uri: path, method: .get)
                #expect(response.status == .notFound, "\(path)")
                #expect(try json(response) == ["detail": "Not Found"])
            }
        }
    }

    @Test func theWrongMethodGets405AndTheAllowedOnes() async throws {
        try await sampleService(file: "/").application().test(.router) { client in
            let get = try await client.execute(uri: "/echo", method: .get)
            #expect(get.status == .methodNotAllowed)
            #expect(get.headers[.allow] == "POST")
            #expect(try json(get) == ["detail": "Method Not Allowed"])
            let head = try await client.execute(uri: "/", method: .head)
            #expect(head.status == .methodNotAllowed)
            #expect(head.headers[.allow] == "GET")
            #expect(head.body.readableBytes == 0)
            let delete = try await client.execute(uri: "/file", method: .delete)
            #expect(delete.headers[.allow] == "GET, HEAD")
        }
    }

    @Test func aSuperfluousSlashIsRedirectedOnlyWhereThePathExists() async throws {
        try await sampleService().application().test(.live) { client in
            let known = try await client.execute(uri: "/flag/?on=1", method: .get)
            #expect(known.status == .temporaryRedirect)
            #expect(known.headers[.location]?.hasPrefix("http://") == true)
            #expect(known.headers[.location]?.hasSuffix("/flag?on=1") == true)
            #expect(try await client.execute(uri: "/nope/", method: .get).status == .notFound)
        }
    }

    @Test func segmentsAreDecodedOnceAndCannotHoldSlashesOrControlCharacters() async throws {
        try await sampleService().application().test(.router) { client in
            #expect(try json(await client.execute(uri: "/name/a%20%C3%A9+b", method: .get)) == "a é+b")
            #expect(try json(await client.execute(uri: "/name/%252F", method: .get)) == "%2F")
            for bad in ["a%2Fb", "a%00", "a%0Ab", "%FF", "%", "%4", "%zz", "..%2f..%2fetc%2fpasswd"] {
                let response = try await client.execute(uri: "/name/\(bad)", method: .get)
                #expect(response.status == .notFound, "\(bad)")
            }
        }
    }

    @Test func flagsHaveManySpellingsAndOthersAreRefused() async throws {
        try await sampleService().application().test(.router) { client in
            for yes in ["1", "true", "Yes", "ON", "t", "y"] {
                #expect(try json(await client.execute(uri: "/flag?on=\(yes)", method: .get)) == true)
            }
            for no in ["0", "False", "no", "off", "f", "N"] {
                #expect(try json(await client.execute(uri: "/flag?on=\(no)", method: .get)) == false)
            }
            #expect(try json(await client.execute(uri: "/flag", method: .get)) == false)
            let maybe = try await client.execute(uri: "/flag?on=maybe", method: .get)
            #expect(maybe.status == .unprocessableContent)
            #expect(try json(maybe)["detail"]?.arrayValue?.first?["loc"] == ["query", "on"])
        }
    }

    @Test func bodiesMustBeJSONOfTheRightTypeAndSize() async throws {
        @Sendable func post(
            _ client: any TestClientProtocol, _ body: String, type: String? = "application/json"
        ) async throws -> TestResponse {
            try await client.execute(
                uri: "/echo", method: .post, headers: type.map { [.contentType: $0] } ?? [:],
                body: ByteBuffer(string: body))
        }
        try await sampleService().application().test(.router) { client in
            #expect(try json(await post(client, #"{"a":[1,2.5,"é"]}"#)) == ["a": [1, 2.5, "é"]])
            #expect(try await post(client, "{}", type: "application/json; charset=utf-8").status == .ok)
            #expect(try await post(client, "{}", type: "application/vnd.lsst+json").status == .ok)
            let untyped = try await post(client, "{}", type: nil)
            #expect(untyped.status == .unprocessableContent)
            #expect(try json(untyped)["detail"]?.arrayValue?.count == 1)
            #expect(try await post(client, "{}", type: "text/plain").status == .unprocessableContent)
            for bad in ["", "{", "{]", "nul", "{} {}", "\u{FEFF}{}", String(repeating: "[", count: 900)] {
                #expect(try await post(client, bad).status == .unprocessableContent, "\(bad.prefix(10))")
            }
            let long = try await post(client, "\"" + String(repeating: "x", count: 1000) + "\"")
            #expect(long.status == .contentTooLarge)
            #expect(try json(long)["detail"]?.stringValue?.contains("1000 bytes") == true)
        }
    }

    @Test func errorsOfTheServiceAreTranslatedAndOthersStayInside() async throws {
        try await sampleService().application().test(.router) { client in
            let own = try await client.execute(uri: "/own", method: .get)
            #expect(own.status == .unprocessableContent)
            #expect(try json(own) == ["error_type": "own"])
            let broken = try await client.execute(uri: "/broken", method: .get)
            #expect(broken.status == .internalServerError)
            #expect(String(buffer: broken.body) == "Internal Server Error")
        }
    }

    @Test func onlyHostsMakeURLs() {
        for host in ["localhost", "127.0.0.1:8080", "[::1]:80", "data.example", "a_b-c"] {
            #expect(ExternalOrigin.isLegal(host))
        }
        for text in ["", "a/b", "a b", "user@host", "a?b", "a#b", "a\"b", "é", String(repeating: "a", count: 256)] {
            #expect(!ExternalOrigin.isLegal(text))
        }
    }
}
