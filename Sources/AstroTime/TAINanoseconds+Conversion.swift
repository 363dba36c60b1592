import CERFA

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension JulianDate {
    /// The Julian date in TAI of an instant, as astropy builds it from nanoseconds.
    public init(_ time: TAINanoseconds) {
        let (seconds, nanoseconds) = Self.floorDivide(time.rawValue, 1_000_000_000)
        let (days, secondOfDay) = Self.floorDivide(seconds, 86400)
        // 1970-01-01 is Julian date 2440587.5, split so that the remainder lies within half a day.
        var day = 2_440_588.0 + Double(days)
        var fraction = -0.5 + (Double(secondOfDay) + Double(nanoseconds) / 1e9) / 86400
        if fraction > 0.5 {
            fraction -= 1
            day += 1
        }
        self.init(unsplit: day, fraction, scale: .tai)
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
        return remainder < 0 ? (quotient - 1, remainder + b) : (quotient, remainder)
    }
}

extension TAINanoseconds {
    /// The instant of a Julian date: whole days exactly, and the rest rounded to the nearest nanosecond, halves to
    /// even. Instants outside the range that a Butler can store are clamped to it, and the second member tells so.
    ///
    /// - Throws: ``TimeError`` when the date's scale cannot be converted to TAI.
    public static func clamping(_ date: JulianDate) throws(TimeError) -> (TAINanoseconds, TimeLiteral.Clamp?) {
        let tai = try date.converted(to: .tai)
        let epoch = JulianDate(.earliest)
        let limit = JulianDate(.latest)
        if (tai.day - epoch.day) + (tai.fraction - epoch.fraction) < 0 { return (.earliest, .earliest) }
        if (tai.day - limit.day) + (tai.fraction - limit.fraction) > 0 { return (.latest, .latest) }
        let (days, fraction) = TwoDouble.dayFraction(tai.day - epoch.day, tai.fraction - epoch.fraction)
        let nanosecondsPerDay: Int64 = 86_400_000_000_000
        let rest = Int64((fraction * Double(nanosecondsPerDay)).rounded(.toNearestOrEven))
        return (TAINanoseconds(rawValue: Int64(days) * nanosecondsPerDay + rest), nil)
    }

    /// The instant of a Julian date, clamped to the range that a Butler can store.
    public init(_ date: JulianDate) throws(TimeError) { self = try Self.clamping(date).0 }

    /// The current instant by the system's UTC clock.
    public static var now: TAINanoseconds {
        var clock = timespec()
        clock_gettime(CLOCK_REALTIME, &clock)
        return TAINanoseconds(unixSeconds: Int64(clock.tv_sec), nanoseconds: Int64(clock.tv_nsec))
    }

    /// The instant of a Unix time, which counts UTC seconds without leap seconds. From 1972 on; before that TAI − UTC
    /// was not a whole number of seconds, and the result is rounded to a nanosecond.
    public init(unixSeconds: Int64, nanoseconds: Int64 = 0) {
        var year: Int32 = 0
        var month: Int32 = 0
        var day: Int32 = 0
        var dayFraction = 0.0
        var leap = 0.0
        let days = (Double(unixSeconds) / 86400).rounded(.down)
        let secondOfDay = Double(unixSeconds) - days * 86400
        // Neither call can fail for a 64-bit clock's plausible dates; at worst no leap seconds are known.
        if eraJd2cal(2_440_587.5, days, &year, &month, &day, &dayFraction) >= 0 {
            _ = eraDat(year, month, day, secondOfDay / 86400, &leap)
        }
        self.init(rawValue: unixSeconds * 1_000_000_000 + nanoseconds + Int64((leap * 1e9).rounded()))
    }

    // MARK: Text

    /// The date and time of day with `precision` decimals of a second (0…9), rounded, as astropy prints the formats
    /// `iso` (with the separator `" "`) and `isot` (`"T"`).
    ///
    /// - Throws: ``TimeError/needsEarthRotation`` for UT1.
    public func text(
        scale: TimeScale = .tai, precision: Int = 9, separator: Character = "T"
    ) throws(TimeError) -> String {
        let calendar = try JulianDate(self).converted(to: scale).calendar(precision: min(max(precision, 0), 9))
        return calendar.date + String(separator) + calendar.timeOfDay
    }

    /// The Modified Julian Date on a scale, in days; a double holds about a microsecond here.
    public func mjd(scale: TimeScale = .tai) throws(TimeError) -> Double {
        try JulianDate(self).converted(to: scale).mjd
    }
}

extension TAINanoseconds: CustomStringConvertible {
    /// `2020-01-01T00:00:00.000000000`, in TAI.
    public var description: String { (try? text()) ?? "\(rawValue) ns" }

    /// `2020-01-01T00:00:00` in TAI: rounded to microseconds and cut to seconds, as Python's timespans print.
    var secondsText: String {
        guard let calendar = try? JulianDate(self).calendar(precision: 6) else { return "\(rawValue) ns" }
        return calendar.date + "T" + calendar.wholeSeconds
    }
}
