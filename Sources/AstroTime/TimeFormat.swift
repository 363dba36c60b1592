import CERFA

/// A way to write an instant, by the name that astropy gives it.
public enum TimeFormat: String, CaseIterable, Sendable {
    /// Julian date, days.
    case jd
    /// Modified Julian Date, days.
    case mjd
    /// Calendar year with a fraction of that year's length.
    case decimalyear
    /// Seconds since 1970-01-01 UTC, leap seconds not counted.
    case unix
    /// Seconds since 1970-01-01 TAI.
    case unixTAI = "unix_tai"
    /// Chandra X-ray Center seconds since 1998-01-01 TT.
    case cxcsec
    /// GALEX seconds since 1980-01-06 UTC, leap seconds not counted.
    case galexsec
    /// Seconds since 1980-01-06 UTC, leap seconds counted.
    case gps
    /// Days since 0001-01-01 UTC, plus one.
    case plotDate = "plot_date"
    /// Star Trek dates since 2318-07-05.
    case stardate
    /// `YYYY-MM-DD HH:MM:SS.fff`
    case iso
    /// `YYYY-MM-DDTHH:MM:SS.fff`
    case isot
    /// `YYYY:DDD:HH:MM:SS.fff`, with the day of the year.
    case yday
    /// `[±Y]YYYY-MM-DD[THH:MM:SS.fff]`
    case fits
    /// Besselian epoch, years.
    case byear
    /// Julian epoch, years.
    case jyear
    // Formats that exist, but take Python objects or a letter that no literal can hold.
    case datetime, ymdhms, datetime64
    case besselianText = "byear_str"
    case julianText = "jyear_str"

    /// The scale of a literal that names none.
    public var defaultScale: TimeScale {
        switch self {
        case .iso, .isot, .fits, .yday, .unix: .utc
        case .cxcsec: .tt
        default: .tai
        }
    }

    /// What a value of this format looks like.
    var expectation: String {
        switch self {
        case .iso: "'YYYY-MM-DD' or 'YYYY-MM-DD HH:MM[:SS[.fff]]'"
        case .isot: "'YYYY-MM-DD' or 'YYYY-MM-DDTHH:MM[:SS[.fff]]'"
        case .fits: "'[+Y]YYYY-MM-DD' or '[+Y]YYYY-MM-DDTHH:MM:SS[.fff]'"
        case .yday: "'YYYY:DDD' or 'YYYY:DDD:HH:MM[:SS[.fff]]' with the day of the year"
        case .datetime, .ymdhms, .datetime64, .besselianText, .julianText:
            "another format: no literal can hold this one"
        default: "a number with a decimal point"
        }
    }

    /// The instant that a number stands for in this format; `nil` for the formats made of text.
    func julianDate(of number: Double, scale: TimeScale) throws(TimeError) -> JulianDate? {
        switch self {
        case .jd: return JulianDate(number, scale: scale)
        case .mjd:
            let (day, fraction) = TwoDouble.dayFraction(number, 0)
            return JulianDate(day + JulianDate.mjdOrigin, fraction, scale: scale)
        case .decimalyear: return try Self.decimalYear(number, scale: scale)
        case .byear, .jyear:
            var first = 0.0
            var rest = 0.0
            if self == .byear { eraEpb2jd(number, &first, &rest) } else { eraEpj2jd(number, &first, &rest) }
            return JulianDate(first, rest, scale: scale)
        default:
            guard let epoch else { return nil }
            return try epoch.julianDate(number, scale: scale)
        }
    }

    // MARK: Counts from an epoch

    private struct Epoch {
        var year: Int
        var month = 1
        var day = 1
        var hour = 0
        var second = 0.0
        var scale: TimeScale
        /// Units in a day.
        var unitsPerDay = 86400.0

        func julianDate(_ number: Double, scale target: TimeScale) throws(TimeError) -> JulianDate {
            let origin = try JulianDate(year: year, month: month, day: day, hour: hour, second: second, scale: scale)
            let (days, fraction) = TwoDouble.dayFraction(number, 0, dividedBy: unitsPerDay)
            let first = origin.day + days
            let rest = origin.fraction + fraction
            guard target == scale else { return try JulianDate(first, rest, scale: scale).converted(to: target) }
            let carry = rest.rounded(.toNearestOrEven)
            return JulianDate(unsplit: first + carry, rest - carry, scale: scale)
        }
    }

    /// Where the count starts, as astropy defines each format.
    private var epoch: Epoch? {
        switch self {
        case .unix: Epoch(year: 1970, scale: .utc)
        case .unixTAI: Epoch(year: 1970, scale: .tai)
        case .cxcsec: Epoch(year: 1998, scale: .tt)
        case .galexsec: Epoch(year: 1980, day: 6, scale: .utc)
        case .gps: Epoch(year: 1980, day: 6, second: 19, scale: .tai)
        case .plotDate: Epoch(year: 0, month: 12, day: 31, scale: .utc, unitsPerDay: 1)
        case .stardate: Epoch(year: 2318, month: 7, day: 5, hour: 11, scale: .tai, unitsPerDay: 1 / 0.397766856)
        default: nil
        }
    }

    // MARK: Decimal years

    private static func decimalYear(_ number: Double, scale: TimeScale) throws(TimeError) -> JulianDate {
        // Beyond this year every instant is clamped alike, and ERFA counts years in 32 bits.
        let number = min(number, 100_000)
        guard number > -5000 else { throw .impossibleDate("year \(number)") }
        let year = number.rounded(.towardZero)
        let (remainder, lost) = TwoDouble.sum(number, -year)
        let start = try JulianDate(year: Int(year), month: 1, day: 1, scale: scale)
        let end = try JulianDate(year: Int(year) + 1, month: 1, day: 1, scale: scale)
        // A UTC year may hold leap seconds, so its length is measured in TAI.
        let uniform: TimeScale = scale == .utc ? .tai : scale
        let first = try start.converted(to: uniform)
        let last = try end.converted(to: uniform)
        let (days, fraction) = TwoDouble.dayFraction(last.day - first.day, last.fraction - first.fraction)
        let (elapsed, rest) = TwoDouble.dayFraction(days, fraction, times: remainder + lost)
        let instant = JulianDate(first.day + elapsed, first.fraction + rest, scale: uniform)
        let converted = try instant.converted(to: scale)
        return JulianDate(converted.day, converted.fraction, scale: scale)
    }
}
