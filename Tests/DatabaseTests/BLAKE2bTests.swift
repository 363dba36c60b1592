import ByteText
import Testing

@testable import Database

@Suite struct BLAKE2bTests {
    /// RFC 7693, appendix A.
    @Test func theDigestOfABCIsThatOfTheStandard() {
        #expect(
            BLAKE2b.hexadecimalDigest(of: Array("abc".utf8))
                == "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
                + "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923")
    }

    /// Made with Python's hashlib over the bytes 0, 1, … 255, 0, 1, …
    @Test(arguments: [
        (
            0, 64,
            "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419"
                + "d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce"
        ),
        (0, 1, "2e"),
        (1, 4, "0ad83173"),
        (127, 32, "f2fe67ff342e21b8f45e8f2e0bcd1d9243245d50ee6c78042e9c491388791c72"),
        (128, 4, "b36f9364"),
        (
            128, 64,
            "2319e3789c47e2daa5fe807f61bec2a1a6537fa03f19ff32e87eecbfd64b7e0e"
                + "8ccff439ac333b040f19b0c4ddd11a61e24ac1fe0f10a039806c5dcc0da3d115"
        ),
        (129, 20, "a7bf25f1599102ab631e3052e8303a2c097d1a7e"),
        (
            255, 64,
            "5b21c5fd8868367612474fa2e70e9cfa2201ffeee8fafab5797ad58fefa17c9b"
                + "5b107da4a3db6320baaf2c8617d5a51df914ae88da3867c2d41f0cc14fa67928"
        ),
        (256, 16, "c2472c0ac37a8dbdb25f05ada0d82643"),
        (257, 7, "7da1d0fbe146a7"),
        (
            1000, 64,
            "9fe687126e6566313081b43167cbfa0b4f721b45a5afd4076af327765d63a616"
                + "478ffbd1cd5fbe4033e8638b8bcf8de6b3978b54a30f1d9d8d68fbe66c2b74cf"
        ),
        (
            4096, 48,
            "4fc316793dd0e8a942c2465b10489c62cb0fc501b58def1ade8e9d3c07a5d7d5"
                + "38e5b07ae48449d9169f0801e306d509"
        ),
    ])
    func digestsAgreeWithThePythonLibrary(length: Int, size: Int, expected: String) throws {
        let size = try #require(BLAKE2b.DigestSize(bytes: size))
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        #expect(BLAKE2b.hexadecimalDigest(of: bytes, size: size) == expected)
    }

    @Test func piecesGiveTheDigestOfTheWhole() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let whole = BLAKE2b.hexadecimalDigest(of: bytes)
        for step in [1, 3, 64, 127, 128, 129, 256, 500] {
            var hash = BLAKE2b()
            for start in stride(from: 0, to: bytes.count, by: step) {
                hash.update(Array(bytes[start..<min(start + step, bytes.count)]))
                _ = hash.finalized()
            }
            #expect(Hexadecimal.encode(hash.finalized()) == whole)
        }
    }

    @Test func digestSizesAreFrom1To64() {
        #expect(BLAKE2b.DigestSize(bytes: 0) == nil)
        #expect(BLAKE2b.DigestSize(bytes: 65) == nil)
    }
}
