import AstroTime
import Testing

@Suite struct TimespanTests {
    private func time(_ text: String) throws -> TAINanoseconds { try TimeLiteral(text + "/tai").time }
    private let year2110 = TAINanoseconds(rawValue: 4_417_977_600_000_000_000)
    private let year2120 = TAINanoseconds(rawValue: 4_733_510_400_000_000_000)
    private let year1960 = TAINanoseconds(rawValue: -315_619_200_000_000_000)
    private let year1965 = TAINanoseconds(rawValue: -157_766_400_000_000_000)

    @Test func boundsAreClampedBeforeTheyAreCompared() throws {
        #expect(try Timespan(begin: year1960, end: year2110) == .unbounded)
        #expect(try Timespan(begin: year2110, end: year1960) == .empty)
        for (begin, end) in [(year1960, year1965), (year2110, year2120), (year2120, year2110)] {
            #expect(throws: TimespanError.outOfRange(begin: begin, end: end)) { try Timespan(begin: begin, end: end) }
        }
        #expect(throws: TimespanError.self) { try Timespan(begin: nil, end: year1960) }
        #expect(throws: TimespanError.self) { try Timespan(begin: year2110, end: nil) }
        #expect(throws: TimespanError.self) { try Timespan(begin: .earliest, end: .earliest) }
    }

    @Test func equalBoundsGiveOneNanosecond() throws {
        let instant = try time("2020-01-01")
        let span = try Timespan(begin: instant, end: instant)
        #expect(span.end.rawValue - span.begin.rawValue == 1)
        #expect(try Timespan(instant: instant) == span)
        #expect(try Timespan(instant: .earliest).end.rawValue == 1)
        let last = TAINanoseconds(rawValue: TAINanoseconds.latest.rawValue - 1)
        #expect(throws: TimespanError.atEndOfRange(last)) { try Timespan(instant: last) }
        #expect(throws: TimespanError.atEndOfRange(last)) { try Timespan(begin: last, end: last) }
        #expect(throws: TimespanError.self) { try Timespan(instant: .latest) }
    }

    @Test func textMatchesPython() throws {
        let (a, b) = (try time("2020-01-01"), try time("2021-06-01T12:30:59.9999999"))
        #expect(try Timespan(begin: a, end: b).description == "[2020-01-01T00:00:00, 2021-06-01T12:31:00)")
        #expect(try Timespan(begin: nil, end: b).description == "(-∞, 2021-06-01T12:31:00)")
        #expect(try Timespan(begin: a, end: nil).description == "[2020-01-01T00:00:00, ∞)")
        #expect(Timespan.unbounded.description == "(-∞, ∞)")
        #expect(Timespan.empty.description == "(empty)")
    }

    @Test(arguments: [
        (20_240_229, 0, "[2024-02-29T00:00:00, 2024-03-01T00:00:00)", 1_709_164_800_000_000_000),
        (20_240_229, 43200, "[2024-02-29T12:00:00, 2024-03-01T12:00:00)", 1_709_208_000_000_000_000),
        (20_240_101, -43200, "[2023-12-31T12:00:00, 2024-01-01T12:00:00)", 1_704_024_000_000_000_000),
        (19_700_101, -1, "(-∞, 1970-01-01T23:59:59)", 0),
        (20_991_231, 0, "[2099-12-31T00:00:00, ∞)", 4_102_358_400_000_000_000),
    ])
    func aDayOfObservationIsItsTwentyFourHours(day: Int, offset: Int, text: String, begin: Int64) throws {
        let span = try Timespan(dayOfObservation: day, offset: offset)
        #expect(span.description == text)
        #expect(span.begin.rawValue == begin)
    }

    @Test(arguments: [20_230_230, 20_241_301, 19_691_231, 0, -1, 2024, 100_000_101])
    func datesThatDoNotExistAreNoDaysOfObservation(day: Int) {
        #expect(throws: TimeError.invalidDayOfObservation(day)) { try Timespan(dayOfObservation: day) }
    }

    @Test func relationsHoldAtTheirEdges() throws {
        let first = Timespan(storedNanoseconds: 10, 20)
        let second = Timespan(storedNanoseconds: 20, 30)
        let wide = Timespan(storedNanoseconds: 5, 40)
        #expect(!first.overlaps(second))
        #expect(first.isBefore(second))
        #expect(second.isAfter(first))
        #expect(!second.isBefore(first))
        #expect(wide.contains(first))
        #expect(wide.contains(.empty))
        #expect(!Timespan.empty.contains(first))
        #expect(!Timespan.empty.overlaps(wide))
        #expect(!Timespan.empty.isBefore(wide))
        #expect(!wide.isBefore(.empty))
        let edge = TAINanoseconds(rawValue: 20)
        #expect(!first.contains(edge))
        #expect(second.contains(edge))
        #expect(first.isBefore(edge))
        #expect(!second.isAfter(edge))
        #expect(second.isAfter(TAINanoseconds(rawValue: 19)))
        #expect(first.intersection(wide) == first)
        #expect(first.intersection(second) == .empty)
        #expect(wide.subtracting(first) == [Timespan(storedNanoseconds: 5, 10), Timespan(storedNanoseconds: 20, 40)])
        #expect(first.subtracting(wide) == [])
        #expect(first.subtracting(second) == [first])
        #expect(Timespan(storedNanoseconds: 30, 30) == .empty)
        #expect(Timespan(storedNanoseconds: -5, .max) == .unbounded)
        #expect(Timespan(storedNanoseconds: -5, -3) == .empty)
        #expect(Timespan(storedNanoseconds: TAINanoseconds.latest.rawValue, .max) == .empty)
    }
}
