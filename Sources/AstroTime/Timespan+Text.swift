extension Timespan: CustomStringConvertible {
    /// `[2020-01-01T00:00:00, 2021-01-01T00:00:00)`, `(-∞, …)`, `[…, ∞)` or `(empty)`, in TAI, as Python prints it.
    public var description: String {
        guard !isEmpty else { return "(empty)" }
        let head = hasUnboundedBegin ? "(-∞, " : "[\(begin.secondsText), "
        return head + (hasUnboundedEnd ? "∞)" : "\(end.secondsText))")
    }
}

extension Timespan {
    /// The 24 hours of a day of observation `YYYYMMDD`, from midnight TAI plus `offset` seconds.
    ///
    /// - Throws: ``TimeError/invalidDayOfObservation(_:)`` when there is no such date of 1970 or later;
    ///   ``TimespanError`` when the offset moves the day out of the legal range.
    public init(dayOfObservation day: Int, offset: Int = 0) throws {
        guard (1970_00_00...1_0000_00_00).contains(day),
            let midnight = try? JulianDate(year: day / 10000, month: day / 100 % 100, day: day % 100, scale: .tai)
        else { throw TimeError.invalidDayOfObservation(day) }
        let nanosecondsPerDay: Int64 = 86_400_000_000_000
        // Days since 1970-01-01; both parts are whole or half days, so this is exact.
        let days = Int64(midnight.day - 2_440_588 + (midnight.fraction + 0.5))
        let (shift, overflow) = Int64(offset).multipliedReportingOverflow(by: 1_000_000_000)
        let (begin, beginOverflow) = (days * nanosecondsPerDay).addingReportingOverflow(shift)
        let (end, endOverflow) = begin.addingReportingOverflow(nanosecondsPerDay)
        guard !overflow, !beginOverflow, !endOverflow else { throw TimeError.invalidDayOfObservation(day) }
        try self.init(begin: TAINanoseconds(rawValue: begin), end: TAINanoseconds(rawValue: end))
    }
}
