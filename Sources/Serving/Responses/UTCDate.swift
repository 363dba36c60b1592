#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The clock of the system.
public enum UTCClock {
    /// Whole seconds since 1970-01-01T00:00:00 UTC.
    public static var seconds: Int64 { UTCDate.now().seconds }
}

/// A moment in UTC, in the forms of HTTP headers and log lines. Leap seconds do not occur: this is POSIX time.
struct UTCDate: Hashable, Sendable {
    /// Seconds since 1970-01-01T00:00:00 UTC.
    let seconds: Int64
    let nanoseconds: Int64

    init(seconds: Int64, nanoseconds: Int64 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    static func now() -> UTCDate {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UTCDate(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
    }

    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
    var httpDate: String {
        let (days, clock) = (seconds.floorDivided(by: 86400), seconds.floorModulo(86400))
        let date = Self.civil(days)
        return "\(Self.weekdays[Int(days.floorModulo(7))]), \(padded(date.day)) \(Self.months[Int(date.month) - 1]) "
            + "\(padded(date.year, 4)) \(Self.time(clock)) GMT"
    }

    /// `1994-11-06T08:49:37.000Z`.
    var iso8601: String {
        let date = Self.civil(seconds.floorDivided(by: 86400))
        return "\(padded(date.year, 4))-\(padded(date.month))-\(padded(date.day))T"
            + "\(Self.time(seconds.floorModulo(86400))).\(padded(nanoseconds / 1_000_000, 3))Z"
    }

    /// The date that an HTTP header holds, in its preferred form. The two obsolete forms are not understood; a
    /// condition with such a date is ignored, which costs a transfer but is never wrong.
    init?(httpDate text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[5] == "GMT", let day = Int64(parts[1]),
            let month = Self.months.firstIndex(of: String(parts[2])), let year = Int64(parts[3])
        else { return nil }
        let clock = parts[4].split(separator: ":", omittingEmptySubsequences: false).compactMap { Int64($0) }
        guard clock.count == 3, (1...31).contains(day), (1...9999).contains(year), (0..<24).contains(clock[0]),
            (0..<60).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        let days = Self.days(year: year, month: Int64(month) + 1, day: day)
        self.init(seconds: days * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2])
    }

    private static func time(_ clock: Int64) -> String {
        "\(padded(clock / 3600)):\(padded(clock / 60 % 60)):\(padded(clock % 60))"
    }

    // MARK: Proleptic Gregorian calendar, in eras of 400 years that start in March

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1
        )
    }

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let era = marchYear.floorDivided(by: 400)
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

private func padded(_ number: Int64, _ width: Int = 2) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
    }

    fileprivate func floorModulo(_ divisor: Int64) -> Int64 { self - floorDivided(by: divisor) * divisor }
}
