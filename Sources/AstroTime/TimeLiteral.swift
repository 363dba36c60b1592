/// The content of a time literal `T'…'` of the query language: `[format/]value[/scale]`.
///
///     let literal = try TimeLiteral("2020-01-01")     // UTC by default
///     literal.time                                    // 1577836837000000000 ns TAI
///
/// Every `+00:00` is dropped first. Formats and scales are case-insensitive. Without a format, a number with a dot
/// is an MJD in TAI; a date is `iso`, `isot`, `fits` or `yday` by its shape, in UTC. Source: the query system
/// reference, section 1.4, and astropy's `Time`.
public struct TimeLiteral: Hashable, Sendable {
    /// Which end of the range that a Butler can store the literal lies beyond.
    public enum Clamp: Sendable { case earliest, latest }

    public let format: TimeFormat
    public let scale: TimeScale
    /// The instant, moved into the range that a Butler can store.
    public let time: TAINanoseconds
    /// Set when the literal lies outside that range, so that the caller can warn.
    public let clamp: Clamp?

    /// - Throws: ``TimeError``, which says what was expected.
    public init(_ text: String) throws(TimeError) {
        var content = text.replacing("+00:00", with: "")[...]
        // Python's "$" matches before one final line break.
        if content.last == "\n" { content.removeLast() }
        let parts = content.split(separator: "/", omittingEmptySubsequences: false)
        var value = content
        var formatName: Substring?
        var scaleName: Substring?
        switch parts.count {
        case 1: break
        case 2 where Self.isWord(parts[0]): (formatName, value) = (parts[0], parts[1])
        case 2: (value, scaleName) = (parts[0], parts[1])
        case 3: (formatName, value, scaleName) = (parts[0], parts[1], parts[2])
        default: throw .unrecognized(text)
        }
        guard let shape = Shape(value), formatName.map(Self.isWord) ?? true, scaleName.map(Self.isWord) ?? true else {
            throw .unrecognized(text)
        }
        if let name = formatName?.lowercased() {
            guard let named = TimeFormat(rawValue: name) else { throw .unknownFormat(name, literal: text) }
            format = named
        } else {
            format = shape.format
        }
        if let name = scaleName?.lowercased() {
            if name == "local" { throw .localScale(text) }
            guard let named = TimeScale(rawValue: name) else { throw .unknownScale(name, literal: text) }
            scale = named
        } else {
            scale = format.defaultScale
        }
        let date = try Self.julianDate(String(value), shape: shape, format: format, scale: scale)
        (time, clamp) = try TAINanoseconds.clamping(date)
    }

    private static func julianDate(
        _ value: String, shape: Shape, format: TimeFormat, scale: TimeScale
    ) throws(TimeError) -> JulianDate {
        let date: JulianDate?
        if shape == .number {
            guard let number = Double(value), number.isFinite else { throw .impossibleDate(value) }
            date = try format.julianDate(of: number, scale: scale)
        } else {
            date = try CalendarText(value, format: format)?.julianDate(scale: scale)
        }
        guard let date else { throw .unfitValue(value, format: format, expected: format.expectation) }
        return date
    }

    private static func isWord(_ text: Substring) -> Bool {
        !text.isEmpty && text.allSatisfy { ($0.isASCII && ($0.isLetter || $0.isNumber)) || $0 == "_" }
    }

    /// The shape of a value, which tells its format when none is named.
    private enum Shape {
        case number, iso, isot, fits, yday

        var format: TimeFormat {
            switch self {
            case .number: .mjd
            case .iso: .iso
            case .isot: .isot
            case .fits: .fits
            case .yday: .yday
            }
        }

        init?(_ text: Substring) {
            if Self.matches(text, ["-?", "9+", ".", "9*"]) || Self.matches(text, ["-?", ".", "9+"]) {
                self = .number
            } else if Self.matches(text, ["9+", "-", "9+", "-", "9+"]) {
                self = .iso
            } else if let mark = text.first(where: { " Tt".contains($0) }),
                Self.matches(text, ["9+", "-", "9+", "-", "9+", String(mark), "9+", ":", "9+"], seconds: .optional)
            {
                self = mark == " " ? .iso : .isot
            } else if Self.matches(text, ["+", "9+", "-", "9+", "-", "9+"])
                || Self.matches(text, ["+", "9+", "-", "9+", "-", "9+", "T", "9+", ":", "9+"], seconds: .required)
                || Self.matches(text, ["+", "9+", "-", "9+", "-", "9+", "t", "9+", ":", "9+"], seconds: .required)
            {
                self = .fits
            } else if Self.matches(text, ["9+", ":", "9+"])
                || Self.matches(text, ["9+", ":", "9+", ":", "9+", ":", "9+"], seconds: .optional)
            {
                self = .yday
            } else {
                return nil
            }
        }

        private enum Seconds { case none, optional, required }

        /// Matches a list of parts: `9+` and `9*` are digits, `-?` an optional sign, anything else itself. Seconds
        /// are `:9+`, and then perhaps `.9*`.
        private static func matches(_ text: Substring, _ parts: [String], seconds: Seconds = .none) -> Bool {
            var rest = text.utf8
            func digits() -> Int {
                let count = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
                rest = rest.dropFirst(count)
                return count
            }
            for part in parts {
                switch part {
                case "9+": if digits() == 0 { return false }
                case "9*": _ = digits()
                case "-?": if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
                default:
                    guard rest.first == part.utf8.first else { return false }
                    rest = rest.dropFirst()
                }
            }
            if seconds == .none || (seconds == .optional && rest.isEmpty) { return rest.isEmpty }
            guard rest.first == UInt8(ascii: ":") else { return false }
            rest = rest.dropFirst()
            guard digits() > 0 else { return false }
            if rest.first == UInt8(ascii: ".") {
                rest = rest.dropFirst()
                _ = digits()
            }
            return rest.isEmpty
        }
    }
}
