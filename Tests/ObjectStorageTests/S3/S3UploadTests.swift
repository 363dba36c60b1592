import Testing

@testable import ObjectStorage

@Suite struct S3UploadTests {
    /// Ten thousand parts have to hold the largest object that there may be: five terabytes.
    @Test func partsGrowWithTheUpload() {
        #expect(S3Upload.partSize(after: 0) == 8 << 20)
        #expect(S3Upload.partSize(after: 999) == 8 << 20)
        #expect(S3Upload.partSize(after: 1000) == 16 << 20)
        let all = (0..<10_000).reduce(0) { $0 + S3Upload.partSize(after: $1) }
        #expect(all >= 5 << 40)
        #expect(S3Upload.partSize(after: 9_999) <= 5 << 30)
    }
}
