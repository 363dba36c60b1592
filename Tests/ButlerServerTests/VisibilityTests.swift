import ButlerModel
import ByteText
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Registry
import StructuredData
import Testing

@testable import ButlerServer

/// What a viewer may not see does not exist for him: every answer is that of a repository without it.
@Suite struct VisibilityTests {
    private struct KnownGroups: GroupDirectory {
        let groups: [String: Set<ExactName>]
        func groups(of identity: DelegatedIdentity) async throws -> Set<ExactName> { groups[identity.user] ?? [] }
    }

    private static let groups: [String: Set<ExactName>] = ["carl": ["few"], "dora": ["staff", "few"]]

    private static func identity(_ user: String) throws -> HTTPFields {
        [
            try #require(HTTPField.Name("X-Auth-Request-User")): user,
            try #require(HTTPField.Name("X-Auth-Request-Token")): "token-\(user)",
        ]
    }

    /// The same signatures everywhere.
    private static func setup(_ access: AccessRules) -> ServerSetup {
        ServerSetup(
            access: access, signer: DownloadSigner(secret: Array("0123456789abcdef".utf8), now: { 1_790_000_000 }))
    }

    private static let ingress = AccessRules.ingress(groups: KnownGroups(groups: groups))

    /// The answers to all requests, rows and lists of unspecified order sorted.
    private static func answers(
        _ requests: [VisibilityRequests.Request], _ repository: DirectRepository, _ access: AccessRules, user: String
    ) async throws -> [String] {
        let headers = try identity(user)
        return try await collecting(setup(access), repository) { client in
            var answers: [String] = []
            for request in requests {
                let answer = try await client.ask(request.method, request.path, request.body, headers: headers)
                answers.append("\(answer.status) \(normal(answer.text))")
            }
            return answers
        }
    }

    private static func collecting(
        _ setup: ServerSetup, _ repository: DirectRepository,
        _ body: @escaping @Sendable (any TestClientProtocol) async throws -> [String]
    ) async throws -> [String] {
        let fixture = try ServerFixture()
        defer { fixture.remove() }
        return try await fixture.application(setup, repository: repository).test(.router) { try await body($0) }
    }

    /// Without what is there only because the machine was busy.
    private static func normal(_ text: String) -> String {
        text.split(separator: "\n").filter { $0 != #"{"type":"keep-alive"}"# }.map { line in
            guard case .object(var members)? = try? StructuredValue(json: Array(line.utf8)),
                let rows = members["rows"]?.arrayValue
            else { return String(line) }
            members["rows"] = .strings(rows.map(\.description).sorted())
            return StructuredValue.object(members).description
        }.joined(separator: "\n")
    }

    private static func compare(_ user: String, hides hidden: VisibilityRepository.Hidden) async throws {
        let whole = try await VisibilityRepository.make()
        try await whole.protect()
        let published = try PublishedTypes(yaml: VisibilityRepository.catalogue, origin: "test")
        let twin = try await VisibilityRepository.make(without: hidden)
        let visible = Set(twin.refs.map(\.id))
        #expect(visible.count < whole.refs.count && visible.isSubset(of: whole.refs.map(\.id)))
        let requests = VisibilityRequests(ids: whole.refs.map(\.id) + [FixtureRepository.unknown]).all

        let shown = try await answers(
            requests, DirectRepository(butler: whole.butler, published: published), ingress, user: user)
        let expected = try await answers(requests, DirectRepository(butler: twin.butler), .open, user: user)
        let everything = try await answers(requests, DirectRepository(butler: whole.butler), .open, user: user)
        var (failures, differences) = (0, 0)
        for (index, request) in requests.enumerated() {
            if shown[index] != everything[index] { differences += 1 }
            guard shown[index] != expected[index] else { continue }
            failures += 1
            // The first few tell enough.
            if failures <= 5 {
                let body = request.body.map(\.description) ?? ""
                Issue.record("\(request.path) \(body)\nshown    \(shown[index])\nexpected \(expected[index])")
            }
        }
        #expect(failures == 0)
        // Otherwise the comparison says nothing.
        #expect(differences > 100)
        try await whole.butler.close()
        try await twin.butler.close()
    }

    /// Entries of dataset types that a user may not know, or that do not exist, are not told either.
    @Test func descriptionsOfPublishedTypesComeWithThoseThatAUserMayKnow() async throws {
        let whole = try await VisibilityRepository.make()
        let catalogue = VisibilityRepository.catalogue + "\n  absent: {description: Nowhere.}"
        let published = try PublishedTypes(yaml: catalogue, origin: "test")
        let request = VisibilityRequests.Request(method: .get, path: "ui/dataset_types")
        let repository = DirectRepository(butler: whole.butler, published: published)
        let (answer, open) = (
            try await Self.answers([request], repository, Self.ingress, user: "ann"),
            try await Self.answers([request], DirectRepository(butler: whole.butler), .open, user: "ann")
        )
        func descriptions(_ text: String) throws -> [String: StructuredValue] {
            let body = text.drop { $0 != "{" }
            let items = try StructuredValue(json: Array(body.utf8))["dataset_types"]?.arrayValue ?? []
            return try Dictionary(uniqueKeysWithValues: items.map {
                (try #require($0["dataset_type"]?["name"]?.stringValue), try #require($0["description"]))
            })
        }
        #expect(try descriptions(answer[0]) == ["image": "Images.", "bias": "Biases.", "exotic": "Oddities."])
        let all = try descriptions(open[0])
        #expect(all.count > 3 && all.values.allSatisfy { $0 == .null })
        try await whole.butler.close()
    }

    @Test func strangersSeeWhatIsPublic() async throws {
        try await Self.compare(
            "zoe",
            hides: .init(
                collections: [
                    "u/ann/run", "u/ann/best", "u/ann/chain", "u/bob/run", "u/bob/shared", "g/few/run", "g/few/chain",
                ], types: ["draft"]))
    }

    @Test func ownersSeeTheirOwn() async throws {
        try await Self.compare(
            "ann",
            hides: .init(collections: ["u/bob/run", "u/bob/shared", "g/few/run", "g/few/chain"], types: ["draft"]))
    }

    @Test func membersOfGroupsSeeWhatIsTheirsAndGranted() async throws {
        let anns: Set = ["u/ann/run", "u/ann/best", "u/ann/chain", "u/bob/run"]
        try await Self.compare("carl", hides: .init(collections: anns, types: ["draft"]))
        try await Self.compare("dora", hides: .init(collections: anns))
    }

    @Test func changedRulesHoldForTheNextRequest() async throws {
        let whole = try await VisibilityRepository.make()
        let repository = DirectRepository(butler: whole.butler)
        let headers = try Self.identity("zoe")
        try await withServer(Self.setup(Self.ingress), repository: repository) { client, _ in
            func status() async throws -> Int {
                try await client.ask(.get, "collection_info?name=u/bob/shared", headers: headers).status
            }
            #expect(try await status() == 200)
            try await whole.protect()
            #expect(try await status() == 422)
            try await whole.butler.registry.write { try $0.grant(.everyone, on: ["u/bob/shared"]) }
            #expect(try await status() == 200)
            try await whole.butler.registry.write { _ = try $0.revoke(.everyone, on: ["u/bob/shared"]) }
            #expect(try await status() == 422)
            try await whole.butler.registry.write { try $0.disableCollectionAccess() }
            #expect(try await status() == 200)
        }
    }

    @Test func aSignedURLShowsItsFileToWhoeverHoldsIt() async throws {
        let whole = try await VisibilityRepository.make()
        try await whole.protect()
        let id = try #require(whole.refs.first { $0.run == "u/ann/run" }).id
        let repository = DirectRepository(butler: whole.butler)
        try await withServer(Self.setup(Self.ingress), repository: repository) { client, _ in
            let answer = try await client.ask(.get, "get_file/\(id)", headers: try Self.identity("ann"))
            let files = try #require(try answer.json()["artifact"]?["file_info"]?.arrayValue)
            let url = try #require(files[0]["url"]?.stringValue)
            let path = try #require(url.range(of: "/api/")).lowerBound
            let file = try await client.ask(.get, String(url[path...]), prefix: "")
            #expect(file.status == 200)
            #expect(file.text.contains("u/ann/run"))
            let other = try await client.ask(.get, "get_file/\(id)", headers: try Self.identity("zoe"))
            #expect(other.status == 422)
        }
    }

    @Test func viewersCannotWrite() async throws {
        let whole = try await VisibilityRepository.make()
        let registry = whole.butler.registry.acting(for: .stranger)
        #expect(!registry.isWriteable)
        await #expect(throws: RegistryError.self) { try await registry.write { try $0.disableCollectionAccess() } }
    }
}
