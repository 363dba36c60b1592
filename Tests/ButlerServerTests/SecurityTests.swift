import ButlerModel
import ButlerServer
import HTTPTypes
import HummingbirdTesting
import Query
import StructuredData
import Testing

@Suite struct SecurityTests {
    /// A repository whose failure holds what must stay inside.
    private final class Broken: ServedRepository {
        let universe: DimensionUniverse
        var queries: any QueryExecutor { preconditionFailure("not asked") }
        struct Failure: Error { let statement = "SELECT secret FROM password" }
        init(_ universe: DimensionUniverse) { self.universe = universe }
        func hasVisibilityRules() async throws -> Bool { false }
        func acting(for viewer: Viewer) -> any ServedRepository { self }
        func read<Result: Sendable>(
            _ body: @escaping @Sendable (any RepositoryView) throws -> Result
        ) async throws -> Result { throw Failure() }
    }

    @Test(arguments: [
        "../../../../../../../etc/passwd", "..%2F..%2Fsecret.txt", "%2e%2e/%2e%2e/secret.txt", "%2e%2e%2fsecret.txt",
        "secret.txt", "/etc/passwd", "%2Fetc%2Fpasswd", "..", "%2e%2e", "settings%20%C3%A9%201.json%00.png",
        "..%5C..%5Csecret.txt", "settings%20%C3%A9%201.json/../../../secret.txt", "run/a/settings%20%C3%A9%201.json",
    ])
    func noPathFromAClientReachesTheDisk(name: String) async throws {
        try await withServer(live: true) { client in
            let answer = try await client.get("file/\(FixtureRepository.whole)/\(name)")
            #expect(answer.status == 404)
            #expect(!answer.text.contains("secret") && !answer.text.contains("root:"))
        }
    }

    @Test(arguments: ["demo%2F..%2Fdemo", "demo%00", "..", "%2e%2e", "Demo", "demo%20", "", "%ff", "n\u{C3}"])
    func labelsMatchExactlyOrNotAtAll(label: String) async throws {
        try await withServer { client in
            let answer = try await client.ask(.get, "universe", prefix: "/api/butler/repo/\(label)/v1/")
            #expect(answer.status == 404)
        }
    }

    @Test func anEncodedLabelIsTheSameLabel() async throws {
        try await withServer { client in
            let answer = try await client.ask(.get, "universe", prefix: "/api/butler/repo/%64emo/v1/")
            #expect(answer.status == 200)
        }
    }

    @Test func failuresInsideAreNotShown() async throws {
        let universe = try DimensionUniverse(
            DimensionConfiguration(try StructuredValue(json: FixtureRepository.dimensions)))
        try await withServer(repository: Broken(universe)) { client in
            let answer = try await client.get("dataset_type/bias")
            #expect(answer.status == 500)
            #expect(answer.text == "Internal Server Error")
            #expect(answer.headers[.contentType] == "text/plain; charset=utf-8")
        }
    }
}
