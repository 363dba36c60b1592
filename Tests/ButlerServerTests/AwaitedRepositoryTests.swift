import Database
import HTTPTypes
import StructuredData
import Testing

@testable import ButlerServer

/// Repositories whose databases have not been there yet.
@Suite struct AwaitedRepositoryTests {
    private let user: HTTPFields = [
        HTTPField.Name("X-Auth-Request-User")!: "bob", HTTPField.Name("X-Auth-Request-Token")!: "t",
    ]

    @Test(arguments: [true, false]) func theyAreListedAndAnsweredWith503UntilTheyAreThere(hasIngress: Bool) async throws {
        let place = RepositoryPlace(awaitingAfter: .unavailable("postgresql://me@db.example/x", reason: "refused"))
        let access = hasIngress ? AccessRules.ingress(groups: NoGroups()) : .open
        try await withServer(ServerSetup(access: access, places: ["away": place])) { [user] client, fixture in
            let list = try await client.ask(.get, "/api/butler/ui/repositories", headers: user, prefix: "")
            #expect(try list.json()["repositories"]?.arrayValue?.contains("away") == true)
            for path in ["universe", "dataset_type/settings", "ui/dataset_types"] {
                let answer = try await client.ask(.get, path, headers: user, prefix: "/api/butler/repo/away/v1/")
                #expect(answer.status == 503)
                #expect(answer.headers[.retryAfter] == "2")
                #expect(!answer.text.contains("example"))
            }
            let other = try await client.get("universe", headers: user)
            #expect(other.status == 200)
            place.fill(try FixtureRepository(directory: fixture.directory))
            let universe = try await client.ask(.get, "universe", headers: user, prefix: "/api/butler/repo/away/v1/")
            #expect(universe.status == 200)
            #expect(universe.text == other.text)
        }
    }

    @Test func whoeverMayNotUseThemLearnsNothing() async throws {
        let place = RepositoryPlace(awaitingAfter: .tooManyConnections("postgresql://me@db.example/x"))
        let setup = ServerSetup(access: .ingress(groups: NoGroups()), places: ["away": place])
        try await withServer(setup) { client, _ in
            let answer = try await client.ask(.get, "universe", prefix: "/api/butler/repo/away/v1/")
            #expect(answer.status == 403)
        }
    }
}
