import AstroTime
import Testing

@Suite struct TimeLiteralTests {
    /// What astropy 8.0.2 and lsst.daf.butler make of these.
    @Test(
        arguments: [
            ("2020-01-01", 1_577_836_837_000_000_000), ("2020-01-01/tai", 1_577_836_800_000_000_000),
            ("58849.0", 1_577_836_800_000_000_000), ("58849.", 1_577_836_800_000_000_000),
            ("jd/2458849.5", 1_577_836_800_000_000_000), ("decimalyear/2020.0", 1_577_836_800_000_000_000),
            ("2020-01-01T12:30:15.5", 1_577_881_852_500_000_000), ("2020-1-1 1:2:3.5", 1_577_840_560_500_000_000),
            ("MJD/58849.25/TT", 1_577_858_367_816_000_000), ("unix/1577836800.0", 1_577_836_837_000_000_000),
            ("gps/1261872018.0", 1_577_836_837_000_000_000), ("2020:001", 1_577_836_837_000_000_000),
            ("2020:1", 1_577_836_837_000_000_000), ("2019:366", 1_577_836_837_000_000_000),
            ("2020:001:5:3", 1_577_855_017_000_000_000), ("+02020-01-01", 1_577_836_837_000_000_000),
            ("cxcsec/694224000.0", 1_577_836_767_816_000_000), ("2020-01-01/tdb", 1_577_836_767_816_101_336),
            ("2020-01-01/tcb", 1_577_836_746_776_847_548), ("2020-01-01/tcg", 1_577_836_766_870_328_681),
            ("2016-12-31T23:59:60", 1_483_228_836_000_000_000), ("2020-01-01T00:00:61", 1_577_836_898_000_000_000),
            ("unix_tai/1577836800.25/utc", 1_577_836_800_250_000_000),
            ("galexsec/1261872000.0", 1_577_836_837_000_000_000), ("stardate/-300000.0", 687_692_292_480_000_854),
            ("byear/2000.0", 946_687_685_595_840_029), ("jyear/2000.0", 946_728_000_000_000_000),
            ("decimalyear/2016.75/utc", 1_475_323_236_750_000_000), ("plot_date/737425.5", 1_577_880_037_000_000_000),
            ("1970-06-01", 13_046_408_391_474_000), ("2020-01-01 00:00:00+00:00", 1_577_836_837_000_000_000),
            ("2020-01-01+00:00/tai", 1_577_836_800_000_000_000), ("2020-01-01T00:00:00.", 1_577_836_837_000_000_000),
        ] as [(String, Int64)])
    func literalsGiveTheNanosecondsOfAstropy(text: String, nanoseconds: Int64) throws {
        let literal = try TimeLiteral(text)
        #expect(literal.time.rawValue == nanoseconds)
        #expect(literal.clamp == nil)
    }

    @Test func formatAndScaleAreGuessedFromTheShape() throws {
        #expect(try TimeLiteral("58849.0").format == .mjd)
        #expect(try TimeLiteral("58849.0").scale == .tai)
        #expect(try TimeLiteral("2020-01-01 00:00").format == .iso)
        #expect(try TimeLiteral("2020-01-01T00:00").format == .isot)
        #expect(try TimeLiteral("2020:005").format == .yday)
        #expect(try TimeLiteral("+02020-01-01").format == .fits)
        #expect(try TimeLiteral("CXCSEC/1.0").scale == .tt)
        #expect(try TimeLiteral("isot/2020-01-01").scale == .utc)
    }

    @Test func timesOutsideTheLegalRangeAreClampedAndReported() throws {
        for text in ["-1.0", "1969-12-31", "0000-01-01", "jd/-10000000.0"] {
            let literal = try TimeLiteral(text)
            #expect(literal.time == .earliest)
            #expect(literal.clamp == .earliest)
        }
        for text in ["2100-01-02", "9999-12-31", "stardate/0.0", "decimalyear/99999999999.0"] {
            let literal = try TimeLiteral(text)
            #expect(literal.time == .latest)
            #expect(literal.clamp == .latest)
        }
        #expect(try TimeLiteral("2100-01-01/tai").clamp == nil)
    }

    @Test(arguments: [
        "", "58849", "mjd/58849", " 58849.0", "58849.0 ", "2020-01-01Z", "2020-01-01T00:00:00Z", "2020-01-01T12",
        "2020-01-01T00:00:00+01:00", "1e5", "nan", "/", "//", "mjd/58849.0/tai/x", "/58849.0", "58849.0/", "2020-01",
        "2020-01-01T10:20.5", "-", ".", "2020-01-01 ", "mjd 58849.0", "é/58849.0",
    ])
    func textsOfNoKnownShapeAreErrors(text: String) {
        #expect(throws: TimeError.unrecognized(text)) { try TimeLiteral(text) }
    }

    @Test func errorsSayWhatWasExpected() {
        #expect(throws: TimeError.unknownFormat("xyz", literal: "xyz/58849.0")) { try TimeLiteral("xyz/58849.0") }
        #expect(throws: TimeError.unknownScale("xyz", literal: "58849.0/xyz")) { try TimeLiteral("58849.0/xyz") }
        #expect(throws: TimeError.localScale("58849.0/local")) { try TimeLiteral("58849.0/local") }
        #expect(throws: TimeError.needsEarthRotation) { try TimeLiteral("58849.0/ut1") }
        #expect(throws: TimeError.impossibleDate("2020-02-30")) { try TimeLiteral("2020-02-30") }
        #expect(throws: TimeError.impossibleDate("2020-01-01T24:00:00")) { try TimeLiteral("2020-01-01T24:00:00") }
        for text in ["iso/2020-01-01T00:00", "mjd/2020-01-01", "iso/58849.0", "02020-01-01", "2020-01-01t00:00:00"] {
            do throws(TimeError) {
                let literal = try TimeLiteral(text)
                Issue.record("\(text) was read as \(literal)")
            } catch {
                #expect(error.description.contains("expected"), "\(error)")
            }
        }
        for text in ["jyear_str/2000.0", "byear_str/1950.0", "datetime/2020-01-01", "ymdhms/1.0", "2020:367", "2020:0"]
        {
            #expect(throws: TimeError.self) { try TimeLiteral(text) }
        }
    }

    @Test func randomTextsNeverCrash() {
        let alphabet = Array("0123456789-+:./ TtZ_mjdéuix\n".unicodeScalars)
        var state: UInt64 = 3
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var accepted = 0
        for round in 0..<20_000 {
            var scalars = Array(
                ["2020-01-01T00:00:00.5/utc", "mjd/58849.25", "2020:123:04:05"][round % 3].unicodeScalars)
            for _ in 0...next(3) { scalars[next(scalars.count)] = alphabet[next(alphabet.count)] }
            var text = ""
            text.unicodeScalars.append(contentsOf: scalars)
            if (try? TimeLiteral(text)) != nil { accepted += 1 }
        }
        #expect(accepted > 1000)
    }
}
