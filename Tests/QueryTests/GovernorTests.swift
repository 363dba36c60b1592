import ButlerModel
import Query
import QueryModel
import Testing

/// When a condition must name the instrument or sky map, and when defaults apply: query system reference, section 1.8.
@Suite struct GovernorTests {
    private static let complaint = "references a dimension dependent on instrument without constraining it directly"

    @Test(arguments: [
        "id = 2", "detector = 2", "full_name = 'Aa'", "visit = 1", "NOT detector = 2", "detector IN (2)",
        "detector IN (1..2)", "instrument IN (:list) AND detector = 2", "instrument = NULL AND detector = 1",
    ])
    func aKeyWithoutItsGovernorIsAnError(expression: String) async throws {
        let repository = try await QueryRepository.shared.value
        let query = TestQuery.where(expression, bind: ["list": [.string("Cam1")]])
        await repository.expectError(.invalidQuery, Self.complaint) {
            try await repository.records(of: "detector", query)
        }
        var unchecked = query
        unchecked.validates = false
        _ = try await repository.rows(try await repository.records(of: "detector", unchecked))
    }

    @Test func anyComparisonWithTheGovernorIsEnough() async throws {
        let repository = try await QueryRepository.shared.value
        let cases: [(String, [String])] = [
            ("raft = 'A'", ["1", "2"]),
            ("instrument = 'Cam1' OR detector = 2", ["1", "2", "3", "4"]),
            ("instrument != 'Cam2' AND detector = 2", ["2"]),
            ("(instrument = 'Cam1' AND detector = 2) OR (instrument = 'Cam2' AND detector = 3)", ["2"]),
            ("GLOB(instrument, 'Cam*') AND detector = 3", ["3"]),
            ("instrument IN ('Cam1') AND detector = 4", ["4"]),
        ]
        for (expression, found) in cases {
            let query = TestQuery.where(expression, order: ["detector"])
            #expect(
                try await repository.rows(try await repository.records(of: "detector", query)) == found, "\(expression)"
            )
        }
    }

    @Test func keysOfOtherDimensionsNeedNoGovernorForThemselves() async throws {
        let repository = try await QueryRepository.shared.value
        #expect(
            try await repository.rows(try await repository.records(of: "physical_filter", .where("band = 'g'")))
                == ["Cam1-G"])
        #expect(
            try await repository.rows(try await repository.records(of: "band", .where(order: ["band"]))) == ["g", "r"])
        await repository.expectError(.invalidQuery, Self.complaint) {
            try await repository.dataIDs(["band"], .where("physical_filter = 'Cam1-G'"))
        }
    }

    @Test func defaultsConstrainWhatDoesNotMentionTheGovernor() async throws {
        let repository = try await QueryRepository.shared.value
        let defaults = cam1
        let cases: [(String, [String: BindValue], [String])] = [
            ("", [:], ["Cam1"]),
            ("instrument = 'Cam2'", [:], ["Cam2"]),
            ("instrument IN ('Cam2')", [:], ["Cam2"]),
            ("instrument IN (:list)", ["list": [.string("Cam2")]], []),
            ("instrument > 'Cam1'", [:], ["Cam2"]),
            ("NOT instrument = 'Cam1'", [:], ["Cam2"]),
            ("GLOB(instrument, '*2')", [:], ["Cam2"]),
        ]
        for (expression, bind, found) in cases {
            let query = TestQuery.where(expression, bind: bind, order: ["instrument"], defaults: defaults)
            #expect(
                try await repository.rows(try await repository.records(of: "instrument", query)) == found,
                "\(expression)")
        }
        let detector = TestQuery.where("detector = 2", defaults: defaults)
        #expect(try await repository.rows(try await repository.records(of: "detector", detector)) == ["2"])
        let band = TestQuery.where("physical_filter = 'Cam1-G'", defaults: defaults)
        #expect(try await repository.rows(try await repository.dataIDs(["band"], band)) == ["band=g"])
    }

    @Test func defaultsOfOtherDimensionsAreIgnoredAndUnknownNamesAreErrors() async throws {
        let repository = try await QueryRepository.shared.value
        let query = TestQuery.where(
            order: ["detector"], defaults: ["detector": 1, "skymap": "SkyMap1", "instrument": "Cam1"])
        #expect(try await repository.rows(try await repository.records(of: "detector", query)) == ["1", "2", "3", "4"])
        await repository.expectError(.dimensionName, "No dimension with name 'nosuch'") {
            try await repository.records(of: "detector", .where(defaults: ["nosuch": "x", "instrument": "Cam1"]))
        }
    }

    @Test func aDefaultOfTheWrongTypeIsAnError() async throws {
        let repository = try await QueryRepository.shared.value
        await repository.expectError(.invalidQuery, "instrument") {
            try await repository.records(of: "detector", .where("detector = 2", defaults: ["instrument": 5]))
        }
    }

    // MARK: Reasons

    private func reasons(_ repository: QueryRepository, _ prepared: Prepared) async throws -> [String] {
        try await repository.registry.reasonsForNoRows(prepared.request)
    }

    @Test func contradictionsAreReasonsNotErrors() async throws {
        let repository = try await QueryRepository.shared.value
        let cases: [(String, [String: DataIDValue], [String])] = [
            (
                "instrument = 'Cam2'", cam1,
                ["'where' expression requires both instrument='Cam2' and instrument='Cam1'."]
            ),
            ("detector = 1 AND detector = 2", cam1, ["'where' expression requires both detector=2 and detector=1."]),
            (
                "detector = 1 AND NOT (detector != 2)", cam1,
                ["'where' expression requires both detector=2 and detector=1."]
            ),
            ("detector = 1 OR detector = 2", cam1, []),
            ("detector = 77", cam1, []),
        ]
        for (expression, id, expected) in cases {
            let prepared = try await repository.records(of: "detector", .where(expression, id: id))
            #expect(try await reasons(repository, prepared) == expected, "\(expression)")
        }
    }

    @Test func searchesThatCannotFindAnythingSayWhy() async throws {
        let repository = try await QueryRepository.shared.value
        func none(_ type: String, _ collection: String) -> String {
            "No datasets of type '\(type)' in collection '\(collection)'."
        }
        let cases: [(path: [String], id: [String: DataIDValue], reasons: [String])] = [
            (["imported_g"], cam1, []),
            (["empty", "chain"], cam1, []),
            (
                ["empty"], cam1,
                ["Search for dataset type 'bias' in ['empty'] is doomed to fail.", none("bias", "empty")]
            ),
            (
                ["empty", "run1"], cam1,
                [
                    "Search for dataset type 'bias' in ['empty', 'run1'] is doomed to fail.", none("bias", "empty"),
                    none("bias", "run1"),
                ]
            ),
            (
                [], cam1,
                [
                    "Search for dataset type 'bias' in [] is doomed to fail.",
                    "No datasets can be found because collection list is empty.",
                ]
            ),
            (
                ["none"], cam1,
                [
                    "Search for dataset type 'bias' in ['none'] is doomed to fail.",
                    "No datasets can be found because collection list is empty.",
                ]
            ),
            (
                ["chain"], ["instrument": "Cam2"],
                [
                    "Search for dataset type 'bias' in ['chain'] is doomed to fail.",
                    "No datasets with instrument='Cam2' in collection 'imported_g'.", none("bias", "empty"),
                    "No datasets with instrument='Cam2' in collection 'imported_r'.",
                ]
            ),
        ]
        for (path, id, expected) in cases {
            let prepared = try await repository.datasets("bias", path, .where(id: id))
            #expect(try await reasons(repository, prepared) == expected, "\(path)")
            let isDoomed = !expected.isEmpty
            #expect(try await repository.rows(prepared).isEmpty == isDoomed)
            #expect(try await (repository.count(prepared) == 0) == isDoomed)
            let any = try await repository.registry.any(prepared.request, executes: false, isExact: false)
            #expect(any != isDoomed)
        }
    }
}
