import Testing

@testable import ObjectStorage

/// AWS has published the inputs and the signatures: "Signature calculations … examples" and "Query string
/// authentication" of the Amazon S3 reference, and the Signature Version 4 test suite.
@Suite struct SignatureTests {
    private static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    private static let storage = SignatureV4(
        credentials: S3Credentials(
            accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        region: "us-east-1")
    private static let host = ("host", "examplebucket.s3.amazonaws.com")
    private static let date = "20130524T000000Z"

    static let published: [(name: String, request: SignatureV4.Request, signature: String)] = [
        (
            "part of an object",
            .init(
                path: "/test.txt",
                headers: [
                    host, ("range", "bytes=0-9"), ("x-amz-content-sha256", emptyHash), ("x-amz-date", date),
                ], payloadHash: emptyHash),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        ),
        (
            "a parameter without value",
            .init(
                path: "/", query: [("lifecycle", "")],
                headers: [host, ("x-amz-content-sha256", emptyHash), ("x-amz-date", date)], payloadHash: emptyHash),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        ),
        (
            "a list of objects",
            .init(
                path: "/", query: [("prefix", "J"), ("max-keys", "2")],
                headers: [host, ("x-amz-content-sha256", emptyHash), ("x-amz-date", date)], payloadHash: emptyHash),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        ),
        (
            "a quoted path and a body",
            .init(
                method: "PUT", path: "/test%24file.text",
                headers: [
                    ("x-amz-storage-class", "REDUCED_REDUNDANCY"), ("date", "Fri, 24 May 2013 00:00:00 GMT"), host,
                    ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
                    ("x-amz-date", date),
                ], payloadHash: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        ),
    ]

    @Test(arguments: published.indices)
    func storageRequestsAreSignedAsAWSHasPublished(index: Int) {
        let example = Self.published[index]
        #expect(
            Self.storage.signature(of: example.request, date: Self.date) == example.signature, "\(example.name)")
    }

    @Test func aSignedURLIsTheOneThatAWSHasPublished() {
        let address = S3ObjectAddress(
            scheme: "https://", host: "examplebucket.s3.amazonaws.com", path: "/test.txt",
            resource: "/examplebucket/test.txt")
        #expect(
            Self.storage.query(.get, address, date: Self.date, lifetime: 86_400)
                == "X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    }

    private static let unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    @Test(arguments: [
        ([], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            [("Param2", "value2"), ("Param1", "value1")],
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        ),
        ([(unreserved, unreserved)], "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
    ])
    func theTestSuiteOfAWSAgrees(query: [(String, String)], signature: String) {
        let signer = SignatureV4(
            credentials: S3Credentials(
                accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1", service: "service")
        let request = SignatureV4.Request(
            path: "/", query: query.map { (name: $0.0, value: $0.1) },
            headers: [("x-amz-date", "20150830T123600Z"), ("host", "example.amazonaws.com")],
            payloadHash: Self.emptyHash)
        #expect(signer.signature(of: request, date: "20150830T123600Z") == signature)
    }

    @Test func versionTwoIsThatOfTheDeveloperGuide() {
        let address = S3ObjectAddress(
            scheme: "https://", host: "johnsmith.s3.amazonaws.com", path: "/photos/puppy.jpg",
            resource: "/johnsmith/photos/puppy.jpg")
        #expect(
            SignatureV2.query(.get, address, Self.storage.credentials, expires: 1_175_139_620)
                == "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620")
    }
}
