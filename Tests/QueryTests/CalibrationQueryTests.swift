import AstroTime
import ButlerModel
import Query
import QueryModel
import Testing

/// Validity ranges and joins in time: query system reference, sections 3.2, 3.4 and 3.6.
@Suite struct CalibrationQueryTests {
    private func rows(
        _ path: [String], _ query: TestQuery, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String] {
        let repository = try await QueryRepository.shared.value
        return try await repository.rows(
            try await repository.datasets("bias", path, query), sourceLocation: sourceLocation)
    }

    @Test func severalValidityRangesForOneDataIDAreAmbiguous() async throws {
        let repository = try await QueryRepository.shared.value
        for path in [["calib"], ["calib", "imported_g"]] {
            await repository.expectError(.calibrationLookup, "Ambiguous calibration validity range match") {
                try await repository.datasets("bias", path, .where(id: cam1))
            }
        }
    }

    @Test func aTimeTellsWhichRangeCounts() async throws {
        for (expression, found) in [
            ("bias.timespan OVERLAPS T'2020-01-01T02:30:00/tai'", ["bias@g{2}", "bias@g{3}"]),
            ("bias.timespan OVERLAPS T'2020-01-01T01:30:00/tai'", ["bias@g{3}"]),
            ("bias.timespan OVERLAPS T'2020-01-01T03:00:00/tai'", ["bias@g{2}"]),
            ("bias.timespan OVERLAPS T'2020-01-01T04:00:00/tai'", ["bias@r{2}", "bias@r{3}"]),
            ("bias.timespan OVERLAPS T'2050-01-01'", ["bias@r{2}", "bias@r{3}"]),
            ("bias.timespan OVERLAPS T'2019-01-01'", []),
            ("bias.timespan.end > T'2050-01-01'", ["bias@r{2}", "bias@r{3}"]),
            ("exposure = 1", ["bias@g{2}", "bias@g{3}"]),
            ("exposure = 0", ["bias@g{3}"]),
            ("exposure = 4", []),
            ("visit = 2", ["bias@g{2}"]),
        ] {
            #expect(
                try await rows(["calib"], .where(expression, id: cam1, order: ["detector"])) == found, "\(expression)")
        }
    }

    @Test func withoutFindFirstEachRangeIsARow() async throws {
        #expect(
            try await rows(["calib"], .where(order: ["detector", "run"], findFirst: false))
                == ["bias@g{2}", "bias@r{2}", "bias@g{3}", "bias@r{3}"])
    }

    @Test func runsAfterACalibrationCollectionFillItsGaps() async throws {
        #expect(try await rows(["calib", "imported_g"], .where("detector = 1", id: cam1)) == ["bias@g{1}"])
        let time = "timespan OVERLAPS T'2020-01-01T02:30:00/tai'"
        #expect(
            try await rows(["imported_g", "calib"], .where(time, id: cam1, order: ["detector"]))
                == ["bias@g{1}", "bias@g{2}", "bias@g{3}"])
        #expect(
            try await rows(["calib", "imported_r"], .where(time, id: cam1, order: ["detector"]))
                == ["bias@g{2}", "bias@g{3}", "bias@r{4}"])
    }

    @Test func dataIDsRepeatForEachRangeOfASearchThatNothingElseReads() async throws {
        let repository = try await QueryRepository.shared.value
        func ids(_ names: [String]) async throws -> [String] {
            let query = TestQuery.where(id: cam1, joining: [("bias", ["calib"])], order: names)
            let prepared = try await repository.dataIDs(names, query)
            let rows = try await repository.rows(prepared)
            #expect(try await repository.count(prepared) == rows.count)
            return rows
        }
        #expect(try await ids(["detector"]) == ["detector=2", "detector=2", "detector=3", "detector=3"])
        #expect(
            try await ids(["detector", "exposure"])
                == [(2, 1), (2, 2), (2, 3), (3, 0), (3, 1), (3, 3)].map { "detector=\($0.0),exposure=\($0.1)" })
        let records = try await repository.records(
            of: "detector", .where(id: cam1, joining: [("bias", ["calib"])], order: ["detector"]))
        #expect(try await repository.rows(records) == ["2", "3"])
        #expect(try await repository.count(records) == 4)
    }

    @Test func twoCalibrationSearchesAreJoinedInTime() async throws {
        let repository = try await QueryRepository.make()
        try await repository.registry.write { writer in
            let flats = try QueryRepository.insert(
                writer, "flat", "run1", [["instrument": "Cam1", "detector": 2, "physical_filter": "Cam1-R1"]])
            try writer.certify(flats, in: "calib", timespan: try QueryRepository.hours(3, 5))
        }
        let joins: [(type: String, path: [String])] = [("bias", ["calib"]), ("flat", ["calib"])]
        let query = TestQuery.where(id: cam1, joining: joins, order: ["bias.timespan.begin"], findFirst: false)
        let prepared = try await repository.general(
            ["detector", "physical_filter"], ["bias.run", "bias.timespan"], query)
        #expect(try await repository.rows(prepared).count == 2)
        await repository.expectError(.invalidQuery, "Too many disconnected sets of temporal families") {
            try await repository.dataIDs(["detector", "physical_filter", "exposure"], .where(id: cam1, joining: joins))
        }
        let connected = TestQuery.where(
            "bias.timespan OVERLAPS exposure.timespan AND flat.timespan OVERLAPS exposure.timespan", id: cam1,
            joining: joins, order: ["exposure"])
        #expect(
            try await repository.rows(
                try await repository.dataIDs(["detector", "physical_filter", "exposure"], connected)
            ) == ["detector=2,exposure=3"])
    }

    @Test func anExplicitJoinInTimeReplacesTheAutomaticOne() async throws {
        let repository = try await QueryRepository.shared.value
        let query = TestQuery.where(
            "bias.timespan OVERLAPS exposure.timespan OR exposure = 4", id: cam1, joining: [("bias", ["calib"])],
            order: ["detector", "exposure"])
        let rows = try await repository.rows(try await repository.dataIDs(["detector", "exposure"], query))
        #expect(rows.contains("detector=2,exposure=4"))
        await repository.expectError(.invalidQuery, "is not necessary") {
            try await repository.dataIDs(
                ["exposure", "visit"], .where("exposure.timespan OVERLAPS visit.timespan", id: cam1))
        }
    }

    // MARK: General results

    @Test func generalRowsTellTheRanges() async throws {
        let repository = try await QueryRepository.shared.value
        let query = TestQuery.where(
            "detector = 2", id: cam1, joining: [("bias", ["calib"])], order: ["bias.timespan.begin"], findFirst: false)
        #expect(
            try await repository.rows(try await repository.general(["detector"], ["bias.run", "bias.timespan"], query))
                == [
                    "detector=2 bias.run=g bias.timespan=[2020-01-01T02:00:00, 2020-01-01T04:00:00)",
                    "detector=2 bias.run=r bias.timespan=[2020-01-01T04:00:00, ∞)",
                ])
    }

    @Test func rangesThatMeetInOneRowOfAGroupAreAmbiguousWithFindFirstOnly() async throws {
        let repository = try await QueryRepository.shared.value
        // Exposures are joined but not in the result: detector 2 has two exposures in one range, one in the other.
        let joins: [(type: String, path: [String])] = [("bias", ["calib"])]
        let first = TestQuery.where("exposure >= 0", id: cam1, joining: joins, order: ["detector"])
        await repository.expectError(.calibrationLookup, "Ambiguous") {
            try await repository.general(["detector"], ["bias.run"], first)
        }
        var all = first
        all.findFirst = false
        let rows = try await repository.rows(try await repository.general(["detector"], ["bias.timespan"], all))
        #expect(rows.count == 4)
        let runs = try await repository.rows(try await repository.general(["detector"], ["bias.run"], all))
        #expect(runs.map { $0.prefix(10) } == ["detector=2", "detector=3"])
    }
}
