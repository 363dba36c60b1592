/// Timestamps as numpy writes them: `2020-01-01T00:00:00.000000`, with as many decimals as the unit has.
enum CivilTime {
    private static let secondsPerDay: Int64 = 86_400

    /// Appends the text of a timestamp.
    ///
    /// - Returns: false for one outside the years 1 to 9999, which the text cannot express.
    static func append(_ value: Int64, _ unit: TimestampType.Unit, to text: inout [UInt8]) -> Bool {
        let (seconds, fraction) = floorDivision(value, unit.perSecond)
        let (days, second) = floorDivision(seconds, secondsPerDay)
        guard (-719_162...2_932_896).contains(days) else { return false }
        let (year, month, day) = date(days)
        func digits(_ number: Int64, _ width: Int) {
            let digits = String(number).utf8
            text.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, width - digits.count)))
            text.append(contentsOf: digits)
        }
        digits(year, 4)
        text.append(UInt8(ascii: "-"))
        digits(month, 2)
        text.append(UInt8(ascii: "-"))
        digits(day, 2)
        text.append(UInt8(ascii: "T"))
        digits(second / 3600, 2)
        text.append(UInt8(ascii: ":"))
        digits(second / 60 % 60, 2)
        text.append(UInt8(ascii: ":"))
        digits(second % 60, 2)
        if unit != .seconds {
            text.append(UInt8(ascii: "."))
            digits(fraction, decimals(unit))
        }
        return true
    }

    /// The count that a text stands for; `nil` when it is none, or beyond what the unit can hold. The time may be cut
    /// short or absent, and a blank may stand for `T`.
    static func parse(_ text: UnsafeBufferPointer<UInt8>, _ unit: TimestampType.Unit) -> Int64? {
        var index = 0
        func number(_ width: Int) -> Int64? {
            guard index + width <= text.count else { return nil }
            var number: Int64 = 0
            for byte in text[index..<index + width] {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                number = number * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            index += width
            return number
        }
        func skip(_ byte: UInt8) -> Bool {
            guard index < text.count, text[index] == byte else { return false }
            index += 1
            return true
        }
        guard let year = number(4), skip(UInt8(ascii: "-")), let month = number(2), (1...12).contains(month),
            skip(UInt8(ascii: "-")), let day = number(2), day >= 1, day <= length(ofMonth: month, year)
        else { return nil }
        var seconds: Int64 = days(year, month, day) * secondsPerDay
        var fraction: Int64 = 0
        if index < text.count {
            guard skip(UInt8(ascii: "T")) || skip(UInt8(ascii: " ")), let hour = number(2), hour < 24 else { return nil }
            seconds += hour * 3600
            if skip(UInt8(ascii: ":")) {
                guard let minute = number(2), minute < 60 else { return nil }
                seconds += minute * 60
                if skip(UInt8(ascii: ":")) {
                    guard let second = number(2), second < 60 else { return nil }
                    seconds += second
                    if skip(UInt8(ascii: ".")) {
                        guard index < text.count else { return nil }
                        var place = unit.perSecond
                        while index < text.count {
                            guard let digit = number(1) else { return nil }
                            place /= 10
                            fraction += digit * place
                        }
                    }
                }
            }
        }
        guard index == text.count else { return nil }
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: unit.perSecond)
        let (sum, carry) = whole.addingReportingOverflow(fraction)
        return overflow || carry ? nil : sum
    }

    private static func decimals(_ unit: TimestampType.Unit) -> Int {
        switch unit {
        case .seconds: 0
        case .milliseconds: 3
        case .microseconds: 6
        case .nanoseconds: 9
        }
    }

    private static func floorDivision(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func length(ofMonth month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    // Days since 1970-01-01 and dates of the Gregorian calendar: years begin in March, so that the day that some lack is
    // the last of all, and 400 years are one period.

    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floorDivision(year, 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivision(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
