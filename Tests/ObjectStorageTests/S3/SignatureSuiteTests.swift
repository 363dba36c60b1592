import Testing

@testable import ObjectStorage

/// The cases of the signature test suite that AWS has published (version 4, signatures in headers), with the paths as
/// their canonical requests have them: normalising is the business of other services.
@Suite struct SignatureSuiteTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let request: SignatureV4.Request
        let signature: String

        init(
            _ name: String, _ method: String, _ path: String, _ query: [(String, String)],
            _ headers: [(String, String)], _ payloadHash: String, _ signature: String
        ) {
            self.name = name
            request = SignatureV4.Request(
                method: method, path: path, query: query.map { (name: $0.0, value: $0.1) },
                headers: [("x-amz-date", SignatureSuiteTests.date), ("host", "example.amazonaws.com")] + headers,
                payloadHash: payloadHash)
            self.signature = signature
        }

        var testDescription: String { name }
    }

    private static let date = "20150830T123600Z"
    private static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test(arguments: cases)
    func theSignatureIsThatOfTheSuite(example: Case) {
        let signer = SignatureV4(
            credentials: S3Credentials(
                accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1", service: "service")
        #expect(signer.signature(of: example.request, date: Self.date) == example.signature)
    }

    static let cases: [Case] = [
        .init("get-header-key-duplicate", "GET", "/", [], [("my-header1", "value2,value2,value1")], emptyHash,
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
        .init("get-header-value-multiline", "GET", "/", [], [("my-header1", "value1 value2 value3")], emptyHash,
            "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"),
        .init("get-header-value-order", "GET", "/", [], [("my-header1", "value4,value1,value3,value2")], emptyHash,
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"),
        .init("get-header-value-trim", "GET", "/", [], [("my-header2", "\"a   b   c\""), ("my-header1", "value1")],
            emptyHash, "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        .init("get-relative-normalized", "GET", "/", [], [], emptyHash,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        .init("get-relative-relative-normalized", "GET", "/", [], [], emptyHash,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        .init("get-relative-relative-unnormalized", "GET", "/example1/example2/../..", [], [], emptyHash,
            "dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613003b"),
        .init("get-relative-unnormalized", "GET", "/example/..", [], [], emptyHash,
            "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282"),
        .init("get-slash-dot-slash-normalized", "GET", "/", [], [], emptyHash,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        .init("get-slash-dot-slash-unnormalized", "GET", "/./", [], [], emptyHash,
            "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145"),
        .init("get-slash-normalized", "GET", "/", [], [], emptyHash,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        .init("get-slash-pointless-dot-normalized", "GET", "/example", [], [], emptyHash,
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"),
        .init("get-slash-pointless-dot-unnormalized", "GET", "/./example", [], [], emptyHash,
            "beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff"),
        .init("get-slash-unnormalized", "GET", "//", [], [], emptyHash,
            "c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5b76e"),
        .init("get-slashes-normalized", "GET", "/example/", [], [], emptyHash,
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
        .init("get-slashes-unnormalized", "GET", "//example//", [], [], emptyHash,
            "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"),
        .init("get-space-normalized", "GET", "/example%20space/", [], [], emptyHash,
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        .init("get-space-unnormalized", "GET", "/example%20space/", [], [], emptyHash,
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        .init("get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", [], [],
            emptyHash, "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        .init("get-utf8", "GET", "/%E1%88%B4", [], [], emptyHash,
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        .init("get-vanilla", "GET", "/", [], [], emptyHash,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        .init("get-vanilla-empty-query-key", "GET", "/", [("Param1", "value1")], [], emptyHash,
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        .init("get-vanilla-query", "GET", "/", [], [], emptyHash,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        .init("get-vanilla-query-order-encoded", "GET", "/",
            [("Param-3", "Value3"), ("Param", "Value2"), ("ሴ", "Value1")], [], emptyHash,
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"),
        .init("get-vanilla-query-order-key-case", "GET", "/", [("Param2", "value2"), ("Param1", "value1")], [],
            emptyHash, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        .init("get-vanilla-query-unreserved", "GET", "/",
            [
                (
                    "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                    "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                ),
            ], [], emptyHash, "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
        .init("get-vanilla-utf8-query", "GET", "/", [("ሴ", "bar")], [], emptyHash,
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        .init("get-vanilla-with-session-token", "GET", "/", [],
            [("x-amz-security-token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267")], emptyHash,
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"),
        .init("post-header-key-case", "POST", "/", [], [], emptyHash,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        .init("post-header-key-sort", "POST", "/", [], [("my-header1", "value1")], emptyHash,
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
        .init("post-header-value-case", "POST", "/", [], [("my-header1", "VALUE1")], emptyHash,
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"),
        .init("post-sts-header-after", "POST", "/", [], [], emptyHash,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        .init("post-sts-header-before", "POST", "/", [],
            [
                (
                    "x-amz-security-token",
                    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfp"
                        + "SPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQ"
                        + "DYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+s"
                        + "cqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
                ),
            ], emptyHash, "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
        .init("post-vanilla", "POST", "/", [], [], emptyHash,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        .init("post-vanilla-empty-query-value", "POST", "/", [("Param1", "value1")], [], emptyHash,
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
        .init("post-vanilla-query", "POST", "/", [("Param1", "value1")], [], emptyHash,
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
        .init("post-x-www-form-urlencoded", "POST", "/", [],
            [
                ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
                ("content-type", "application/x-www-form-urlencoded"),
                ("content-length", "13"),
            ], "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"),
        .init("post-x-www-form-urlencoded-parameters", "POST", "/", [],
            [
                ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("content-length", "13"),
            ], "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422"),
    ]
}
