import ByteText
import ButlerModel
import Datastore
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import ObjectStorage
import Query
import Registry
import Serving
import StructuredData
import Testing

@testable import ButlerServer

/// A zip file on another host that holds what the viewer may not see.
@Suite struct SharedArchiveTests {
    /// `open.json`, `secret.json` and `gone.json`.
    private static let archive =
        "UEsDBBQAAAAIAIgMel34Hl0sDwAAAJABAAAJAAAAb3Blbi5qc29uq1ZKVLJSMKytHqUHBQ0AUEsDBBQAAAAAAIgMel1vFNjADQAA"
            + "AA0AAAALAAAAc2VjcmV0Lmpzb257InNlY3JldCI6IDF9UEsDBBQAAAAAAIgMel0edRg9DgAAAA4AAAAJAAAAZ29uZS5qc29ueyJy"
            + "ZW1vdmVkIjogMX1QSwECFAMUAAAACACIDHpd+B5dLA8AAACQAQAACQAAAAAAAAAAAAAAgAEAAAAAb3Blbi5qc29uUEsBAhQDFAAA"
            + "AAAAiAx6XW8U2MANAAAADQAAAAsAAAAAAAAAAAAAAIABNgAAAHNlY3JldC5qc29uUEsBAhQDFAAAAAAAiAx6XR51GD0OAAAADgAA"
            + "AAkAAAAAAAAAAAAAAIABbAAAAGdvbmUuanNvblBLBQYAAAAAAwADAKcAAAChAAAAAAA="

    /// One dataset, `open.json` in the archive, of which the viewer may see no other member.
    private struct Shared: ServedRepository, RepositoryView {
        let base: FixtureRepository
        let location: String

        var universe: DimensionUniverse { base.universe }
        var queries: any QueryExecutor { base.queries }
        func hasVisibilityRules() async throws -> Bool { true }
        func acting(for viewer: Viewer) -> any ServedRepository { self }

        func read<Result: Sendable>(
            _ body: @escaping @Sendable (any RepositoryView) throws -> Result
        ) async throws -> Result { try body(self) }

        func files(of ids: [DatasetID]) throws -> [DatasetID: [ServedFile]] {
            let path = "\(location)#zip-path=open.json"
            var file = ServedFile(
                info: StoredFileInfo(
                    formatter: "lsst.daf.butler.formatters.json.JsonFormatter", path: path,
                    storageClass: "StructuredDataDict"), location: try ResourceURI(path))
            let member: Set = [FixtureRepository.member]
            file.zip = .init(members: ["open.json": member], isComplete: false)
            return [FixtureRepository.member: [file]]
        }

        func datasetType(_ name: String) throws -> DatasetType { try base.datasetType(name) }
        func datasetTypes(matching patterns: [String]) throws -> (found: [DatasetType], missing: [String]) {
            try base.datasetTypes(matching: patterns)
        }
        func collectionInfo(_ search: CollectionSearch) throws -> [CollectionInfo] { try base.collectionInfo(search) }
        func collectionSummary(_ name: String) throws -> CollectionSummary { try base.collectionSummary(name) }
        func dataset(_ id: DatasetID) throws -> DatasetRef? { try base.dataset(id) }
        func datasets(_ ids: [DatasetID]) throws -> [DatasetRef] { try base.datasets(ids) }
        func findDataset(
            _ type: DatasetType, dataID: [String: DataIDValue], defaults: [String: DataIDValue],
            collections: [String], time: CalibrationTime
        ) throws -> DatasetRef? {
            try base.findDataset(type, dataID: dataID, defaults: defaults, collections: collections, time: time)
        }
        func expand(_ loose: [String: DataIDValue]) throws -> DataCoordinate { try base.expand(loose) }
        func expand(_ dataID: DataCoordinate) throws -> DataCoordinate { try base.expand(dataID) }
    }

    /// Stands for a bucket: serves the archive to whoever has a signed URL.
    private static func bucket(_ bytes: [UInt8]) -> HTTPService {
        HTTPService(
            name: "bucket", options: ServingOptions(port: 0),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, translate: { _ in nil }
        ) { routes in
            routes.add(
                "/bucket/b.zip",
                [
                    .get: { request, _ in
                        guard try QueryString(request)["Signature"] != nil else { throw HTTPFailure(.forbidden, "") }
                        let file = FileExtract(size: Int64(bytes.count), digest: "state") {
                            Array(bytes[Int($0.lowerBound)..<Int($0.upperBound)])
                        }
                        return .extract(file, for: request)
                    }
                ])
        }
    }

    @Test func isCutToWhatMayBeSeen() async throws {
        let bytes = try #require(Base64.decodeLeniently(Self.archive.utf8))
        try await Self.bucket(bytes).application().test(.live) { stand in
            let port = try #require(stand.port)
            let repository = Shared(base: try FixtureRepository(directory: "/nowhere"), location: "s3://bucket/b.zip")
            let storage = S3Presigner(
                S3Services(
                    environment: [
                        "S3_ENDPOINT_URL": "http://127.0.0.1:\(port)", "AWS_ACCESS_KEY_ID": "key",
                        "AWS_SECRET_ACCESS_KEY": "secret",
                    ], credentialsFile: ""))
            try await withServer(ServerSetup(storage: storage), repository: repository, live: true) {
                client, _ async throws in
                let info = try await client.get("get_file/\(FixtureRepository.member)").json()["artifact"]?["file_info"]
                let url = try #require(info?.arrayValue?.first?["url"]?.stringValue)
                #expect(url.hasSuffix("#zip-path=open.json") && url.contains("/file/\(FixtureRepository.member)/b.zip?Expires="))
                let signed = String(url[try #require(url.firstRange(of: "/api/")).lowerBound...].prefix { $0 != "#" })
                for path in [signed, "/api/butler/repo/demo/v1/dataset/\(FixtureRepository.member)/download"] {
                    let answer = try await client.ask(.get, path, prefix: "")
                    #expect(answer.status == 200)
                    let body = Array(answer.body.readableBytesView)
                    let extract = try await ZipExtract(
                        of: "answer", size: Int64(body.count), keeping: ["open.json": []]
                    ) { Array(body[Int($0.lowerBound)..<Int($0.upperBound)]) }
                    #expect(extract.size == Int64(body.count))
                    for name in ["secret", "gone", "removed"] {
                        #expect(body.firstRange(of: Array(name.utf8)) == nil)
                    }
                    let part = try await client.ask(.get, path, headers: [.range: "bytes=5-40"], prefix: "")
                    #expect(part.status == 206 && Array(part.body.readableBytesView) == Array(body[5...40]))
                    #expect(part.headers[.eTag] == answer.headers[.eTag])
                    let known: HTTPFields = [.ifNoneMatch: answer.headers[.eTag] ?? ""]
                    let again = try await client.ask(.get, path, headers: known, prefix: "")
                    #expect(again.status == 304)
                }
            }
        }
    }

    @Test func isNotHandedOutWhenItsHostIsDown() async throws {
        let repository = Shared(
            base: try FixtureRepository(directory: "/nowhere"), location: "http://127.0.0.1:1/b.zip")
        try await withServer(ServerSetup(), repository: repository) { client, _ async throws in
            let answer = try await client.get("dataset/\(FixtureRepository.member)/download")
            #expect(answer.status == 502 && !answer.text.contains("127.0.0.1"))
        }
    }
}
