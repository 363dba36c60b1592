import ButlerModel
import DatabaseSupport
import Query
import QueryModel
import SkyGeometry
import Testing

/// Overlaps on the sky: query system reference, sections 3.5 and 4.
@Suite struct SpatialQueryTests {
    /// The regions of all records of an element, by what identifies them without the governor.
    private func regions(of element: String) async throws -> [(id: [DataIDValue], region: Region)] {
        let repository = try await QueryRepository.shared.value
        let prepared = try await repository.records(of: element)
        var found: [(id: [DataIDValue], region: Region)] = []
        for try await case .dimensionRecords(let records) in repository.registry.pages(
            prepared.request, prepared.result)
        {
            for record in records {
                found.append((Array(record.requiredValues.dropFirst()), try #require(record.region).decoded()))
            }
        }
        return found
    }

    private func overlapping(_ a: String, _ b: String) async throws -> Set<[DataIDValue]> {
        let (left, right) = (try await regions(of: a), try await regions(of: b))
        var pairs: Set<[DataIDValue]> = []
        for (id, region) in left {
            for (other, otherRegion) in right where region.overlaps(otherRegion) != .no { pairs.insert(id + other) }
        }
        #expect(!pairs.isEmpty && pairs.count < left.count * right.count)
        return pairs
    }

    private func ids(
        _ names: [String], _ query: TestQuery, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String] {
        let repository = try await QueryRepository.shared.value
        let prepared = try await repository.dataIDs(names, query)
        let rows = try await repository.rows(prepared, sourceLocation: sourceLocation)
        #expect(
            try await repository.count(prepared, discards: true) == rows.count, sourceLocation: sourceLocation)
        #expect(Set(rows).count == rows.count, "no row repeats", sourceLocation: sourceLocation)
        return rows
    }

    // MARK: Joins

    @Test func visitsAndTractsAreJoinedExactlyWhereTheyOverlap() async throws {
        let pairs = try await overlapping("visit", "tract")
        let expected = pairs.map { "tract=\($0[1]),visit=\($0[0])" }.sorted()
        #expect(try await ids(["visit", "tract"], .where(id: everywhere)).sorted() == expected)
        #expect(
            try await ids(["visit", "tract"], .where("visit.region OVERLAPS tract.region", id: everywhere)).sorted()
                == expected)
    }

    @Test func theFinestElementsOfBothFamiliesAreJoined() async throws {
        let pairs = try await overlapping("visit_detector_region", "patch")
        let expected = pairs.map { "detector=\($0[0]),tract=\($0[2]),patch=\($0[3]),visit=\($0[1])" }.sorted()
        let rows = try await ids(["visit", "detector", "patch"], .where(id: everywhere))
        #expect(
            rows.map { $0.split(separator: ",").sorted().joined(separator: ",") }.sorted()
                == expected.map { $0.split(separator: ",").sorted().joined(separator: ",") }.sorted())
        // Detectors that touch a patch's pixels without touching the patch are filtered out.
        let repository = try await QueryRepository.shared.value
        let patch = try await repository.dataIDs(
            ["detector"], .where("visit = 1 AND tract = 0 AND patch = 0", id: everywhere))
        await #expect(throws: ButlerError.self) { try await repository.count(patch) }
        let exact = try await repository.count(patch, discards: true)
        #expect(exact == Set(pairs.filter { $0[1] == 1 && $0[2] == 0 && $0[3] == 0 }.map { $0[0] }).count)
        #expect(try await repository.count(patch, isExact: false) > exact)
    }

    @Test func aProjectionThatDropsTheElementsStillFiltersExactly() async throws {
        let pairs = try await overlapping("visit_detector_region", "patch")
        for tract in 0...1 as ClosedRange<Int64> {
            for patch in 0...3 as ClosedRange<Int64> {
                let detectors = Set(pairs.filter { $0[2] == .int(tract) && $0[3] == .int(patch) }.map { $0[0] })
                let rows = try await ids(
                    ["detector"],
                    .where(
                        "visit_detector_region.region OVERLAPS patch.region",
                        id: everywhere.merging(["tract": .int(tract), "patch": .int(patch)]) { $1 }))
                #expect(Set(rows) == Set(detectors.map { "detector=\($0)" }), "\(tract) \(patch)")
            }
        }
    }

    @Test func pixelsAreJoinedByEnvelopeOnly() async throws {
        let repository = try await QueryRepository.shared.value
        let rows = try await ids(["visit", "htm7"], .where(id: cam1))
        let htm = try PixelizationKind(className: "lsst.sphgeom.HtmPixelization").pixelization(level: 7)
        var expected: Set<String> = []
        for (id, region) in try await regions(of: "visit") {
            for range in try htm.envelope(of: region).ranges {
                for pixel in range { expected.insert("htm7=\(pixel),visit=\(id[0])") }
            }
        }
        #expect(Set(rows) == expected)
        #expect(
            try await repository.rows(
                try await repository.datasets("cat1", ["refcats"], .where("visit = 1 AND detector = 1", id: cam1))
            ).count >= 1)
        await repository.expectError(.unimplementedQuery, "Unsupported combination for spatial join") {
            try await repository.dataIDs(["htm9"], .where("visit = 1", id: cam1))
        }
        await repository.expectError(.unimplementedQuery, "Cannot join dimension element htm7 with no table") {
            try await repository.dataIDs(["htm7"], .where("htm7 = 5"))
        }
    }

    @Test func recordsOfPixelsAreComputed() async throws {
        let repository = try await QueryRepository.shared.value
        let prepared = try await repository.records(of: "htm7", .where("visit = 1", id: cam1))
        let rows = try await repository.rows(prepared)
        #expect(!rows.isEmpty)
        for try await case .dimensionRecords(let records) in repository.registry.pages(
            prepared.request, prepared.result)
        {
            for record in records { #expect(try record.region?.decoded().isEmpty == false) }
        }
    }

    @Test func datasetsThatJoinBothFamiliesReplaceTheJoin() async throws {
        // The warp pairs visit 1 with tract 1, whether or not they overlap.
        #expect(
            try await ids(["visit", "tract"], .where(id: everywhere, joining: [("warp", ["run1"])])) == [
                "tract=1,visit=1"
            ])
        // A patch is not in the dataset type, so that its join comes back.
        let pairs = try await overlapping("visit", "patch").filter { $0[0] == 1 && $0[1] == 1 }
        let rows = try await ids(["visit", "patch"], .where(id: everywhere, joining: [("warp", ["run1"])]))
        #expect(rows.count == pairs.count)
    }

    @Test func joinsThatAreNeedlessOrAmbiguousAreErrors() async throws {
        let repository = try await QueryRepository.shared.value
        let cases: [(names: [String], expression: String, kind: ButlerError.Kind, fragment: String)] = [
            (
                ["patch"], "patch.region OVERLAPS patch.region", .invalidQuery,
                "Spatial join between patch and patch is not necessary."
            ),
            (["patch"], "patch.region OVERLAPS tract.region", .invalidQuery, "is not necessary"),
            (
                ["visit", "patch", "htm7"], "", .invalidQuery,
                "Too many disconnected sets of spatial families for an automatic join"
            ),
            (
                ["visit"], "visit = 9 OR visit.region OVERLAPS POINT(10, 0)", .unimplementedQuery,
                "Spatial overlap constraints nested inside OR or NOT are not supported."
            ),
            (["visit"], "NOT visit.region OVERLAPS POINT(10, 0)", .unimplementedQuery, "nested inside OR or NOT"),
            (
                ["visit", "tract"], "NOT visit.region OVERLAPS tract.region", .unimplementedQuery,
                "Spatial overlap joins nested inside OR or NOT are not supported."
            ),
        ]
        for (names, expression, kind, fragment) in cases {
            await repository.expectError(kind, fragment) {
                try await repository.dataIDs(names, .where(expression, id: everywhere))
            }
        }
    }

    @Test func anExplicitJoinResolvesAnAmbiguity() async throws {
        let repository = try await QueryRepository.shared.value
        await repository.expectError(.invalidQuery, "which join to add is ambiguous") {
            try await repository.dataIDs(
                ["visit", "tract", "htm7"], .where("visit.region OVERLAPS tract.region", id: everywhere))
        }
        let rows = try await ids(
            ["visit", "tract", "htm7"],
            .where("visit.region OVERLAPS tract.region AND visit.region OVERLAPS htm7.region", id: everywhere))
        #expect(!rows.isEmpty)
    }

    // MARK: Constraints

    @Test(arguments: [
        "POINT(10.02, 0.05)", "POINT(9.95, -0.05)", "POINT(10.2, 0)", "POINT(40, 40)", "CIRCLE(10.0, 0.0, 0.01)",
        "CIRCLE(10.26, 0.0, 0.02)", "BOX(10, 0.1, 0.3, 0.05)", "POLYGON(9.9, 0, 10, 0, 10, 0.05)",
        "REGION('CIRCLE 10 0 0.05')", "REGION('RANGE 9.9 9.95 -0.2 0.2')", "CIRCLE(10, 0, 60)",
    ])
    func aGivenRegionKeepsExactlyWhatMayOverlapIt(region: String) async throws {
        let repository = try await QueryRepository.shared.value
        let predicate = try Predicate(
            "visit.region OVERLAPS \(region)",
            in: IdentifierContext(dimensions: try repository.universe.group(["visit"])))
        guard case .comparison(_, _, .literal(.region(let encoded)))? = predicate.groups.first?.first else { return }
        let given = try encoded.decoded()
        for element in ["visit", "patch", "tract", "visit_detector_region"] {
            let expected = try await regions(of: element).filter { $0.region.overlaps(given) != .no }.count
            let names = element == "visit_detector_region" ? ["visit", "detector"] : [element]
            let rows = try await ids(names, .where("\(element).region OVERLAPS \(region)", id: everywhere))
            #expect(rows.count == expected, "\(element)")
        }
    }

    @Test func aConstraintOnADroppedElementTakesTheUnionOfItsRegions() async throws {
        // Both visits have different filters.
        for (region, filters) in [
            ("POINT(9.95, 0)", ["Cam1-G"]), ("POINT(10.2, 0)", ["Cam1-R1"]),
            ("POINT(10.075, 0)", ["Cam1-G", "Cam1-R1"]),
            ("POINT(10.5, 0)", []),
        ] {
            let rows = try await ids(
                ["physical_filter"], .where("visit.region OVERLAPS \(region)", id: cam1, order: ["physical_filter"]))
            #expect(rows == filters.map { "physical_filter=\($0)" }, "\(region)")
        }
    }

    @Test func severalConstraintsHoldTogether() async throws {
        let west = "visit.region OVERLAPS POINT(9.95, 0)"
        let middle = "visit.region OVERLAPS POINT(10.075, 0)"
        #expect(try await ids(["visit"], .where("\(west) AND \(middle)", id: cam1)) == ["visit=1"])
        #expect(try await ids(["visit"], .where(middle, id: cam1, order: ["-visit"])) == ["visit=2", "visit=1"])
        #expect(
            try await ids(["visit", "htm7"], .where("\(west) AND htm7.region OVERLAPS POINT(9.95, 0.02)", id: cam1))
                .count
                == 1)
    }

    @Test func limitsCountWhatFiltersLeave() async throws {
        let all = try await ids(
            ["visit", "detector", "patch"], .where(id: everywhere, order: ["-visit", "detector", "tract", "patch"]))
        for limit in [0, 1, 3, all.count, 1000, -1] {
            let limited = try await ids(
                ["visit", "detector", "patch"],
                .where(id: everywhere, order: ["-visit", "detector", "tract", "patch"], limit: limit))
            #expect(limited == (limit < 0 ? all : Array(all.prefix(limit))), "\(limit)")
        }
    }

    @Test func pixelsOfAnyLevelCanBeConstrained() async throws {
        let repository = try await QueryRepository.shared.value
        let rows = try await repository.rows(
            try await repository.datasets("cat1", ["refcats"], .where("htm7.region OVERLAPS POINT(10, 0.01)")))
        #expect(rows.count >= 1)
        #expect(
            try await repository.rows(
                try await repository.datasets("cat1", ["refcats"], .where("htm7.region OVERLAPS POINT(80, 40)"))) == [])
    }

    @Test(.timeLimit(.minutes(5))) func aRegionThatWouldTakeTooManyPixelsIsTheUsersError() async throws {
        let repository = try await QueryRepository.shared.value
        for (name, region, fragment) in [
            ("htm24", "CIRCLE(10, 0, 30)", "too large"), ("healpix17", "BOX(10, 0, 90, 90)", "too large"),
            ("htm18", "POLYGON(0, 0, 90, 0, 90, 80)", "too large"),
            ("healpix5", "BOX(10, 0, -1, -1)", "cannot be covered"),
        ] {
            await repository.expectError(.invalidQuery, fragment) {
                try await repository.dataIDs([name], .where("\(name).region OVERLAPS \(region)"))
            }
        }
        // Small regions are fine; what is missing is something that gives these pixels.
        await repository.expectError(.unimplementedQuery, "with no table") {
            try await repository.dataIDs(["htm24"], .where("htm24.region OVERLAPS CIRCLE(10, 0, 0.001)"))
        }
    }

    // MARK: What a database cannot do

    @Test(.timeLimit(.minutes(5))) func tooManyTablesAreTheUsersError() async throws {
        let repository = try await QueryRepository.shared.value
        // SQLite joins fewer tables than the queries may.
        for count in TestDatabase.isPostgreSQL ? [500, 20_000] : [70, 500, 20_000] {
            let overlaps = Array(repeating: "visit.region OVERLAPS POINT(10, 0)", count: count)
            await repository.expectError(.invalidQuery, count == 70 ? "too complex for the database" : "more than 100 tables") {
                try await repository.dataIDs(["visit"], .where(overlaps.joined(separator: " AND "), id: cam1))
            }
        }
    }

    @Test(.timeLimit(.minutes(5))) func aPolygonOfVeryManyVerticesIsTheUsersError() async throws {
        let repository = try await QueryRepository.shared.value
        let visit = try repository.universe.requireElement("visit")
        let region = ColumnExpression.column(.dimensionField(visit, column: try #require(visit.regionColumn)))
        // Round and round the same octant.
        func polygon(turns: Int) throws -> QueryLiteral {
            let vertices: [Double] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
            var bytes = [UInt8(ascii: "p")]
            for value in Array(repeating: vertices, count: turns).joined() {
                withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
            }
            return .region(EncodedRegion(bytes: bytes))
        }
        var query = TestQuery.where(id: cam1)
        query.predicate = Predicate(try .comparing(region, .overlaps, .literal(try polygon(turns: 20_000))))
        await repository.expectError(.invalidQuery, "60000 vertices; a query takes at most 6000") {
            try await repository.dataIDs(["visit"], query)
        }
    }
}
