import Testing

@testable import Serving

@Suite struct UTCDateTests {
    @Test(arguments: [
        (Int64(0), "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ])
    func httpDatesAreWrittenAndRead(seconds: Int64, text: String) {
        #expect(UTCDate(seconds: seconds).httpDate == text)
        #expect(UTCDate(httpDate: text) == UTCDate(seconds: seconds))
    }

    @Test func logTimesHaveMilliseconds() {
        #expect(UTCDate(seconds: 784_111_777, nanoseconds: 42_999_999).iso8601 == "1994-11-06T08:49:37.042Z")
    }

    @Test(arguments: ["", "Sun, 06 Nov 1994", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 25:00:00 GMT"])
    func otherTextIsNoDate(text: String) { #expect(UTCDate(httpDate: text) == nil) }
}
