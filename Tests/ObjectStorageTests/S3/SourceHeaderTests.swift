import Testing

@testable import ObjectStorage

@Suite struct SourceHeaderTests {
    /// Quoting makes nine characters of some, so a path soon is longer than a header should be.
    @Test func longSourcesThatDifferAtTheBeginningAreToldApart() {
        let end = "/" + String(repeating: "漢", count: 200) + "/x.fits"
        let (one, two) = (S3Client.headerValue(ofSource: "a" + end), S3Client.headerValue(ofSource: "b" + end))
        #expect(one != two)
        for value in [one, two] {
            #expect(value.utf8.count <= 1000 && value.hasSuffix("/x.fits"))
            #expect(value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        }
        #expect(S3Client.headerValue(ofSource: "cam1/data/a b") == "cam1/data/a%20b")
    }
}
