import AstroTime

/// The two spellings of times in export files: `YYYY-MM-DD hh:mm:ss.nnnnnnnnn` in TAI, and YAML's own timestamps,
/// which are UTC or carry an offset from it and hold microseconds.
struct ExportTime {
    private var year = 0
    private var month = 0
    private var day = 0
    private var hour = 0
    private var minute = 0
    private var second = 0
    /// The digits after the point, as nanoseconds.
    private var nanoseconds: Int64 = 0
    private var offsetSeconds: Int64 = 0

    /// `nil` when the text is no such time. Whether the date exists is not checked here.
    init?(_ text: String) {
        var digits = Scanner(text)
        guard let year = digits.number(4...4), digits.skip("-"), let month = digits.number(1...2), digits.skip("-"),
            let day = digits.number(1...2)
        else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
        if digits.isAtEnd { return }
        guard digits.skip("T") || digits.skip("t") || digits.blanks() else { return nil }
        guard let hour = digits.number(1...2), digits.skip(":"), let minute = digits.number(2...2), digits.skip(":"),
            let second = digits.number(2...2), hour < 24, minute < 60, second < 60
        else { return nil }
        (self.hour, self.minute, self.second) = (hour, minute, second)
        if digits.skip(".") { nanoseconds = digits.fraction() }
        _ = digits.blanks()
        if digits.isAtEnd || (digits.skip("Z") && digits.isAtEnd) { return }
        let isNegative = digits.skip("-")
        guard isNegative || digits.skip("+"), let hours = digits.number(1...2) else { return nil }
        var minutes = 0
        if digits.skip(":") {
            guard let number = digits.number(2...2) else { return nil }
            minutes = number
        }
        guard digits.isAtEnd else { return nil }
        offsetSeconds = Int64(hours * 3600 + minutes * 60) * (isNegative ? -1 : 1)
    }

    /// The time, read as TAI; `nil` with an offset from UTC.
    func tai() throws(TimeError) -> TAINanoseconds? {
        guard offsetSeconds == 0 else { return nil }
        let midnight = try TAINanoseconds(JulianDate(year: year, month: month, day: day, scale: .tai))
        // The ends of the legal range stand for "outside", so nothing is added to them.
        if year < 1970 || year >= 2100 { return midnight }
        let seconds = Int64(hour * 3600 + minute * 60 + second)
        return TAINanoseconds(rawValue: midnight.rawValue + seconds * 1_000_000_000 + nanoseconds)
    }

    /// The time, read as UTC with at most microseconds.
    func utc() throws(TimeError) -> TAINanoseconds {
        let whole = try TAINanoseconds(
            JulianDate(
                year: year, month: month, day: day, hour: hour, minute: minute, second: Double(second), scale: .utc))
        let rest = nanoseconds / 1000 * 1000 - offsetSeconds * 1_000_000_000
        return TAINanoseconds(rawValue: whole.rawValue + rest).clamped
    }

    private struct Scanner {
        private var rest: Substring.UTF8View

        init(_ text: String) { rest = text[...].utf8 }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func blanks() -> Bool {
            var found = false
            while skip(" ") || skip("\t") { found = true }
            return found
        }

        mutating func digit() -> Int? {
            guard let first = rest.first, (0x30...0x39).contains(first) else { return nil }
            rest.removeFirst()
            return Int(first) - 0x30
        }

        mutating func number(_ lengths: ClosedRange<Int>) -> Int? {
            var value = 0
            var count = 0
            while count < lengths.upperBound, let digit = digit() {
                value = value * 10 + digit
                count += 1
            }
            return lengths.contains(count) ? value : nil
        }

        /// All digits that follow, as billionths; what is finer is dropped.
        mutating func fraction() -> Int64 {
            var value: Int64 = 0
            var scale: Int64 = 100_000_000
            while let digit = digit() {
                value += Int64(digit) * scale
                scale /= 10
            }
            return value
        }
    }
}
