import ButlerModel
import ByteText
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import ObjectStorage
import Serving
import StructuredData
import Testing

@testable import ButlerServer

/// A fixture repository with its files, and a server in memory for it under the labels `demo`, `né w` and `closed`.
struct ServerFixture: Sendable {
    let directory: String

    init() throws {
        directory = NSTemporaryDirectory() + "butler-server-\(UUID().uuidString)"
        for folder in ["run/a", "zips", "static/inner/..data"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory)/\(folder)", withIntermediateDirectories: true)
        }
        try write(#"{"gain": 1.5}"#, "run/a/settings é 1.json")
        try write("side: left\n", "run/a/bias.left.yaml")
        try write("side: right\n", "run/a/bias.right.yaml")
        try write("PK not really", "zips/b.zip")
        try #require(Data(base64Encoded: Self.archive)).write(to: URL(fileURLWithPath: "\(directory)/zips/c.zip"))
        try write("secret", "secret.txt")
        try write("a: b\n", "static/repositories.yaml")
        try write("{}", "static/inner/a b.json")
        try write("volume", "static/inner/..data/file.txt")
        for (link, target) in [
            ("inner/file.txt", "..data/file.txt"), ("leak.txt", "../secret.txt"), ("up", "..r"), ("loop", "loop"),
            ("folder", "../run"), ("gone", "nothing"),
        ] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(directory)/static/\(link)", withDestinationPath: target)
        }
    }

    /// A zip file made by Python's `zipfile`: `a.json`, `notes.txt`, the folder `sub` and `sub/b.yaml` in it.
    private static let archive = """
        UEsDBBQAAAAIAAAAIVwAAAAAAgAAAAAAAAAEAAAAc3ViLwMAUEsDBBQAAAAIAAAAIVwxxxB3DgAAAAwAAAAKAAAAc3ViL2IueWFtbCvOTEm1Us
        jMy0st4gIAUEsDBBQAAAAIAAAAIVyYjPWoHAAAABoAAAAGAAAAYS5qc29uq1ZKT8zMU7JSsDQwMDe0tDQyNTE3MbC0NK4FAFBLAwQUAAAACAAA
        ACFc5YUCpg4AAAAMAAAACQAAAG5vdGVzLnR4dCvISczMUyjPL0op5gIAUEsBAhQDFAAAAAgAAAAhXAAAAAACAAAAAAAAAAQAAAAAAAAAAAAAAI
        ABAAAAAHN1Yi9QSwECFAMUAAAACAAAACFcMccQdw4AAAAMAAAACgAAAAAAAAAAAAAAgAEkAAAAc3ViL2IueWFtbFBLAQIUAxQAAAAIAAAAIVyY
        jPWoHAAAABoAAAAGAAAAAAAAAAAAAACAAVoAAABhLmpzb25QSwECFAMUAAAACAAAACFc5YUCpg4AAAAMAAAACQAAAAAAAAAAAAAAgAGaAAAAbm
        90ZXMudHh0UEsFBgAAAAAEAAQA1QAAAM8AAAAAAA==
        """.filter { !$0.isWhitespace }

    func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(path)"))
    }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }

    func application(
        _ setup: ServerSetup, repository: (any ServedRepository)? = nil
    ) throws -> some ApplicationProtocol {
        let repository = try repository ?? FixtureRepository(directory: directory)
        var entries: [String: RepositoryTable.Entry] = [
            "demo": .init(repository), "né w": .init(repository),
            "closed": .init(repository, authorizedGroups: ["g_few"]),
        ]
        for (label, place) in setup.places { entries[label] = .init(place, authorizedGroups: ["*"]) }
        let table = RepositoryTable(entries)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return ButlerServer.service(
            table, access: setup.access,
            urls: FileURLs(authentication: setup.authentication, signer: setup.signer, storage: setup.storage),
            staticFiles: setup.staticFiles ? StaticFolder("\(directory)/static/") : nil, queries: setup.queries,
            options: ServingOptions(port: 0), logger: logger
        ).application()
    }
}

/// What differs between the servers of tests.
struct ServerSetup: Sendable {
    var access = AccessRules.open
    var authentication = ClientAuthentication.rubinSciencePlatform
    var signer = DownloadSigner()
    var storage = S3Presigner(
        S3Services(
            environment: [
                "S3_ENDPOINT_URL": "https://s3.example:9000", "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
            ], credentialsFile: ""))
    var queries = QueryLimits()
    var staticFiles = false
    /// Repositories besides those of all tests, which may not be open yet.
    var places: [String: RepositoryPlace] = [:]
}

/// What a test asks and looks at.
struct Answer {
    let status: Int
    let headers: HTTPFields
    let body: ByteBuffer

    var text: String { String(buffer: body) }
    func json() throws -> StructuredValue { try StructuredValue(json: body.readableBytesView) }
}

extension TestClientProtocol {
    func ask(
        _ method: HTTPRequest.Method, _ path: String, _ body: StructuredValue? = nil, headers: HTTPFields = [:],
        prefix: String = "/api/butler/repo/demo/v1/"
    ) async throws -> Answer {
        var headers = headers
        var buffer: ByteBuffer?
        if let body {
            var writer = JSONWriter()
            writer.value(body)
            buffer = ByteBuffer(bytes: writer.bytes)
            headers[.contentType] = "application/json"
        }
        let response = try await execute(uri: prefix + path, method: method, headers: headers, body: buffer)
        return Answer(status: response.status.code, headers: response.headers, body: response.body)
    }

    func get(_ path: String, headers: HTTPFields = [:]) async throws -> Answer {
        try await ask(.get, path, headers: headers)
    }

    func post(_ path: String, _ body: StructuredValue) async throws -> Answer { try await ask(.post, path, body) }
}

/// Runs a test against a server in memory and cleans up.
func withServer(
    access: AccessRules = .open, authentication: ClientAuthentication = .rubinSciencePlatform,
    repository: (any ServedRepository)? = nil, live: Bool = false,
    _ body: @escaping @Sendable (any TestClientProtocol) async throws -> Void
) async throws {
    let setup = ServerSetup(access: access, authentication: authentication)
    try await withServer(setup, repository: repository, live: live) { client, _ in try await body(client) }
}

/// The same, with the directory that holds the repository.
func withServer(
    _ setup: ServerSetup, repository: (any ServedRepository)? = nil, live: Bool = false,
    _ body: @escaping @Sendable (any TestClientProtocol, ServerFixture) async throws -> Void
) async throws {
    let fixture = try ServerFixture()
    defer { fixture.remove() }
    try await fixture.application(setup, repository: repository)
        .test(live ? .live : .router) { try await body($0, fixture) }
}

/// Users without any group.
struct NoGroups: GroupDirectory {
    func groups(of identity: DelegatedIdentity) async throws -> Set<ExactName> { [] }
}
