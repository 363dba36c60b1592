import CERFA

/// An instant as a Julian date on a time scale, in two parts: whole days and a remainder within ±0.5 day. Together
/// they hold about 0.01 ns. The arithmetic is that of astropy's `Time`.
public struct JulianDate: Hashable, Sendable {
    /// The Julian date of MJD 0.
    static let mjdOrigin = 2_400_000.5

    public let scale: TimeScale
    public let day: Double
    public let fraction: Double

    /// The Julian date `first + second`, in days.
    public init(_ first: Double, _ second: Double = 0, scale: TimeScale) {
        self.scale = scale
        (day, fraction) = TwoDouble.dayFraction(first, second)
    }

    /// Keeps the two parts as they are.
    init(unsplit day: Double, _ fraction: Double, scale: TimeScale) {
        self.scale = scale
        self.day = day
        self.fraction = fraction
    }

    /// A date and time of day of the Gregorian calendar (also before 1582). `second` may reach 60 and beyond: in a
    /// UTC leap second it means that second, elsewhere the time runs on into the next minute.
    ///
    /// - Throws: ``TimeError/impossibleDate(_:)``.
    public init(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Double = 0, scale: TimeScale
    ) throws(TimeError) {
        var first = 0.0
        var rest = 0.0
        guard let year32 = Int32(exactly: year), let month32 = Int32(exactly: month), let day32 = Int32(exactly: day),
            let hour32 = Int32(exactly: hour), let minute32 = Int32(exactly: minute),
            // A positive status is a warning: a year without known leap seconds, or a second past the minute.
            eraDtf2d(scale.erfaName, year32, month32, day32, hour32, minute32, second, &first, &rest) >= 0
        else { throw .impossibleDate("\(year)-\(month)-\(day) \(hour):\(minute):\(second)") }
        self.init(first, rest, scale: scale)
    }

    /// The Modified Julian Date: Julian date − 2400000.5, in days.
    public var mjd: Double { (day - Self.mjdOrigin) + fraction }

    // MARK: Scales

    /// The same instant on another scale.
    ///
    /// - Throws: ``TimeError/needsEarthRotation`` from or to UT1; ``TimeError/outsideCalendar(day:scale:)``.
    public func converted(to target: TimeScale) throws(TimeError) -> JulianDate {
        guard target != scale else { return self }
        let path = scale.path(to: target)
        var first = day
        var rest = fraction
        for (from, to) in zip(path, path.dropFirst()) {
            guard from != .ut1, to != .ut1 else { throw .needsEarthRotation }
            let (a, b) = (first, rest)
            let status: Int32
            switch (from, to) {
            case (.utc, .tai): status = eraUtctai(a, b, &first, &rest)
            case (.tai, .utc): status = eraTaiutc(a, b, &first, &rest)
            case (.tai, .tt): status = eraTaitt(a, b, &first, &rest)
            case (.tt, .tai): status = eraTttai(a, b, &first, &rest)
            case (.tt, .tcg): status = eraTttcg(a, b, &first, &rest)
            case (.tcg, .tt): status = eraTcgtt(a, b, &first, &rest)
            case (.tt, .tdb): status = eraTttdb(a, b, try Self.tdbMinusTT(a, b), &first, &rest)
            case (.tdb, .tt): status = eraTdbtt(a, b, try Self.tdbMinusTT(a, b), &first, &rest)
            case (.tdb, .tcb): status = eraTdbtcb(a, b, &first, &rest)
            default: status = eraTcbtdb(a, b, &first, &rest)
            }
            guard status >= 0 else { throw .outsideCalendar(day: a + b, scale: from) }
        }
        return JulianDate(first, rest, scale: target)
    }

    /// TDB − TT in seconds for an observer at the centre of the Earth. The date may be on either scale, and UTC
    /// stands in for UT1: the difference is far below a picosecond.
    private static func tdbMinusTT(_ first: Double, _ rest: Double) throws(TimeError) -> Double {
        var a = 0.0
        var b = 0.0
        guard eraTttai(first, rest, &a, &b) >= 0, eraTaiutc(a, b, &a, &b) >= 0 else {
            throw .outsideCalendar(day: first + rest, scale: .tt)
        }
        let universalTime = TwoDouble.dayFraction(a - 0.5, b).1
        return eraDtdb(first, rest, universalTime, 0, 0, 0)
    }

    // MARK: Calendar

    /// The calendar date and time of day, rounded to `precision` decimals of a second.
    func calendar(precision: Int) throws(TimeError) -> CalendarTime {
        var year: Int32 = 0
        var month: Int32 = 0
        var day: Int32 = 0
        var time: (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        let status = withUnsafeMutablePointer(to: &time) {
            $0.withMemoryRebound(to: Int32.self, capacity: 4) { fields in
                eraD2dtf(scale.erfaName, Int32(precision), self.day, fraction, &year, &month, &day, fields)
            }
        }
        guard status >= 0 else { throw .outsideCalendar(day: self.day + fraction, scale: scale) }
        return CalendarTime(
            year: Int(year), month: Int(month), day: Int(day), hour: Int(time.0), minute: Int(time.1),
            second: Int(time.2), decimals: Int(time.3), precision: precision)
    }
}

extension TimeScale {
    /// What ERFA calls the scale. ERFA looks only for "UTC", whose days may have 86401 seconds.
    var erfaName: String { rawValue.uppercased() }
}

/// A date and time of day, with the fraction of the second as `decimals` units of 10^-`precision` s.
struct CalendarTime {
    var year: Int
    var month: Int
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int
    var decimals: Int
    var precision: Int

    var date: String { "\(year)-\(padded(month, 2))-\(padded(day, 2))" }
    var wholeSeconds: String { "\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2))" }
    var timeOfDay: String { precision == 0 ? wholeSeconds : wholeSeconds + "." + padded(decimals, precision) }

    private func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
