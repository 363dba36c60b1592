#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads and writes the times in answers of storage services. Nanoseconds since 1970, UTC; times after 2262, which some
/// write for "never", count as the last one that there is.
enum UTCTime {
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Tue, 15 Nov 1994 08:12:31 GMT` (RFC 9110, section 5.6.7); `nil` for what is none.
    static func parseHTTP(_ text: String) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count >= 5, let day = Int(words[1]), let year = Int(words[3]),
            let month = months.firstIndex(of: String(words[2]))
        else { return nil }
        return nanoseconds(year, month + 1, day, clock: words[4])
    }

    /// `2009-10-12T17:50:30.123Z`; `nil` for what is none, and for other zones.
    static func parseISO(_ text: String) -> Int64? {
        guard text.hasSuffix("Z"), let t = text.firstIndex(of: "T") else { return nil }
        let date = text[..<t].split(separator: "-").compactMap { Int($0) }
        guard date.count == 3 else { return nil }
        return nanoseconds(date[0], date[1], date[2], clock: text[text.index(after: t)...].dropLast())
    }

    private static func nanoseconds(_ year: Int, _ month: Int, _ day: Int, clock: Substring) -> Int64? {
        let parts = clock.split(separator: ":")
        guard parts.count == 3, let hour = Int(parts[0]), let minute = Int(parts[1]), let second = Double(parts[2]),
            (1...12).contains(month), (1...31).contains(day), (1900...9999).contains(year), second < 62, second >= 0
        else { return nil }
        var time = tm()
        time.tm_year = Int32(year - 1900)
        time.tm_mon = Int32(month - 1)
        time.tm_mday = Int32(day)
        time.tm_hour = Int32(truncatingIfNeeded: hour)
        time.tm_min = Int32(truncatingIfNeeded: minute)
        let (nanoseconds, isLater) = Int64(timegm(&time)).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isJustLater) = nanoseconds.addingReportingOverflow(Int64((second * 1e9).rounded()))
        return isLater || isJustLater ? .max : sum
    }

    /// `20130524T000000Z`, as signatures have it.
    static func basic(seconds time: Int64) -> String {
        var seconds = time_t(time)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return String(unsafeUninitializedCapacity: 16) { text in
            func write(_ number: Int32, _ count: Int, at start: Int) {
                var rest = UInt32(bitPattern: number)
                for index in stride(from: start + count - 1, through: start, by: -1) {
                    text[index] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
            }
            write(parts.tm_year + 1900, 4, at: 0)
            write(parts.tm_mon + 1, 2, at: 4)
            write(parts.tm_mday, 2, at: 6)
            text[8] = UInt8(ascii: "T")
            write(parts.tm_hour, 2, at: 9)
            write(parts.tm_min, 2, at: 11)
            write(parts.tm_sec, 2, at: 13)
            text[15] = UInt8(ascii: "Z")
            return 16
        }
    }
}
