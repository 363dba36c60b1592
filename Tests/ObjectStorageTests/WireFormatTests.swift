import ByteText
import Testing

@testable import ObjectStorage

@Suite struct WireFormatTests {
    // MARK: Checksums

    /// The check values of the catalogue of CRC algorithms, and those of RFC 1321 and FIPS 180.
    @Test(arguments: [
        (ChecksumAlgorithm.crc32, "cbf43926"), (.crc32c, "e3069283"), (.md5, "25f9e794323b453885f5181f1b624d0b"),
        (.sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        (.sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
    ])
    func checksumsHaveTheirCheckValues(algorithm: ChecksumAlgorithm, expected: String) throws {
        let bytes = Array("123456789".utf8)
        #expect(bytes.withUnsafeBytes { RunningChecksum.of($0, algorithm) }.map { Hexadecimal.encode($0) } == expected)
        // In pieces of every size, too.
        for cut in 0...bytes.count {
            var sum = try #require(RunningChecksum(algorithm))
            bytes[..<cut].withUnsafeBytes { sum.update($0) }
            bytes[cut...].withUnsafeBytes { sum.update($0) }
            #expect(Hexadecimal.encode(sum.finish()) == expected)
        }
    }

    @Test func checksumsThatAreNotMadeHereAreNone() {
        #expect(RunningChecksum(.adler32) == nil)
        #expect(RunningChecksum(.crc64nvme) == nil)
    }

    // MARK: Times

    @Test func timesOfAnswersAreRead() {
        let seconds: Int64 = 784_111_777
        #expect(UTCTime.parseHTTP("Sun, 06 Nov 1994 08:49:37 GMT") == seconds * 1_000_000_000)
        #expect(UTCTime.parseISO("1994-11-06T08:49:37Z") == seconds * 1_000_000_000)
        #expect(UTCTime.parseISO("1994-11-06T08:49:37.250Z") == seconds * 1_000_000_000 + 250_000_000)
        #expect(UTCTime.basic(seconds: seconds) == "19941106T084937Z")
        for text in ["", "x", "Sun, 06 Nov", "1994-11-06", "1994-11-06T08:49:37+01:00", "1994-13-06T08:49:37Z"] {
            #expect(UTCTime.parseHTTP(text) == nil)
            #expect(UTCTime.parseISO(text) == nil)
        }
    }

    /// Years that some write for "never".
    @Test func timesAfterTheLastOneAreTheLastOne() {
        #expect(UTCTime.parseISO("9999-12-31T23:59:59Z") == .max)
        #expect(UTCTime.parseHTTP("Fri, 31 Dec 9999 23:59:59 GMT") == .max)
        #expect(UTCTime.parseISO("2262-04-11T23:47:16.9Z") == .max)
        #expect(UTCTime.parseISO("2262-04-11T23:47:16Z").map { $0 < .max } == true)
    }

    @Test(arguments: [
        ("7", Duration.seconds(7)), ("-1", .zero), ("1e300", .seconds(3600)), ("inf", .seconds(3600)), ("nan", nil),
        ("soon", nil),
    ])
    func waitsThatServicesAskForAreBounded(text: String, wait: Duration?) {
        #expect(HTTPAnswer.retryAfter(["retry-after": text]) == wait)
    }

    // MARK: XML

    @Test func documentsAreRead() throws {
        let document = try #require(
            XMLElement(
                """
                <?xml version="1.0" encoding="UTF-8"?>
                <!-- a comment > with signs -->
                <D:list xmlns:D="DAV:"><D:item kind="x">a &lt;b&gt; &amp; &#233;&#x1F52D;</D:item><D:item/>
                <D:item><![CDATA[<raw & text>]]></D:item><D:deep><D:er>1</D:er></D:deep></D:list>
                """))
        #expect(document.name == "list")
        #expect(document.all("item").map(\.text) == ["a <b> & é🔭", "", "<raw & text>"])
        #expect(document["deep"]?["er"]?.text == "1")
        #expect(document["none"] == nil)
    }

    @Test(arguments: [
        "", "text", "<a>", "<a></b>", "</a>", "<a>&unknown;</a>", "<a>&amp</a>", "<a/><b/>", "<!DOCTYPE x><a/>",
        "<a><![CDATA[x</a>", String(repeating: "<a>", count: 100) + String(repeating: "</a>", count: 100),
    ])
    func whatIsNoDocumentIsNotRead(text: String) { #expect(XMLElement(text) == nil) }

    @Test func escapedTextsComeBack() {
        for text in ["a<b>&\"'c", "tab\tline\nreturn\r", "é🔭", "]]>"] {
            #expect(XMLElement("<a>\(XMLElement.escaped(text))</a>")?.text == text)
        }
    }

    // MARK: Ranges

    @Test(arguments: [
        ("bytes 0-9/100", 0..<10, 100), ("bytes 99-99/100", 99..<100, 100),
    ] as [(String, Range<Int64>, Int64)])
    func rangesOfAnswersAreRead(text: String, range: Range<Int64>, size: Int64) throws {
        let found = try #require(ContentRange(["content-range": text]))
        #expect(found.lower..<found.upper == range && found.size == size)
    }

    @Test(arguments: ["bytes */100", "bytes 5-4/100", "bytes 0-100/100", "items 0-9/100", ""])
    func otherRangesAreNone(text: String) { #expect(ContentRange(["content-range": text]) == nil) }
}
