import ButlerModel
import HTTPTypes
import HummingbirdTesting
import ObjectStorage
import StructuredData
import Testing

@testable import ButlerServer

@Suite struct FileRouteTests {
    @Test func aLocalFileIsHandedOutAsAURLOfThisServerThatWorks() async throws {
        try await withServer(live: true) { client in
            let answer = try await client.get("get_file/\(FixtureRepository.whole)").json()
            #expect(answer["artifact"]?["datastore_type"] == "file")
            let info = try #require(answer["artifact"]?["file_info"]?.arrayValue?.first)
            #expect(info["auth"] == "gafaelfawr")
            #expect(info["datastoreRecords"]?["path"] == "run/a/settings é 1.json")
            let url = try #require(info["url"]?.stringValue)
            let route = "/api/butler/repo/demo/v1/file/\(FixtureRepository.whole)/settings%20%C3%A9%201.json"
            #expect(url.hasPrefix("http://") && url.contains("\(route)?Expires="))
            let file = try await client.ask(.get, route, prefix: "")
            #expect(file.text == #"{"gain": 1.5}"#)
            let head = try await client.ask(.head, route, prefix: "")
            #expect(head.headers[.contentLength] == "13")
            #expect(head.headers[.acceptRanges] == "bytes")
            let part = try await client.ask(.get, route, headers: [.range: "bytes=0-0"], prefix: "")
            #expect(part.status == 206)
            #expect(part.text == "{")
            #expect(part.headers[.eTag] == head.headers[.eTag])
        }
    }

    @Test func theLabelAndTheForwardedSchemeAppearInURLs() async throws {
        try await withServer(live: true) { client in
            let answer = try await client.ask(
                .get, "get_file/\(FixtureRepository.whole)",
                headers: [HTTPField.Name("X-Forwarded-Proto")!: "https"], prefix: "/api/butler/repo/n%C3%A9%20w/v1/")
            let url = try #require(try answer.json()["artifact"]?["file_info"]?.arrayValue?.first?["url"]?.stringValue)
            #expect(url.hasPrefix("https://"))
            #expect(url.contains("/api/butler/repo/n%C3%A9%20w/v1/"))
        }
    }

    @Test func everyComponentHasItsFile() async throws {
        try await withServer(live: true) { client in
            let answer = try await client.get("get_file/\(FixtureRepository.parts)").json()
            let infos = try #require(answer["artifact"]?["file_info"]?.arrayValue)
            #expect(infos.map { $0["datastoreRecords"]?["component"] } == ["left", "right"])
            #expect(infos[1]["url"]?.stringValue?.contains("/bias.right.yaml?component=right&Expires=") == true)
            let base = "dataset/\(FixtureRepository.parts)/"
            let named = "file/\(FixtureRepository.parts)/"
            #expect(try await client.get(named + "bias.right.yaml?component=right").text == "side: right\n")
            #expect(try await client.get(base + "download?component=left").text == "side: left\n")
            #expect(try await client.get(named + "bias.left.yaml?component=right").status == 404)
            let several = try await client.get(base + "download")
            #expect(several.status == 422)
            #expect(try several.json()["detail"]?.stringValue?.contains("multiple files") == true)
            let wrong = try await client.get(base + "download?component=top")
            #expect(wrong.status == 404)
            #expect(try wrong.json()["detail"]?.stringValue?.contains("['left', 'right']") == true)
        }
    }

    @Test func datasetsWithoutFilesAndUnknownOnesDiffer() async throws {
        try await withServer(live: true) { client in
            let unstored = try await client.get("get_file/\(FixtureRepository.unstored)").json()
            #expect(unstored["artifact"] == .null)
            #expect(unstored["dataset_ref"]?["run"] == "run/a")
            #expect(try await client.get("dataset/\(FixtureRepository.unstored)/download").status == 404)
            let unknown = try await client.get("get_file/\(FixtureRepository.unknown)")
            #expect(unknown.status == 422)
            #expect(try unknown.json()["error_type"] == "dataset_not_found")
            #expect(try await client.get("dataset/\(FixtureRepository.unknown)/download").status == 404)
            #expect(try await client.get("dataset/\(FixtureRepository.whole)/download?component=").status == 404)
        }
    }

    @Test func aZipMemberIsTheWholeZipFileWithAFragmentForTheClient() async throws {
        try await withServer(live: true) { client in
            let answer = try await client.get("get_file/\(FixtureRepository.member)").json()
            let info = try #require(answer["artifact"]?["file_info"]?.arrayValue?.first)
            let url = try #require(info["url"]?.stringValue)
            #expect(url.contains("/b.zip?Expires=") && url.hasSuffix("#zip-path=settings%202.json"))
            #expect(info["datastoreRecords"]?["path"] == "zips/b.zip#zip-path=settings 2.json")
            let file = try await client.get("file/\(FixtureRepository.member)/b.zip")
            #expect(file.text == "PK not really")
        }
    }

    @Test func filesElsewhereAreLeftToTheirHosts() async throws {
        let remote = FixtureRepository.remote
        try await withServer(live: true) { client in
            let info = try await client.get("get_file/\(remote)").json()["artifact"]?["file_info"]?.arrayValue?.first
            #expect(info?["url"] == "https://files.example/x/summary.json")
            #expect(info?["auth"] == "none")
            #expect(info?["datastoreRecords"]?["path"] == "x/summary.json")
            let redirect = try await client.get("dataset/\(remote)/download")
            #expect(redirect.status == 307)
            #expect(redirect.headers[.location] == "https://files.example/x/summary.json")
        }
        try await withServer(authentication: .cadc, live: true) { client in
            let info = try await client.get("get_file/\(remote)").json()["artifact"]?["file_info"]?.arrayValue?.first
            #expect(info?["auth"] == "datastore")
            // Clients of this mode take http(s) only.
            let bucket = try await client.get("get_file/\(FixtureRepository.bucket)")
            #expect(bucket.status == 422)
            #expect(try bucket.json()["detail"]?.stringValue?.contains("'s3' storage") == true)
        }
    }

    @Test func filesInBucketsGetSignedURLsAndRedirects() async throws {
        let bucket = FixtureRepository.bucket
        let start = "https://s3.example:9000/bucket/x/summary.json?AWSAccessKeyId=key&Signature="
        let setup = ServerSetup(signer: DownloadSigner(lifetime: 600, now: { 1_700_000_000 }))
        try await withServer(setup, live: true) { client, _ async throws in
            let info = try await client.get("get_file/\(bucket)").json()["artifact"]?["file_info"]?.arrayValue?.first
            let url = try #require(info?["url"]?.stringValue)
            #expect(url.hasPrefix(start) && url.hasSuffix("&Expires=1700000600"))
            #expect(info?["auth"] == "none")
            #expect(info?["datastoreRecords"]?["path"] == "x/summary.json")
            let redirect = try await client.get("dataset/\(bucket)/download")
            #expect(redirect.status == 307)
            #expect(redirect.headers[.location] == url)
            let transfer = try await client.post(
                "file_transfer", ["dataset_ids": .array([.string(bucket.description)])]
            ).json()["files"]?[bucket.description]?.arrayValue?.first
            #expect(transfer?["url"]?.stringValue?.hasSuffix("/v1/dataset/\(bucket)/download") == true)
            #expect(transfer?["auth"] == "gafaelfawr")
        }
    }

    @Test func missingStorageCredentialsAreNotTheClientsBusiness() async throws {
        let setup = ServerSetup(storage: S3Presigner(.none))
        try await withServer(setup) { client, _ async throws in
            let answer = try await client.get("get_file/\(FixtureRepository.bucket)")
            #expect(answer.status == 500)
            #expect(answer.text == "Internal Server Error")
        }
    }

    @Test func filesAreFoundByDataIDAndForTransfer() async throws {
        try await withServer(live: true) { client in
            let body: StructuredValue = [
                "dataset_type": "settings", "data_id": ["instrument": "Cam", "detector": 1], "collections": ["run/a"],
            ]
            let found = try await client.post("get_file_by_data_id", body).json()
            #expect(found["artifact"]?["file_info"]?.arrayValue?.count == 1)
            var none = body.objectValue ?? [:]
            none["data_id"] = ["instrument": "Cam", "detector": 9]
            let missing = try await client.post("get_file_by_data_id", .object(none))
            #expect(try missing.json()["error_type"] == "dataset_not_found")
            let ids = [FixtureRepository.parts, FixtureRepository.unstored, FixtureRepository.unknown]
            let transfer = try await client.post(
                "file_transfer", ["dataset_ids": .array(ids.map { .string($0.description) })]
            ).json()
            #expect(transfer["files"]?.objectValue?.keys == [FixtureRepository.parts.description])
            let first = try #require(transfer["files"]?[FixtureRepository.parts.description]?.arrayValue?.first)
            #expect(first["url"]?.stringValue?.hasSuffix("/download?component=left") == true)
            #expect(first["file_info"]?["component"] == "left")
        }
    }
}
