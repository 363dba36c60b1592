/// The fields of a time that is written with a calendar date: the formats `iso`, `isot`, `fits` and `yday`.
struct CalendarText {
    private var year: Int
    private var month = 1
    private var day = 1
    private var hour = 0
    private var minute = 0
    private var second = 0.0
    private let text: String

    func julianDate(scale: TimeScale) throws(TimeError) -> JulianDate {
        do throws(TimeError) {
            return try JulianDate(
                year: year, month: month, day: day, hour: hour, minute: minute, second: second, scale: scale)
        } catch {
            throw .impossibleDate(text)
        }
    }

    /// `nil` when the text does not have the format. The fields are not checked against the calendar here, except
    /// the day of the year.
    init?(_ text: String, format: TimeFormat) {
        self.text = text
        year = 0
        switch format {
        case .iso: guard readDate(separator: UInt8(ascii: " ")) else { return nil }
        case .isot: guard readDate(separator: UInt8(ascii: "T")) else { return nil }
        case .fits: guard readFITS() else { return nil }
        case .yday: guard readYearDay() else { return nil }
        default: return nil
        }
    }

    // MARK: Formats

    /// `YYYY-M-D[ H:M[:S[.fff]]]`, one or two digits a field.
    private mutating func readDate(separator: UInt8) -> Bool {
        var fields = Fields(text)
        guard let year = fields.number(4...4), fields.skip("-"), let month = fields.number(1...2), fields.skip("-"),
            let day = fields.number(1...2)
        else { return false }
        (self.year, self.month, self.day) = (year, month, day)
        let isFixed = fields.index == 10
        if fields.isAtEnd { return true }
        guard fields.skip(separator) else { return false }
        return readTime(&fields, isFixed: isFixed)
    }

    /// `YYYY:DDD[:H:M[:S[.fff]]]`. A day 366 of a common year is the first of the next, as in Python's calendar.
    private mutating func readYearDay() -> Bool {
        var fields = Fields(text)
        guard let year = fields.number(4...4), fields.skip(":"), let dayOfYear = fields.number(1...3),
            (1...366).contains(dayOfYear)
        else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let isFixed = fields.index == 8 && dayOfYear <= (isLeap ? 366 : 365)
        self.year = year
        day = dayOfYear
        for length in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            if day <= length { break }
            day -= length
            month += 1
        }
        if month == 13 { (self.year, month) = (year + 1, 1) }
        if fields.isAtEnd { return true }
        guard fields.skip(":") else { return false }
        return readTime(&fields, isFixed: isFixed)
            // Only text of fixed width may run past the minute here.
            && (isFixed && fields.isFixed || (hour < 24 && minute < 60 && second < 62))
    }

    private mutating func readTime(_ fields: inout Fields, isFixed: Bool) -> Bool {
        let start = fields.index
        guard let hour = fields.number(1...2), fields.skip(":"), let minute = fields.number(1...2) else {
            return false
        }
        (self.hour, self.minute) = (hour, minute)
        fields.isFixed = isFixed && fields.index == start + 5
        if fields.isAtEnd { return true }
        guard fields.skip(":"), let second = fields.number(1...2) else { return false }
        fields.isFixed = fields.isFixed && fields.index == start + 8
        self.second = Double(second)
        if fields.isAtEnd { return true }
        guard let fraction = fields.fraction(summed: fields.isFixed) else { return false }
        self.second += fraction
        return fields.isAtEnd
    }

    /// `[±Y]YYYY-MM-DD[THH:MM:SS[.fff]]`, every field of its full width.
    private mutating func readFITS() -> Bool {
        var fields = Fields(text)
        let isLong = fields.skip("+")
        guard let year = fields.number(isLong ? 5...5 : 4...4), fields.skip("-"), let month = fields.number(2...2),
            fields.skip("-"), let day = fields.number(2...2)
        else { return false }
        (self.year, self.month, self.day) = (year, month, day)
        if fields.isAtEnd { return true }
        guard fields.skip("T"), let hour = fields.number(2...2), fields.skip(":"), let minute = fields.number(2...2),
            fields.skip(":")
        else { return false }
        (self.hour, self.minute) = (hour, minute)
        let seconds = fields.rest
        guard fields.number(2...2) != nil, fields.isAtEnd || fields.fraction(summed: true) != nil, fields.isAtEnd,
            let second = Double(seconds)
        else { return false }
        self.second = second
        return true
    }

    // MARK: Fields

    private struct Fields {
        private let bytes: [UInt8]
        private(set) var index = 0
        /// Whether every field so far has its full width.
        var isFixed = true

        init(_ text: String) { bytes = Array(text.utf8) }

        var isAtEnd: Bool { index == bytes.count }
        var rest: String { String(decoding: bytes[index...], as: UTF8.self) }

        mutating func skip(_ byte: UInt8) -> Bool {
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
            return true
        }

        mutating func skip(_ character: Unicode.Scalar) -> Bool { skip(UInt8(ascii: character)) }

        /// A number whose digits are as many as `width` says, and no more follow.
        mutating func number(_ width: ClosedRange<Int>) -> Int? {
            let digits = bytes[index...].prefix(while: Self.isDigit)
            guard width.contains(digits.count) else { return nil }
            index += digits.count
            return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        }

        /// `.fff`, as a fraction. `summed`: digit by digit as astropy's fast parser does, which takes no digits
        /// for zero and may differ from the nearest double in the last place.
        mutating func fraction(summed: Bool) -> Double? {
            let start = index
            guard skip(".") else { return nil }
            let digits = bytes[index...].prefix(while: Self.isDigit)
            index += digits.count
            guard summed else {
                return digits.isEmpty ? nil : Double("0" + String(decoding: bytes[start..<index], as: UTF8.self))
            }
            var value = 0.0
            var unit = 0.1
            for digit in digits {
                value += Double(digit - UInt8(ascii: "0")) * unit
                unit /= 10
            }
            return value
        }

        private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    }
}
