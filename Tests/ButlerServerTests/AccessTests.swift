import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Serving
import StructuredData
import Synchronization
import Testing

@testable import ButlerServer

/// Identity and groups, against a stand-in for Gafaelfawr on a real socket.
@Suite struct AccessTests {
    private static let user = HTTPField.Name("X-Auth-Request-User")!
    private static let token = HTTPField.Name("X-Auth-Request-Token")!

    /// Counts questions; each token has its answer.
    private final class Gafaelfawr: Sendable {
        let count = Mutex(0)
        let answers = Mutex<[String: (status: HTTPResponse.Status, body: String)]>([
            "of-alice": (.ok, #"{"username": "alice", "groups": [{"name": "g_all", "id": 1}, {"name": "g_few"}]}"#),
            "of-bob": (.ok, #"{"username": "bob", "groups": [{"name": "g_all"}], "uid": 3}"#),
            "of-carol": (.ok, #"{"username": "carol"}"#),
            "of-dave": (.ok, #"{"username": "dave", "groups": null}"#),
            "down": (.badGateway, "no"), "odd": (.ok, "<html>"), "list": (.ok, "[]"),
            "strange": (.ok, #"{"username": "alice", "groups": "g_few"}"#),
            "moved": (.temporaryRedirect, ""),
        ])

        func service() -> HTTPService {
            HTTPService(
                name: "gafaelfawr", options: ServingOptions(port: 0),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, translate: { _ in nil }
            ) { [self] routes in
                routes.add(
                    "/auth/api/v1/user-info",
                    [
                        .get: { request, _ in
                            self.count.withLock { $0 += 1 }
                            let token = request.headers[.authorization]?.dropFirst("Bearer ".count)
                            let answer = self.answers.withLock { $0[String(token ?? "")] }
                            let (status, body) = answer ?? (.unauthorized, #"{"detail": "invalid"}"#)
                            return Response(
                                status: status, headers: [.location: "/auth/elsewhere"],
                                body: .init(byteBuffer: .init(string: body)))
                        }
                    ])
            }
        }
    }

    /// Runs a test against a server that asks the stand-in.
    private func withIngress(
        lifetime: Duration = .seconds(300),
        _ body: @escaping @Sendable (any TestClientProtocol, Gafaelfawr) async throws -> Void
    ) async throws {
        let gafaelfawr = Gafaelfawr()
        try await gafaelfawr.service().application().test(.live) { stand in
            let port = try #require(stand.port)
            let directory = GafaelfawrDirectory(url: "http://127.0.0.1:\(port)/auth/", timeout: .seconds(300))
            do {
                let rules = AccessRules.ingress(groups: directory, lifetime: lifetime)
                try await withServer(access: rules) { try await body($0, gafaelfawr) }
            } catch {
                try await directory.shutdown()
                throw error
            }
            try await directory.shutdown()
        }
    }

    @Test func identityIsCheckedInTheOrderOfTheProtocol() async throws {
        let (user, token) = (Self.user, Self.token)
        try await withIngress { client, gafaelfawr async throws in
            let cases: [(path: String, headers: HTTPFields, status: Int, detail: String)] = [
                ("demo", [:], 403, "X-Auth-Request-User header was not provided"),
                ("nope", [:], 403, "X-Auth-Request-User header was not provided"),
                ("demo", [token: "of-alice"], 403, "X-Auth-Request-User"),
                ("demo", [user: "", token: "of-alice"], 403, "X-Auth-Request-User"),
                ("demo", [user: "alice"], 422, "x-auth-request-token"),
                ("nope", [user: "alice"], 422, "x-auth-request-token"),
                ("demo", [user: "alice", token: ""], 422, "x-auth-request-token"),
                ("nope", [user: "alice", token: "of-alice"], 404, "Unknown repository 'nope'"),
                // Open to all users: nobody is asked, whatever the token.
                ("demo", [user: "alice", token: "nonsense"], 200, ""),
            ]
            for (label, headers, status, detail) in cases {
                let answer = try await client.ask(.get, "\(label)/v1/universe", headers: headers, prefix: Self.prefix)
                #expect(answer.status == status, "\(label) \(headers)")
                #expect(detail.isEmpty || answer.text.contains(detail), "\(label) \(headers)")
            }
            let open = try await client.ask(.get, "closed/butler.yaml", prefix: Self.prefix)
            #expect(open.status == 200)
            #expect(gafaelfawr.count.withLock { $0 } == 0)
        }
    }

    private static let prefix = "/api/butler/repo/"

    @Test(arguments: [
        ("alice", "of-alice", 200, ""),
        ("bob", "of-bob", 403, "User bob does not have permission to access Butler repository 'closed'"),
        ("carol", "of-carol", 403, "does not have permission"),
        ("dave", "of-dave", 403, "does not have permission"),
        // A token that proves something about somebody else.
        ("bob", "of-alice", 403, "not accepted"),
        ("Alice", "of-alice", 403, "not accepted"),
        ("alice", "forged", 403, "not accepted"),
        ("alice", "down", 503, "cannot be looked up"),
        ("alice", "odd", 503, "cannot be looked up"),
        ("alice", "list", 503, "cannot be looked up"),
        ("alice", "strange", 503, "cannot be looked up"),
        // Tokens do not follow redirects.
        ("alice", "moved", 503, "cannot be looked up"),
    ])
    func groupsDecide(user: String, token: String, status: Int, detail: String) async throws {
        try await withIngress { client, _ async throws in
            let answer = try await client.ask(
                .get, "closed/v1/universe", headers: [Self.user: user, Self.token: token], prefix: Self.prefix)
            #expect(answer.status == status)
            #expect(detail.isEmpty || answer.text.contains(detail))
            #expect(!answer.text.contains("127.0.0.1"))
            #expect((answer.headers[.retryAfter] == "5") == (status == 503))
        }
    }

    @Test func answersAreRememberedForAWhile() async throws {
        try await withIngress { client, gafaelfawr async throws in
            func status(_ user: String, _ token: String) async throws -> Int {
                try await client.ask(
                    .get, "closed/v1/universe", headers: [Self.user: user, Self.token: token], prefix: Self.prefix
                ).status
            }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await status("alice", "of-alice") } }
                for try await result in group { #expect(result == 200) }
            }
            #expect(gafaelfawr.count.withLock { $0 } == 1)
            // What one token has proved does not help another.
            #expect(try await status("alice", "forged") == 403)
            #expect(try await status("bob", "of-bob") == 403)
            // A refusal does not stick.
            gafaelfawr.answers.withLock {
                $0["of-bob"] = (.ok, #"{"username": "bob", "groups": [{"name": "g_few"}]}"#)
            }
            #expect(try await status("bob", "of-bob") == 200)
            #expect(gafaelfawr.count.withLock { $0 } == 4)
            gafaelfawr.answers.withLock { $0["of-alice"] = (.ok, #"{"username": "alice", "groups": []}"#) }
            #expect(try await status("alice", "of-alice") == 200)
        }
        try await withIngress(lifetime: .zero) { client, gafaelfawr async throws in
            let headers: HTTPFields = [Self.user: "alice", Self.token: "of-alice"]
            func status() async throws -> Int {
                try await client.ask(.get, "closed/v1/universe", headers: headers, prefix: Self.prefix).status
            }
            #expect(try await status() == 200)
            gafaelfawr.answers.withLock { $0["of-alice"] = (.ok, #"{"username": "alice", "groups": []}"#) }
            #expect(try await status() == 403)
        }
    }

    @Test func failuresAreNotRemembered() async throws {
        try await withIngress { client, gafaelfawr async throws in
            let headers: HTTPFields = [Self.user: "alice", Self.token: "down"]
            func status() async throws -> Int {
                try await client.ask(.get, "closed/v1/universe", headers: headers, prefix: Self.prefix).status
            }
            let before = try await status()
            #expect(before == 503)
            gafaelfawr.answers.withLock {
                $0["down"] = (.ok, #"{"username": "alice", "groups": [{"name": "g_few"}]}"#)
            }
            let after = try await status()
            #expect(after == 200)
        }
    }

    @Test func aServiceThatDoesNotAnswerIsNoInternalError() async throws {
        let directory = GafaelfawrDirectory(url: "http://127.0.0.1:9", timeout: .seconds(1))
        try await withServer(access: .ingress(groups: directory)) { client in
            let answer = try await client.ask(
                .get, "closed/v1/universe", headers: [Self.user: "alice", Self.token: "of-alice"],
                prefix: Self.prefix)
            #expect(answer.status == 503)
        }
        try await directory.shutdown()
    }
}
