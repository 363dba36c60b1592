import StorageFaults
import Testing

@testable import ObjectStorage

/// The expected URLs were made by boto3 1.43 with a clock that stood at 1700000000.
@Suite struct PresignedURLTests {
    private static let time: Int64 = 1_700_000_000

    private static func service(_ endpoint: String?, token: String? = nil, region: String = "us-east-1") -> S3Service {
        S3Service(
            endpoint: endpoint, region: region,
            credentials: S3Credentials(
                accessKeyID: "AKID/EXAMPLE", secretAccessKey: "secret/KEY+1", sessionToken: token))
    }

    struct Case: Sendable {
        let bucket: String
        let key: String
        let service: S3Service
        /// Without query.
        let address: String
        let signature2: String
        let signature4: String
    }

    static let cases: [Case] = [
        Case(
            bucket: "bucket", key: "a/b.fits", service: service("https://s3.example:9000"),
            address: "https://s3.example:9000/bucket/a/b.fits", signature2: "N15tLtY2TmN90z%2F1lXtSrGD7264%3D",
            signature4: "90e0847410e78c86d6b7d091d2f719ee64bdd5af35afa4b32f1193f2c16f2a29"),
        Case(
            bucket: "bucket", key: "run é/ü +&=?#%25.fits", service: service("https://s3.example:9000"),
            address: "https://s3.example:9000/bucket/run%20%C3%A9/%C3%BC%20%2B%26%3D%3F%23%2525.fits",
            signature2: "JG7r9x6lhBgkS%2F%2BxGK2qw3yzGcc%3D",
            signature4: "00c554e94ba41e2d9431eac28daa501b49c00b3958788f9a35c5fec591a48749"),
        Case(
            bucket: "bucket", key: "a b~c/x.json", service: service("http://127.0.0.1:5000/base"),
            address: "http://127.0.0.1:5000/base/bucket/a%20b~c/x.json",
            signature2: "SY3mxzOjY%2BMC%2BAwKWOe7x%2Fb4V%2FI%3D",
            signature4: "01095d02a1a08ea678efa621ca368a80edd0605b0efc8fee7396755017816216"),
        Case(
            bucket: "bucket", key: "a.json", service: service("https://s3.example", token: "tok/en+="),
            address: "https://s3.example/bucket/a.json",
            signature2: "m5nhivuOnNqjaoDKjudwX3GjSMk%3D&x-amz-security-token=tok%2Fen%2B%3D",
            signature4: "7b562dfa71043d86e3c758d7836f0d3621b44889ab08bba58c096a694d827095"),
        Case(
            bucket: "my-bucket", key: "a.json", service: service(nil),
            address: "https://my-bucket.s3.amazonaws.com/a.json", signature2: "tRmfmJKj%2BlxTQp%2BZ1SkduftxJfY%3D",
            signature4: "2b7a241379fbde629e9f96afcc30439094948f4125855f9b9ea57691ca193e6b"),
        Case(
            bucket: "my.bucket", key: "a.json", service: service(nil),
            address: "https://s3.amazonaws.com/my.bucket/a.json", signature2: "UbkMVYTFv67aPRrAMOV1V5GxAn4%3D",
            signature4: "c77f5e3e0b7b739be403577f8715367dd21509e59242d1a84d3afbc59dddf7ea"),
        Case(
            bucket: "my-bucket", key: "a.json", service: service(nil, region: "eu-west-1"),
            address: "https://my-bucket.s3.amazonaws.com/a.json", signature2: "tRmfmJKj%2BlxTQp%2BZ1SkduftxJfY%3D",
            signature4: "cac0359b7a76e50b35b190d489ea8780e98645753f20f43ea64bb232698a3088"),
    ]

    @Test(arguments: cases)
    func addressesAndSignaturesAreThoseOfBoto(example: Case) throws {
        let address = example.service.address(of: S3Location(bucket: example.bucket, key: example.key))
        #expect("\(address.scheme)\(address.host)\(address.path)" == example.address)
        #expect(
            SignatureV2.query(.get, address, example.service.credentials, expires: Self.time + 3600)
                == "AWSAccessKeyId=AKID%2FEXAMPLE&Signature=\(example.signature2)&Expires=1700003600")
        let query = SignatureV4(credentials: example.service.credentials, region: example.service.region)
            .query(.get, address, date: UTCTime.basic(seconds: Self.time), lifetime: 3600)
        #expect(query.hasSuffix("&X-Amz-Signature=\(example.signature4)"))
        #expect(query.contains("&X-Amz-Date=20231114T221320Z&X-Amz-Expires=3600&"))
    }

    private let services = S3Services(
        environment: [
            "S3_ENDPOINT_URL": "https://s3.example:9000", "AWS_ACCESS_KEY_ID": "AKID/EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret/KEY+1",
        ], credentialsFile: "")

    @Test func versionTwoIsTheUsualOne() throws {
        let url = try S3Presigner(services).url(
            .get, S3Location(bucket: "bucket", key: "a/b.fits"), for: 3600, at: Self.time)
        #expect(
            url == "https://s3.example:9000/bucket/a/b.fits?AWSAccessKeyId=AKID%2FEXAMPLE"
                + "&Signature=N15tLtY2TmN90z%2F1lXtSrGD7264%3D&Expires=1700003600")
    }

    @Test(arguments: [
        ("us-east-1", "https://bucket.s3.amazonaws.com/", "https://s3.amazonaws.com/a.b/", 2),
        ("us-west-2", "https://bucket.s3.amazonaws.com/", "https://s3.us-west-2.amazonaws.com/a.b/", 2),
        ("aws-global", "https://bucket.s3.amazonaws.com/", "https://s3.amazonaws.com/a.b/", 2),
        ("eu-central-1", "https://bucket.s3.amazonaws.com/", "https://s3.eu-central-1.amazonaws.com/a.b/", 4),
        ("ap-east-1", "https://bucket.s3.amazonaws.com/", "https://s3.ap-east-1.amazonaws.com/a.b/", 4),
        ("RegionOne", "https://bucket.s3.amazonaws.com/", "https://s3.RegionOne.amazonaws.com/a.b/", 4),
        (
            "cn-north-1", "https://bucket.s3.cn-north-1.amazonaws.com.cn/",
            "https://s3.cn-north-1.amazonaws.com.cn/a.b/", 4
        ),
    ])
    func theRegionDecidesAsInBoto(region: String, host: String, path: String, version: Int) throws {
        let services = S3Services(
            environment: [
                "AWS_DEFAULT_REGION": region, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
            ], credentialsFile: "")
        for (bucket, start) in [("bucket", host), ("a.b", path)] {
            let url = try S3Presigner(services).url(
                .get, S3Location(bucket: bucket, key: "x"), for: 600, at: Self.time)
            #expect(url.hasPrefix(start + "x?"), "\(url)")
            #expect(
                url.contains(
                    version == 2 ? "?AWSAccessKeyId=" : "/\(region)/s3/aws4_request".replacing("/", with: "%2F")))
        }
        let forced = S3Presigner(services, version: version == 2 ? .v4 : .v2)
        let url = try forced.url(.get, S3Location(bucket: "bucket", key: "x"), for: 600, at: Self.time)
        #expect(url.contains(version == 2 ? "X-Amz-Algorithm=" : "?AWSAccessKeyId="))
    }

    @Test func versionFourToleratesAMinuteEitherWay() throws {
        let presigner = S3Presigner(services, version: .v4)
        let location = S3Location(bucket: "bucket", key: "a/b.fits")
        let url = try presigner.url(.get, location, for: 600, at: Self.time)
        #expect(url.contains("&X-Amz-Date=20231114T221220Z&X-Amz-Expires=720&"))
        #expect(try presigner.url(.get, location, for: 604_800, at: 0).contains("&X-Amz-Expires=604800&"))
    }

    /// Servers run where keys are handed out for a few hours.
    @Test func keysThatAreHandedOutSignToo() async throws {
        let service = try await SmallServer { _ in
            (200, #"{"AccessKeyId":"AK","SecretAccessKey":"SK","Token":"T/1","Expiration":"2099-01-01T00:00:00Z"}"#)
        }
        let presigner = S3Presigner(
            S3Services(
                environment: [
                    "S3_ENDPOINT_URL": "https://s3.example", "AWS_CONTAINER_CREDENTIALS_FULL_URI": service.address,
                ], credentialsFile: ""))
        for key in ["a", "b//c"] {
            let url = try await presigner.url(of: ResourceURI("s3://bucket/\(key)"), for: 60, at: Self.time)
            #expect(url.hasPrefix("https://s3.example/bucket/\(key)?AWSAccessKeyId=AK&Signature="))
            #expect(url.contains("&x-amz-security-token=T%2F1&"))
        }
        #expect(service.requests.count == 1)
        try await service.stop()
        // The same with keys that stay, and for Google's storage.
        let fixed = S3Presigner(services)
        let location = S3Location(bucket: "bucket", key: "a/b.fits")
        #expect(
            try await fixed.url(of: ResourceURI("s3://bucket/a/b.fits"), for: 60, at: Self.time)
                == fixed.url(.get, location, for: 60, at: Self.time))
        #expect(
            try await fixed.url(of: ResourceURI("gs://bucket/a"), for: 60, at: Self.time)
                .hasPrefix("https://storage.googleapis.com/bucket/a?AWSAccessKeyId=AKID"))
        await #expect(throws: S3Error.noCredentials(profile: nil)) {
            try await S3Presigner(.none).url(of: ResourceURI("s3://bucket/a"), for: 60, at: Self.time)
        }
    }

    @Test(arguments: [Int64.min, -1, 0, 604_801])
    func impossibleLifetimesAreErrors(seconds: Int64) {
        #expect(throws: S3Error.badLifetime(seconds: seconds)) {
            try S3Presigner(services).url(.get, S3Location(bucket: "b", key: "k"), for: seconds, at: 0)
        }
    }
}
