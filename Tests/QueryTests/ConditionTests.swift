import ButlerModel
import DatabaseSupport
import Query
import QueryModel
import StructuredData
import Testing

/// Conditions on rows: query system reference, checklist of section 7, numbers 1 to 45.
@Suite struct ConditionTests {
    /// Expressions on detectors of one instrument, and which they find.
    static let detectors: [(expression: String, found: [String])] = [
        ("", ["1", "2", "3", "4"]),
        ("id = 2", ["2"]),
        ("detector != 2", ["1", "3", "4"]),
        ("raft = 'A'", ["1", "2"]),
        ("full_name > 'Ab'", ["3", "4"]),
        ("detector % 2 = 0 AND -detector < -1 AND detector/2 > 1.5", ["4"]),
        ("detector / 2 = 1.5", ["3"]),
        ("detector / (detector - 2) = 3", ["3"]),
        ("(detector + 1) * 2 - 1 = 7", ["3"]),
        ("detector IN (1..3:2, 4)", ["1", "3", "4"]),
        ("detector IN (3..3)", ["3"]),
        ("detector IN (-5..1)", ["1"]),
        ("NOT (detector IN (1, 2) OR raft = 'B' AND detector = 3)", ["4"]),
        ("detector NOT IN (1..2)", ["3", "4"]),
        ("GLOB(full_name, 'A?')", ["1", "2"]),
        ("GLOB(full_name, '*a')", ["1", "3"]),
        ("GLOB(full_name, 'A[ab]')", []),
        ("GLOB(full_name, '\\*')", []),
        ("NOT GLOB(full_name, 'A*')", ["3", "4"]),
        ("GLOB(full_name, '*')", ["1", "2", "3", "4"]),
        ("instrument = 'Cam1'", ["1", "2", "3", "4"]),
        ("instrument = 'Cam2'", []),
        ("detector = 1 AND detector = 2", []),
        ("detector = 1 OR detector = 2 OR detector = 9", ["1", "2"]),
        ("full_name = 'Aa' OR full_name = 'Bb'", ["1", "4"]),
        ("detector = 1 OR raft = 'B'", ["1", "3", "4"]),
        ("visit = 1", ["1", "2", "3", "4"]),
        ("visit = 9", []),
    ]

    @Test func conditionsFindTheDetectorsThatFulfilThem() async throws {
        let repository = try await QueryRepository.shared.value
        for (expression, found) in Self.detectors {
            let query = TestQuery.where(expression, id: cam1, order: ["detector"])
            let records = try await repository.records(of: "detector", query)
            #expect(try await repository.rows(records) == found, "\(expression)")
            #expect(try await repository.count(records) == found.count, "\(expression)")
            let any = try await repository.registry.any(records.request, executes: true, isExact: true)
            #expect(any == !found.isEmpty, "\(expression)")
        }
    }

    /// Expressions on exposures, the last of which has no timespan, time or name.
    static let exposures: [(expression: String, found: [String])] = [
        ("exposure.can_see_sky", ["0"]),
        ("NOT exposure.can_see_sky", ["1"]),
        ("exposure.can_see_sky = NULL", ["2", "3", "4"]),
        ("exposure.can_see_sky != NULL", ["0", "1"]),
        ("exposure.exposure_time IN (10, 20.0)", ["1", "2"]),
        ("exposure.exposure_time > 15 OR exposure.exposure_time < 5", ["0", "2", "3"]),
        ("NOT exposure.exposure_time > 15", ["0", "1"]),
        ("exposure.exposure_time = NULL", ["4"]),
        ("exposure.exposure_time / exposure.exposure_time = 1.0", ["1", "2", "3"]),
        ("target_name != 'target_0'", ["1", "2", "3"]),
        ("NOT (target_name = 'target_0')", ["1", "2", "3"]),
        ("GLOB(target_name, '*')", ["0", "1", "2", "3", "4"]),
        ("GLOB(target_name, '*[*]\\*')", ["1"]),
        ("GLOB(target_name, 'target?2')", ["2"]),
        ("target_name = NULL OR exposure = 0", ["0", "4"]),
        ("exposure.timespan OVERLAPS T'2020-01-01T01:00:00/tai'", ["0"]),
        ("exposure.timespan OVERLAPS T'2020-01-01T02:00:00/tai'", ["1"]),
        ("exposure.timespan OVERLAPS (T'2020-01-01T02:00:00/tai', T'2020-01-01T03:00:00/tai')", ["1"]),
        ("exposure.timespan OVERLAPS (T'2020-01-01T02:30:00/tai', NULL)", ["1", "2", "3"]),
        ("exposure.timespan OVERLAPS (NULL, NULL)", ["0", "1", "2", "3"]),
        ("NOT exposure.timespan OVERLAPS T'2020-01-01T02:00:00/tai'", ["0", "2", "3"]),
        ("exposure.timespan = NULL", ["4"]),
        ("exposure.timespan.begin >= T'2020-01-01T03:00:00/tai'", ["2", "3"]),
        ("exposure.timespan.begin < T'1980-01-01/tai'", ["4"]),
        ("exposure.timespan.end = T'2020-01-01T03:00:00/tai'", ["1"]),
        ("band = 'r'", ["1", "3"]),
        ("physical_filter = 'Cam1-G' AND day_obs = 20200101", ["0", "2", "4"]),
        ("visit = 1", ["0", "2"]),
        ("visit.exposure_time > 40", ["0", "2"]),
    ]

    @Test func nullsAreUnknownToComparisonsAndTheirNegations() async throws {
        let repository = try await QueryRepository.shared.value
        for (expression, found) in Self.exposures {
            let query = TestQuery.where(expression, id: cam1, order: ["exposure"])
            #expect(
                try await repository.rows(try await repository.records(of: "exposure", query)) == found, "\(expression)"
            )
        }
    }

    @Test func boundValuesStandForLiteralsAndLists() async throws {
        let repository = try await QueryRepository.shared.value
        let cases: [(String, [String: BindValue], [String])] = [
            ("detector IN (:d)", ["d": []], []),
            ("NOT detector IN (:d)", ["d": []], ["1", "2", "3", "4"]),
            ("detector IN (d, 4)", ["d": [.int(1), .int(2)]], ["1", "2", "4"]),
            ("detector = detector", ["detector": 7], ["1", "2", "3", "4"]),
            ("full_name IN (:names)", ["names": [.string("Aa"), .string("o'Hara"), .string("Bb")]], ["1", "4"]),
            ("detector IN (:many)", ["many": .list((3..<50_000).map { .int($0) })], ["3", "4"]),
            ("detector NOT IN (:many)", ["many": .list((3..<50_000).map { .int($0) })], ["1", "2"]),
        ]
        for (expression, bind, found) in cases {
            let query = TestQuery.where(expression, bind: bind, id: cam1, order: ["detector"])
            let rows = try await repository.rows(try await repository.records(of: "detector", query))
            #expect(rows == found, "\(expression)")
        }
        let hash = TestQuery.where("skymap.hash = :h", bind: ["h": .literal(.hash(Array("notreallyahash".utf8)))])
        #expect(try await repository.rows(try await repository.records(of: "skymap", hash)) == ["SkyMap1"])
        let times = TestQuery.where(
            "exposure.timespan.begin IN (:t)",
            bind: ["t": .list(try (0..<40_000).map { .datetime(try QueryRepository.hours($0, nil).begin) })], id: cam1,
            order: ["exposure"])
        #expect(try await repository.rows(try await repository.records(of: "exposure", times)) == ["0", "1", "2", "3"])
    }

    @Test func aNegativeValueIsNoMemberOfASteppedRangeButItsRemainderCounts() async throws {
        let repository = try await QueryRepository.shared.value
        let visit = try repository.universe.requireElement("detector")
        for (start, stop, step, found) in [
            (-3, 10, 2, ["1", "3"]), (-4, nil, 3, ["2"]), (2, 2, 1, []), (2, 3, 7, ["2"]),
            (.min, .max, 1, ["1", "2", "3", "4"]),
        ] as [(Int64, Int64?, Int64, [String])] {
            var query = TestQuery.where(id: cam1, order: ["detector"])
            query.predicate = Predicate(
                try .range(.column(.dimensionKey(visit)), start: start, stop: stop, step: step))
            #expect(
                try await repository.rows(try await repository.records(of: "detector", query)) == found,
                "\(start) \(String(describing: stop)) \(step)")
        }
    }

    // MARK: Inner queries

    @Test func membersOfAnotherQueryAreFound() async throws {
        let repository = try await QueryRepository.shared.value
        let detector = try repository.universe.requireElement("detector")
        func inner(_ query: TestQuery) async throws -> PredicateLeaf {
            let tree = try await repository.builder(query, dimensions: try repository.universe.group(["detector"]))
                .tree()
            return try .query(.column(.dimensionKey(detector)), column: .dimensionKey(detector), tree)
        }
        let cases: [(TestQuery, [String])] = [
            (.where("raft = 'A'", id: cam1), ["1", "2"]),
            (.where(id: cam1, joining: [("bias", ["imported_g"])]), ["1", "2", "3"]),
            (.where("bias.run = 'imported_r'", id: cam1, joining: [("bias", ["chain"])]), ["2", "3", "4"]),
            (.where(id: cam1, joining: [("bias", ["empty"])]), []),
            (.where("detector = 9", id: cam1), []),
        ]
        for (query, found) in cases {
            let leaf = try await inner(query)
            for (predicate, expected) in [
                (leaf, found), (leaf.negation, ["1", "2", "3", "4"].filter { !found.contains($0) }),
            ] {
                var outer = TestQuery.where(id: cam1, order: ["detector"])
                outer.predicate = Predicate(predicate)
                #expect(try await repository.rows(try await repository.records(of: "detector", outer)) == expected)
            }
        }
    }

    @Test func defaultsHoldInsideAnInnerQueryToo() async throws {
        let repository = try await QueryRepository.shared.value
        let detector = try repository.universe.requireElement("detector")
        let tree = try await repository.builder(
            .where("detector < 3"), dimensions: try repository.universe.group(["detector"])
        ).tree()
        var outer = TestQuery.where(id: cam1, order: ["detector"])
        outer.predicate = Predicate(
            try .query(.column(.dimensionKey(detector)), column: .dimensionKey(detector), tree))
        let query = outer
        await repository.expectError(.invalidQuery, "dependent on instrument") {
            try await repository.records(of: "detector", query)
        }
        outer.defaults = cam1
        #expect(try await repository.rows(try await repository.records(of: "detector", outer)) == ["1", "2"])
    }

    @Test func anInnerQueryThatNeedsExactOverlapsIsRefused() async throws {
        let repository = try await QueryRepository.shared.value
        let visit = try repository.universe.requireElement("visit")
        let tree = try await repository.builder(
            .where("visit.region OVERLAPS POINT(10, 0)", id: cam1), dimensions: try repository.universe.group(["visit"])
        ).tree()
        var outer = TestQuery.where(id: cam1)
        outer.predicate = Predicate(try .query(.column(.dimensionKey(visit)), column: .dimensionKey(visit), tree))
        let query = outer
        await repository.expectError(.unimplementedQuery, "materialize its data IDs first") {
            try await repository.dataIDs(["visit"], query)
        }
    }

    // MARK: Size

    /// `detector` compared with as many values.
    private func detectors(
        _ operation: ComparisonOperator, _ values: Range<Int64>
    ) async throws -> Prepared {
        let repository = try await QueryRepository.shared.value
        let detector = ColumnExpression.column(.dimensionKey(try repository.universe.requireElement("detector")))
        var query = TestQuery.where(id: cam1, order: ["detector"])
        query.predicate = .all(
            try values.map { Predicate(try .comparing(detector, operation, .literal(.int($0)))) })
        return try await repository.records(of: "detector", query)
    }

    /// The deepest that a JSON document may nest, and more than a database takes.
    @Test func expressionsThatNestTooDeepForADatabaseAreTheUsersError() async throws {
        let repository = try await QueryRepository.shared.value
        let detector = ColumnExpression.column(.dimensionKey(try repository.universe.requireElement("detector")))
        for (depth, isFine) in [(20, true), (500, false)] {
            var negated = detector
            var sum = detector
            for _ in 0..<depth {
                negated = try .negative(negated)
                sum = try .combining(.literal(.int(1)), .add, sum)
            }
            for operand in [negated, sum] {
                var query = TestQuery.where(id: cam1, order: ["detector"])
                query.predicate = Predicate(try .comparing(operand, .greater, .literal(.int(0))))
                let prepared = try await repository.records(of: "detector", query)
                // PostgreSQL takes what SQLite finds too deep.
                if isFine || TestDatabase.isPostgreSQL {
                    #expect(try await repository.rows(prepared).count <= 4)
                    if isFine { #expect(try await repository.rows(prepared) == ["1", "2", "3", "4"]) }
                } else {
                    await repository.expectError(.invalidQuery, "nest") { prepared }
                }
            }
        }
    }

    @Test func queriesThatNestTooDeepForADatabaseAreTheUsersError() async throws {
        let repository = try await QueryRepository.shared.value
        let detector = try repository.universe.requireElement("detector")
        for (depth, isFine) in [(5, true), (80, false)] {
            var query = TestQuery.where(id: cam1, order: ["detector"])
            let group = try repository.universe.group(["detector"])
            for _ in 0..<depth {
                let tree = try await repository.builder(query, dimensions: group).tree()
                query.predicate = Predicate(
                    try .query(.column(.dimensionKey(detector)), column: .dimensionKey(detector), tree))
            }
            let prepared = try await repository.records(of: "detector", query)
            if isFine || TestDatabase.isPostgreSQL {
                #expect(try await repository.rows(prepared) == ["1", "2", "3", "4"])
            } else {
                await repository.expectError(.invalidQuery, "nest") { prepared }
            }
        }
    }

    @Test(.timeLimit(.minutes(5))) func aConditionThatExcludesManyValuesIsOneList() async throws {
        let repository = try await QueryRepository.shared.value
        #expect(try await repository.rows(try await detectors(.notEqual, 3..<100_000)) == ["1", "2"])
        let numbers = (2..<20_000).map(String.init).joined(separator: ", ")
        let text = TestQuery.where("detector NOT IN (\(numbers))", id: cam1, order: ["detector"])
        #expect(try await repository.rows(try await repository.records(of: "detector", text)) == ["1"])
    }

    @Test(.timeLimit(.minutes(5))) func manyConditionsAreCheckedAndTooManyAreTheUsersError() async throws {
        let repository = try await QueryRepository.shared.value
        #expect(try await repository.rows(try await detectors(.greater, -2000..<3)) == ["3", "4"])
        await repository.expectError(.invalidQuery, "too many conditions for a database") {
            try await detectors(.greater, -100_000..<3)
        }
    }

    /// So many queries inside IN, each within the one before or beside it.
    private func detectors(besides count: Int, within depth: Int) async throws -> Prepared {
        let repository = try await QueryRepository.shared.value
        let element = try repository.universe.requireElement("detector")
        let detector = ColumnExpression.column(.dimensionKey(element))
        var condition = Predicate.alwaysTrue
        for _ in 0..<depth {
            var builder = TreeBuilder(repository.universe)
            builder.join(try repository.universe.group(["detector"]))
            try builder.filter(cam1)
            try builder.filter(condition)
            let tree = try builder.tree()
            condition = .all(
                try (0..<count).map { _ in Predicate(try .query(detector, column: .dimensionKey(element), tree)) })
        }
        var query = TestQuery.where(id: cam1, order: ["detector"])
        query.predicate = condition
        return try await repository.records(of: "detector", query)
    }

    @Test(.timeLimit(.minutes(5))) func tooManyQueriesInsideINAreTheUsersError() async throws {
        let repository = try await QueryRepository.shared.value
        #expect(try await repository.rows(try await detectors(besides: 40, within: 1)) == ["1", "2", "3", "4"])
        #expect(try await repository.rows(try await detectors(besides: 2, within: 4)) == ["1", "2", "3", "4"])
        for (count, depth) in [(101, 1), (40, 2), (3, 4)] {
            await repository.expectError(.invalidQuery, "more than 100 queries inside IN") {
                try await detectors(besides: count, within: depth)
            }
        }
    }
}
