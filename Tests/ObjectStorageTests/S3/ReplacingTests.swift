import NIOHTTP1
import Testing

@testable import ObjectStorage

/// What tells whether an object may be replaced, or has the bytes of a file already.
@Suite struct ReplacingTests {
    private static let date = "Fri, 27 Nov 2026 00:00:10 GMT"
    private static let ten: Int64 = 1_795_737_610_000_000_000

    private func isOlder(_ modified: Int64, than time: Int64, clock: String?, now: Int64) -> Bool {
        var headers = HTTPHeaders()
        if let clock { headers.add(name: "Date", value: clock) }
        return S3Client.isOlder(
            ObjectStatus(size: 1, modificationTime: modified, etag: ""), than: time, headers, now: now)
    }

    @Test func timesAreComparedByTheClockOfTheService() throws {
        let second: Int64 = 1_000_000_000
        let ten = try #require(UTCTime.parseHTTP(Self.date))
        #expect(ten == Self.ten)
        // The clocks agree. What is of the same second may be later.
        #expect(isOlder(ten - 2 * second, than: ten, clock: Self.date, now: ten))
        #expect(!isOlder(ten - second, than: ten, clock: Self.date, now: ten))
        #expect(!isOlder(ten, than: ten, clock: Self.date, now: ten))
        // That of the service is a minute behind: an object of before a minute is of now.
        #expect(!isOlder(ten - 2 * second, than: ten + 55 * second, clock: Self.date, now: ten + 60 * second))
        #expect(isOlder(ten - 10 * second, than: ten + 55 * second, clock: Self.date, now: ten + 60 * second))
        #expect(isOlder(ten - 2 * second, than: ten, clock: nil, now: ten))
        // Of an object without a time nothing is known.
        #expect(!isOlder(0, than: ten, clock: Self.date, now: ten))
    }

    private func sizes(_ size: Int64, _ tag: String, own: Int64) -> [Int64] {
        PartSizes.likely(for: ObjectStatus(size: size, modificationTime: 0, etag: tag), own: own)
    }

    @Test func sizesOfPartsFollowFromTheTag() {
        let mebibyte: Int64 = 1 << 20
        #expect(sizes(40_000_000, "\"0-4\"", own: 12 << 20) == [12, 10].map { $0 * mebibyte })
        #expect(sizes(40_000_000, "\"0-8\"", own: 5 << 20) == [5 << 20])
        #expect(sizes(40_000_000, "\"0-1\"", own: 12 << 20) == [40_000_000])
        #expect(sizes(40_000_000, "\"0-7\"", own: 12 << 20).isEmpty)
        for tag in ["", "\"0\"", "\"0-\"", "\"0-0\"", "\"0-x\"", "\"0-99999999999999999999\""] {
            #expect(sizes(40_000_000, tag, own: 12 << 20).isEmpty)
        }
        // More than ten thousand parts of the usual size.
        #expect(sizes(60_000_000_000, "\"0-10000\"", own: 5 << 20).first == 6_000_000)
    }
}
