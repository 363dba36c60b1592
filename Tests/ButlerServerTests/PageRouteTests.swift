import ButlerModel
import ByteText
import HTTPTypes
import HummingbirdTesting
import StructuredData
import Testing

@testable import ButlerServer

/// No token is good.
private struct NoTokens: GroupDirectory {
    func groups(of identity: DelegatedIdentity) async throws -> Set<ExactName> { throw GroupLookupError.refused("") }
}

@Suite struct PageRouteTests {
    @Test func programsGetTheHealthAnswerAndBrowsersThePage() async throws {
        try await withServer { client in
            for accept in ["*/*", "application/json", nil] as [String?] {
                var headers = HTTPFields()
                headers[.accept] = accept
                let answer = try await client.ask(.get, "/", headers: headers, prefix: "")
                #expect(answer.status == 200)
                #expect(try answer.json()["name"] == "butler")
                #expect(answer.headers[.vary] == "Accept")
            }
            let page = try await client.ask(
                .get, "/", headers: [.accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"], prefix: "")
            #expect(page.status == 303)
            #expect(page.headers[.location] == "/ui")
        }
    }

    @Test(arguments: [
        ("/ui", "text/html; charset=utf-8"), ("/ui/app.js", "text/javascript; charset=utf-8"),
        ("/ui/page.css", "text/css; charset=utf-8"), ("/ui/icon.svg", "image/svg+xml"),
    ])
    func partsOfThePageHaveTypeTagAndPolicy(path: String, type: String) async throws {
        try await withServer { client in
            let answer = try await client.ask(.get, path, prefix: "")
            #expect(answer.status == 200)
            #expect(answer.headers[.contentType] == type)
            #expect(answer.headers[HTTPField.Name("X-Content-Type-Options")!] == "nosniff")
            let policy = try #require(answer.headers[.contentSecurityPolicy])
            #expect(policy.contains("default-src 'self'") && !policy.contains("unsafe"))
            let tag = try #require(answer.headers[.eTag])
            let again = try await client.ask(.get, path, headers: [.ifNoneMatch: "\"x\", \(tag)"], prefix: "")
            #expect(again.status == 304)
            #expect(again.body.readableBytes == 0)
            let head = try await client.ask(.head, path, prefix: "")
            #expect(head.headers[.contentLength] == String(answer.body.readableBytes))
        }
    }

    /// An ingress of a host that is shared leads to `/api/butler` only.
    @Test func thePageIsUnderThePathOfTheProtocolToo() async throws {
        try await withServer { client in
            let page = try await client.ask(.get, "/api/butler/ui", headers: [.accept: "text/html"], prefix: "")
            #expect(page.status == 200)
            #expect(page.body == (try await client.ask(.get, "/ui", prefix: "")).body)
            // What it refers to is found from both places.
            let names = page.text.matches(of: /(?:src|href)="([^"#]+)"/).map { String($0.1) }
            #expect(names.contains("ui/app.js") && names.allSatisfy { $0.hasPrefix("ui/") })
            for name in names {
                let (here, there) = (try await client.ask(.get, "/\(name)", prefix: ""), try await client.ask(.get, "/api/butler/\(name)", prefix: ""))
                #expect(here.status == 200)
                #expect(there.status == 200 && there.body == here.body)
            }
        }
    }

    @Test func thePageLoadsNothingFromElsewhere() async throws {
        try await withServer { client in
            let document = try await client.ask(.get, "/ui", prefix: "").text
            #expect(!document.contains("://"))
            #expect(!document.contains("<style") && !document.contains(" style="))
            for missing in ["/ui/nothing.js", "/ui/index.html", "/ui/..%2fsecret.txt"] {
                let answer = try await client.ask(.get, missing, prefix: "")
                #expect(answer.status == 404)
            }
        }
    }

    @Test func onlyLabelsThatTheUserMayUseAreListed() async throws {
        let path = "/api/butler/ui/repositories"
        try await withServer { client in
            let labels = try await client.ask(.get, path, prefix: "").json()["repositories"]
            #expect(labels == ["closed", "demo", "né w"])
        }
        try await withServer(access: .ingress(groups: NoGroups())) { client in
            let user: HTTPFields = [HTTPField.Name("X-Auth-Request-User")!: "bob", HTTPField.Name("X-Auth-Request-Token")!: "t"]
            let labels = try await client.ask(.get, path, headers: user, prefix: "").json()["repositories"]
            #expect(labels == ["demo", "né w"])
            let anonymous = try await client.ask(.get, path, prefix: "")
            #expect(anonymous.status == 403)
        }
        try await withServer(access: .ingress(groups: NoTokens())) { client in
            let user: HTTPFields = [HTTPField.Name("X-Auth-Request-User")!: "bob", HTTPField.Name("X-Auth-Request-Token")!: "t"]
            let refused = try await client.ask(.get, path, headers: user, prefix: "")
            #expect(refused.status == 403)
        }
    }

    @Test func routesOfThePageCheckAccessLikeAllOthers() async throws {
        try await withServer(access: .ingress(groups: NoGroups())) { client in
            let user: HTTPFields = [HTTPField.Name("X-Auth-Request-User")!: "bob", HTTPField.Name("X-Auth-Request-Token")!: "t"]
            let closed = "/api/butler/repo/closed/v1/"
            for (method, path) in [
                (.post, "ui/query"), (.post, "ui/explain"), (.get, "ui/preview/\(FixtureRepository.whole)"),
            ] as [(HTTPRequest.Method, String)] {
                let refused = try await client.ask(method, path, headers: user, prefix: closed)
                #expect(refused.status == 403)
                let anonymous = try await client.ask(method, path)
                #expect(anonymous.status == 403)
            }
        }
    }

    @Test func syntaxErrorsComeWithTheirPlace() async throws {
        try await withServer { client in
            let answer = try await client.post(
                "ui/query",
                [
                    "kind": "datasets", "names": ["settings"], "collections": ["run/a"],
                    "where": "instrument = 'Cam'\n  AND detector = = 5",
                ])
            #expect(answer.status == 422)
            let error = try answer.json()
            #expect(error["error_type"] == "invalid_query")
            #expect(error["line"] == 2)
            #expect(error["column"] == 18)
            #expect(error["offset"] == 36)
            let excerpt = try #require(error["excerpt"]?.stringValue?.split(separator: "\n"))
            #expect(excerpt.count == 2)
            #expect(excerpt.last?.last == "^")
            #expect(error["message"]?.stringValue?.contains("\n") == false)
        }
    }

    @Test func searchesWithWildcardsTellThePlaceToo() async throws {
        try await withServer { client in
            let answer = try await client.post(
                "ui/query", ["kind": "datasets", "names": ["*"], "collections": ["*"], "where": "visit = = 5"])
            #expect(answer.status == 422)
            #expect(try answer.json()["offset"] == 8)
        }
    }

    @Test func unknownNamesAreShownInTheExpression() async throws {
        try await withServer { client in
            let answer = try await client.post(
                "ui/query", ["kind": "data_ids", "names": ["detector"], "where": "instrument = 'Cam' AND nonsense > 5"])
            #expect(answer.status == 422)
            #expect(try answer.json()["excerpt"]?.stringValue?.hasSuffix("^") == true)
            let kind = try await client.post("ui/query", ["kind": "files", "names": []])
            #expect(kind.status == 422)
            #expect(try kind.json()["error_type"] == nil)
            let missing = try await client.post("ui/query", ["kind": "datasets", "names": ["nothing"], "collections": ["run/a"]])
            #expect(try missing.json()["error_type"] == "missing_dataset_type")
        }
    }

    @Test func howQueriesAreAnsweredIsShownOnlyWhereThatIsAllowed() async throws {
        try await withServer { client in
            let answer = try await client.post("ui/explain", ["kind": "data_ids", "names": ["detector"]])
            #expect(answer.status == 403)
        }
    }
}
