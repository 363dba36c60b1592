import AstroTime
import ButlerModel
import QueryModel
import SkyGeometry
import Testing

@Suite struct ExpressionFunctionTests {
    static let uuid = "4b6c1f0e-2a3d-4e5f-8a9b-0c1d2e3f4a5b"

    @Test(arguments: [
        ("point(10, -20.5)", "POINT(10, -20.5)"), ("POINT((1+1), 2)", "POINT(1 + 1, 2)"),
        ("POINT('x', f())", "POINT('x', f())"),
        ("Circle(:ra, dec, a.b)", "CIRCLE(:ra, dec, a.b)"), ("CIRCLE(1+1, - 2, NOT a)", "CIRCLE(1 + 1, -2, NOT a)"),
        ("BOX(0, 0, 1, 1.)", "BOX(0, 0, 1, 1.0)"), ("POLYGON(0,0,1,0,0,1)", "POLYGON(0, 0, 1, 0, 0, 1)"),
        ("REGION('CIRCLE 1 2 3')", "REGION('CIRCLE 1 2 3')"), ("region(:r)", "REGION(:r)"),
        ("REGION(a.b)", "REGION(a.b)"),
        ("GLOB(visit.name, 'x*')", "GLOB(visit.name, 'x*')"), ("glob((a), ((:p)))", "GLOB(a, :p)"),
        ("UUID('\(uuid)')", "UUID('\(uuid)')"), ("uuid(('4B6C1F0E2A3D4E5F8A9B0C1D2E3F4A5B'))", "UUID('\(uuid)')"),
        ("foo()", "foo()"), ("Foo(a = 1, 'x', (1, 2))", "Foo(a = 1, 'x', (1, 2))"), ("f(,1)", "f(1)"),
        ("a OVERLAPS CIRCLE (1, 2, 3) AND b", "(a OVERLAPS CIRCLE(1, 2, 3)) AND b"),
    ])
    func functionsAreRead(text: String, meaning: String) throws {
        #expect(try parsed(text) == meaning)
        #expect(try parsed(meaning) == meaning)
    }

    @Test(arguments: [
        ("POINT(1)", "takes two arguments (ra, dec), not 1"), ("POINT()", "takes two arguments (ra, dec), not none"),
        ("CIRCLE(1, 2)", "takes three arguments (ra, dec, radius), not 2"),
        ("CIRCLE((1), 2, 3)", "without parentheses"),
        ("CIRCLE('1', 2, 3)", "takes degrees"), ("CIRCLE(1..2, 2, 3)", "takes degrees"),
        ("CIRCLE(1, 2, f(3))", "takes degrees"), ("CIRCLE(a IN (1), 2, 3)", "takes degrees"),
        ("CIRCLE((1, 2), 2, 3)", "takes degrees"),
        ("BOX(1, 2, 3)", "takes four arguments (ra, dec, width, height), not 3"),
        ("BOX(1, 2, 3, T'58849.0')", "takes degrees"), ("POLYGON(1, 2, 3, 4)", "takes three or more pairs"),
        ("POLYGON(1, 2, 3, 4, 5, 6, 7)", "takes three or more pairs"), ("POLYGON(1, 2, 3, 4, 5, (6))", "takes degrees"),
        ("REGION()", "takes one argument"), ("REGION(('x'))", "without parentheses"), ("REGION(1)", "takes a string"),
        ("GLOB(a)", "takes two arguments (column, pattern), not 1"), ("GLOB('a', 'x')", "name of a column"),
        ("GLOB(:a, 'x')", "name of a column"), ("GLOB(a, b)", "as its pattern"), ("GLOB(a, 1)", "as its pattern"),
        ("UUID()", "takes one argument"), ("UUID(:u)", "takes a string"), ("UUID('x')", "32 hexadecimal digits"),
    ])
    func wrongArgumentsAreErrorsThatNameTheFunction(text: String, problem: String) {
        let error = #expect(throws: ExpressionError.self) { try ExpressionSyntax.parse(text) }
        let name = String(text.prefix { $0 != "(" })
        #expect(error?.description.contains("\(name) takes") == true)
        #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    }

    @Test func functionsAreTyped() throws {
        guard case .polygon(let vertices) = try ExpressionSyntax.parse("POLYGON(0, 1, 2, 3, 4, 5)")?.kind else {
            Issue.record("not a polygon")
            return
        }
        #expect(vertices.map(\.ra.kind) == [.integer(0), .integer(2), .integer(4)])
        #expect(vertices.map(\.dec.kind) == [.integer(1), .integer(3), .integer(5)])
        #expect(try ExpressionSyntax.parse("UUID('\(Self.uuid)')")?.kind == .uuid(#require(DatasetID(Self.uuid))))
    }

    @Test(arguments: [
        ("2020-01-01", 1577836837000000000), ("2020-01-01/tai", 1577836800000000000), ("58849.0", 1577836800000000000),
        ("jd/2458849.5", 1577836800000000000), ("decimalyear/2020.0", 1577836800000000000),
        ("2020-01-01T12:30:15.5", 1577881852500000000), ("MJD/58849.25/tt", 1577858367816000000),
        ("unix/1577836800.0", 1577836837000000000), ("gps/1261872018.0", 1577836837000000000),
        ("2020:001", 1577836837000000000), ("+02020-01-01", 1577836837000000000),
        ("cxcsec/694224000.0", 1577836767816000000), ("2020-01-01/tdb", 1577836767816101336),
        ("2016-12-31T23:59:60", 1483228836000000000), ("2020-01-01 00:00:00+00:00", 1577836837000000000),
    ])
    func timesAreNanosecondsOfTAI(text: String, nanoseconds: Int64) throws {
        guard case .time(let time) = try literal("t'\(text)'") else {
            Issue.record("not a time")
            return
        }
        #expect(time.time == TAINanoseconds(rawValue: nanoseconds))
        #expect(time.clamp == nil)
        let description = try parsed("T'\(text)'")
        #expect(try parsed(description) == description)
    }

    @Test func timesOutsideTheLegalRangeAreClampedAndSaySo() throws {
        guard case .time(let early) = try literal("T'1960-01-01'"), case .time(let late) = try literal("T'2200-01-01'")
        else {
            Issue.record("not times")
            return
        }
        #expect(early.time == .earliest && early.clamp == .earliest)
        #expect(late.time == .latest && late.clamp == .latest)
    }

    @Test(arguments: ["58849", "mjd/58849", "2020-01-01T00:00:00Z", " 58849.0", "2020-01-01T12", "xyz/58849.0", ""])
    func badTimesAreErrorsAtTheirPlace(text: String) {
        let error = #expect(throws: ExpressionError.self) { try ExpressionSyntax.parse("visit.begin < T'\(text)'") }
        #expect(error?.offset == 14)
        guard case .time = error?.reason else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    /// What messages and explanations say of a literal can be put into an expression again.
    @Test(arguments: [
        "CIRCLE(10.0, -5.0, 0.5)", "BOX(10, 0.1, 0.3, 0.05)", "POLYGON(9.9, 0, 10, 0, 10, 0.05)", "POINT(10, 20)",
        "REGION('RANGE 350 10 -0.2 0.2')",
    ])
    func regionsAreShownAsExpressions(text: String) throws {
        let universe = try universe()
        func region(_ text: String) throws -> EncodedRegion {
            let predicate = try Predicate(
                "visit.region OVERLAPS \(text)", in: IdentifierContext(dimensions: try universe.group(["visit"])))
            guard case .comparison(_, _, .literal(.region(let region)))? = predicate.groups.first?.first else {
                throw ButlerError(.invalidQuery, text)
            }
            return region
        }
        let given = try region(text)
        let circle = try region("\(QueryLiteral.region(given))").decoded().boundingCircle
        let expected = try given.decoded().boundingCircle
        #expect(circle.center.vector.dot(expected.center.vector) > 1 - 1e-14)
        #expect(abs(circle.openingAngle.radians - expected.openingAngle.radians) < 1e-7)
    }

    @Test func timesAreShownWithTheirScale() throws {
        let context = IdentifierContext(dimensions: try universe().group(["visit"]))
        let text = "visit.timespan.begin > T'2015-01-21T00:00:35.000000000/tai'"
        let predicate = try Predicate("visit.timespan.begin > T'2015-01-21T00:00:00.000/utc'", in: context)
        #expect(predicate.description == text)
        #expect(try Predicate(text, in: context) == predicate)
        for span in ["(T'2020-01-01/tai', T'2021-01-01/tai')", "(NULL, T'2021-01-01/tai')"] {
            let predicate = try Predicate("visit.timespan OVERLAPS \(span)", in: context)
            #expect(try Predicate(predicate.description, in: context) == predicate)
        }
    }
}
