import NIOHTTP1
import Testing

@testable import ObjectStorage

/// The expected signatures were made by botocore for keys, time and host that are given here.
@Suite struct SignedRequestTests {
    private static let keys = S3Credentials(accessKeyID: "AKIDTEST", secretAccessKey: "SECRETTEST")
    /// 2026-01-02T03:04:05Z.
    private static let time: Int64 = 1_767_323_045
    private static let key = "a b/c+d%é.txt"

    private func client() throws -> S3Client {
        S3Client(S3Service(endpoint: "http://127.0.0.1:9000", credentials: Self.keys), transport: try HTTPTransport())
    }

    private func signature(_ call: S3Client.Call) throws -> String {
        let request = try client().request(call, Self.keys, at: Self.time)
        let header = try #require(request.headers.first(name: "authorization"))
        #expect(
            header.hasPrefix(
                "AWS4-HMAC-SHA256 Credential=AKIDTEST/20260102/us-east-1/s3/aws4_request, "
                    + "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="))
        return String(header.suffix(64))
    }

    @Test func headersAreSignedAsBotocoreSignsThem() throws {
        let put = S3Client.Call(method: .PUT, bucket: "bkt", key: Self.key, operation: "write")
        #expect(try signature(put) == "5186f58e9e48e166d26f9c40c98102e0e2bfa39cdbb05ce2dde3a7a5819b865b")
        #expect(
            try client().request(put, Self.keys, at: Self.time).url
                == "http://127.0.0.1:9000/bkt/a%20b/c%2Bd%25%C3%A9.txt")
    }

    /// Bodies are not signed by the client; the signer can.
    @Test func bodiesThatAreSignedHaveTheSignatureOfBotocore() {
        let signer = SignatureV4(credentials: Self.keys, region: "us-east-1")
        func signature(_ method: String, _ path: String, _ query: [(String, String)], _ hash: String) -> String {
            signer.signature(
                of: SignatureV4.Request(
                    method: method, path: path, query: query.map { (name: $0.0, value: $0.1) },
                    headers: [
                        ("host", "127.0.0.1:9000"), ("x-amz-content-sha256", hash), ("x-amz-date", "20260102T030405Z"),
                    ], payloadHash: hash), date: "20260102T030405Z")
        }
        #expect(
            signature(
                "PUT", "/bkt/a%20b/c%2Bd%25%C3%A9.txt", [],
                "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
                == "1372e744c003c7c93bb4e1cf88621ca9c9ec72822a3bb9e9bd67561ab54665fb")
        #expect(
            signature(
                "GET", "/bkt",
                [("list-type", "2"), ("prefix", "rp/"), ("delimiter", "/"), ("encoding-type", "url")],
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
                == "6e98f60dde3941a2990818e9155eb176629ee030af57ed1267c6ddcdc28f6f90")
    }

    @Test func urlsForReadingAndWritingHaveTheSignaturesOfBotocore() {
        let service = S3Service(endpoint: "http://127.0.0.1:9000", credentials: Self.keys)
        let address = service.address(of: S3Location(bucket: "bkt", key: Self.key))
        #expect(
            SignatureV4(credentials: Self.keys, region: "us-east-1")
                .query(.get, address, date: "20260102T030405Z", lifetime: 60)
                .hasSuffix("=1e2112492d062dde2bffa947378b76a791a90fbe5ce48db1357014ce9daf7363"))
        #expect(
            SignatureV2.query(.get, address, Self.keys, expires: Self.time)
                == "AWSAccessKeyId=AKIDTEST&Signature=Yd5R9ebeLibC2pql1LI%2FFaLmOmM%3D&Expires=1767323045")
        #expect(
            SignatureV2.query(.put, address, Self.keys, expires: Self.time)
                == "AWSAccessKeyId=AKIDTEST&Signature=hI%2BUPr2m6qpj8xELiR00%2BmUCQxc%3D&Expires=1767323045")
    }

    @Test func sessionTokensAreSentAndSigned() throws {
        let keys = S3Credentials(accessKeyID: "A", secretAccessKey: "S", sessionToken: "T")
        let request = try client().request(S3Client.Call(bucket: "b", operation: "list"), keys, at: Self.time)
        #expect(request.headers.first(name: "x-amz-security-token") == "T")
        #expect(request.headers.first(name: "authorization")?.contains(";x-amz-security-token,") == true)
    }
}
