import AstroTime
import Testing

@Suite struct TimeTextTests {
    /// Nanoseconds, and what astropy 8.0.2 prints as `isot` in TAI and UTC with 0, 3 and 9 decimals.
    @Test(arguments: [
        (
            0, "1970-01-01T00:00:00", "1970-01-01T00:00:00.000000000", "1969-12-31T23:59:52.000",
            "1969-12-31T23:59:51.999918240"
        ),
        (
            1_577_836_799_999_999_999, "2020-01-01T00:00:00", "2019-12-31T23:59:59.999999999",
            "2019-12-31T23:59:23.000", "2019-12-31T23:59:22.999999999"
        ),
        (
            1_483_228_836_500_000_000, "2017-01-01T00:00:36", "2017-01-01T00:00:36.500000000",
            "2016-12-31T23:59:60.500", "2016-12-31T23:59:60.500000000"
        ),
        (
            1_483_228_835_123_456_789, "2017-01-01T00:00:35", "2017-01-01T00:00:35.123456789",
            "2016-12-31T23:59:59.123", "2016-12-31T23:59:59.123456789"
        ),
        (
            1_577_836_800_000_500_000, "2020-01-01T00:00:00", "2020-01-01T00:00:00.000500000",
            "2019-12-31T23:59:23.001", "2019-12-31T23:59:23.000500000"
        ),
        (
            4_102_444_800_000_000_000, "2100-01-01T00:00:00", "2100-01-01T00:00:00.000000000",
            "2099-12-31T23:59:23.000", "2099-12-31T23:59:23.000000000"
        ),
    ])
    func textMatchesAstropy(
        nanoseconds: Int64, taiSeconds: String, tai: String, utcMilliseconds: String, utc: String
    ) throws {
        let time = TAINanoseconds(rawValue: nanoseconds)
        #expect(try time.text(precision: 0) == taiSeconds)
        #expect(try time.text() == tai)
        #expect(time.description == tai)
        #expect(try time.text(scale: .utc, precision: 3) == utcMilliseconds)
        #expect(try time.text(scale: .utc) == utc)
        #expect(try time.text(separator: " ") == tai.replacing("T", with: " "))
    }

    @Test func modifiedJulianDatesMatchAstropy() throws {
        #expect(try TAINanoseconds(rawValue: 1_577_836_800_000_000_000).mjd() == 58849.0)
        #expect(try TAINanoseconds(rawValue: 1_577_836_799_999_999_600).mjd() == 58848.99999999999)
        #expect(try TAINanoseconds(rawValue: 1_483_228_836_000_000_000).mjd() == 57754.00041666667)
        #expect(throws: TimeError.needsEarthRotation) { try TAINanoseconds.earliest.mjd(scale: .ut1) }
    }

    @Test func textReadsBackToTheSameNanosecond() throws {
        for index in 0..<2000 {
            let time = TAINanoseconds(rawValue: Int64(index) * 2_051_222_399_876_543 + 1)
            #expect(try TimeLiteral(try time.text() + "/tai").time == time)
            #expect(try TAINanoseconds(JulianDate(time)) == time)
            #expect(try TAINanoseconds(JulianDate(time).converted(to: .tcg)) == time)
        }
    }

    @Test func everyPairOfScalesConvertsBothWays() throws {
        let date = try JulianDate(year: 2024, month: 2, day: 29, hour: 13, minute: 14, second: 15.25, scale: .tai)
        for middle in TimeScale.allCases where middle != .ut1 {
            for last in TimeScale.allCases where last != .ut1 {
                let there = try date.converted(to: middle).converted(to: last)
                #expect(there.scale == last)
                let back = try there.converted(to: .tai)
                #expect(abs((back.day - date.day) + (back.fraction - date.fraction)) < 1e-15)
            }
            #expect(throws: TimeError.needsEarthRotation) { try date.converted(to: middle).converted(to: .ut1) }
        }
    }

    @Test func unixTimesCountLeapSeconds() {
        #expect(TAINanoseconds(unixSeconds: 1_577_836_800).rawValue == 1_577_836_837_000_000_000)
        #expect(TAINanoseconds(unixSeconds: 1_483_228_799, nanoseconds: 5).rawValue == 1_483_228_835_000_000_005)
        #expect(TAINanoseconds(unixSeconds: 1_483_228_800).rawValue == 1_483_228_837_000_000_000)
    }

    @Test func nowIsAheadOfTheUnixClockByTheLeapSeconds() throws {
        let now = TAINanoseconds.now
        // Leap seconds have been 37 since 2017; none has been announced to the end of 2026.
        #expect(now.rawValue > 1_750_000_000_000_000_000)
        let utc = try now.text(scale: .utc, precision: 9)
        #expect(abs(try TimeLiteral(utc).time.rawValue - now.rawValue) <= 1)
    }
}
