import NIOHTTP1
import StorageFaults
import Testing

@testable import ObjectStorage

/// Numbers of services that are none: whoever computes with them ends.
@Suite struct StatedSizeTests {
    @Test(arguments: [
        ("0", 0), ("1152921504606846976", 1 << 60), ("1152921504606846977", nil), ("9223372036854775807", nil),
        ("-1", nil), ("", nil), ("99999999999999999999", nil), ("1e3", nil),
    ])
    func onlyPossibleSizesAreSizes(text: String, size: Int64?) {
        #expect(ObjectStatus.size(stated: text) == size)
        let headers: HTTPHeaders = ["content-length": text]
        #expect((try? S3Client.status(headers, path: "x"))?.size == size)
    }

    @Test(arguments: ["-5", "9223372036854775807", "many"])
    func listingsWithImpossibleSizesAreErrors(size: String) async throws {
        let service = try await SmallServer { request in
            if request.method == "OPTIONS" { return (200, "") }
            if request.method == "PROPFIND" {
                return (
                    207,
                    "<multistatus><response><href>/f</href><propstat><prop><getcontentlength>\(size)</getcontentlength>"
                        + "</prop></propstat></response></multistatus>"
                )
            }
            return (
                200,
                "<ListBucketResult><Contents><Key>f</Key><Size>\(size)</Size></Contents></ListBucketResult>"
            )
        }
        let client = try S3Servers.client(service.address)
        await expectError({ if case .unreachable = $0 { true } else { false } }) {
            _ = try await client.list(bucket: "b", prefix: "", from: nil)
        }
        let server = WebDAVClient(transport: client.transport, origin: service.address, authorization: .none)
        await expectError({ if case .unreachable = $0 { true } else { false } }) {
            _ = try await server.resources("/", depth: 1)
        }
        try await service.stop()
    }
}
