/// Why a time could not be read, converted or written.
public enum TimeError: Error, Equatable, CustomStringConvertible {
    /// The text has none of the shapes of a time.
    case unrecognized(String)
    /// No time format has this name.
    case unknownFormat(String, literal: String)
    /// No time scale has this name.
    case unknownScale(String, literal: String)
    /// The value does not have the form that its format asks for.
    case unfitValue(String, format: TimeFormat, expected: String)
    /// The calendar has no such date or time of day.
    case impossibleDate(String)
    /// UT1 follows the rotation of the Earth, which no formula gives.
    case needsEarthRotation
    /// The scale `local` has no relation to the others.
    case localScale(String)
    /// ERFA knows no such date: before 4800 BC, or far beyond the calendar.
    case outsideCalendar(day: Double, scale: TimeScale)
    /// Not a day of observation of the form YYYYMMDD from 1970 on.
    case invalidDayOfObservation(Int)

    public var description: String {
        switch self {
        case .unrecognized(let text):
            "'\(text)' is not a time; write [format/]value[/scale], such as '2026-01-31T12:30:00', '2026-01-31/tai', "
                + "'61071.5' (MJD, with its dot) or 'unix/1769862600.0'."
        case .unknownFormat(let name, let literal):
            "'\(literal)' names the time format '\(name)', which does not exist; use one of "
                + TimeFormat.allCases.map(\.rawValue).joined(separator: ", ") + "."
        case .unknownScale(let name, let literal):
            "'\(literal)' names the time scale '\(name)', which does not exist; use one of "
                + TimeScale.allCases.map(\.rawValue).joined(separator: ", ") + "."
        case .unfitValue(let value, let format, let expected):
            "'\(value)' is not a time in the format '\(format.rawValue)'; expected \(expected)."
        case .impossibleDate(let text): "'\(text)' is not a date and time of the calendar."
        case .needsEarthRotation:
            "Times on the UT1 scale need measured Earth rotation tables, which are not available; use UTC or TAI."
        case .localScale(let literal):
            "'\(literal)' is on the scale 'local', which cannot be converted to TAI; name another scale."
        case .outsideCalendar(let day, let scale):
            "Julian date \(day) (\(scale.rawValue)) lies outside the calendar that time conversions cover."
        case .invalidDayOfObservation(let day):
            "\(day) is not a day of observation; write a date of 1970 or later as YYYYMMDD."
        }
    }
}
