import Butler
import ButlerModel
import QueryModel
import Testing

/// Queries of a butler, over the small demo survey: 6 visits of 8 detectors on two nights.
@Suite struct QueryTests {
    @Test func aQueryReadsLikeASentence() async throws {
        try await withSurvey { butler async throws in
            let refs = butler.query
                .joinDatasets("raw", in: ["StewardCam/raw/all"])
                .where("instrument = 'StewardCam' AND detector < 3")
                .datasets("calexp", in: ["demo/defaults"])
                .orderBy("-visit", "detector")
                .limit(4)
            var found: [[DataIDValue?]] = []
            for try await ref in refs { found.append([ref.dataID["visit"], ref.dataID["detector"]]) }
            #expect(found.count == 4)
            #expect(found.map { $0[1] } == [0, 1, 2, 0])
            #expect(found[0][0] == found[2][0] && found[2][0] != found[3][0])
        }
    }

    @Test func stepsDoNotChangeTheQueryTheyStartFrom() async throws {
        try await withSurvey { butler async throws in
            let all = butler.query.dataIDs("detector")
            let one = all.where(["instrument": "StewardCam", "detector": 3])
            #expect(try await all.count() == 8)
            #expect(try await one.count() == 1)
            #expect(try await all.limit(5).limit(nil).count() == 8)
            let ordered = all.orderBy("-detector").orderBy("detector")
            #expect(try await ordered.all().first?["detector"] == 0)
        }
    }

    @Test func findFirstTakesTheEarlierCollection() async throws {
        try await withSurvey { butler async throws in
            let calexps = butler.query.where(["instrument": "StewardCam"])
            let first = try await calexps.datasets("calexp", in: ["demo/defaults"]).all()
            let every = try await calexps.datasets("calexp", in: ["demo/defaults"], findFirst: false).all()
            #expect((first.count, every.count) == (48, 56))
            #expect(first.filter { $0.run == "demo/run/2" }.count == 8)
            #expect(every.allSatisfy { $0.dataID.isFull && !$0.dataID.isExpanded })
        }
    }

    @Test func recordsComeWithDataIDsIfWanted() async throws {
        try await withSurvey { butler async throws in
            let ids = butler.query.dataIDs("visit", "detector").where(["instrument": "StewardCam"]).limit(3)
            for try await id in ids.withDimensionRecords() {
                #expect(id.isExpanded)
                #expect(id.timespan != nil && id.regions != nil)
            }
        }
    }

    @Test func pagesHoldAllRows() async throws {
        try await withSurvey { butler async throws in
            var rows: [DimensionRecord] = []
            for try await page in butler.query.dimensionRecords("visit_detector_region").pages { rows += page }
            #expect(rows.count == 48)
        }
    }

    @Test func generalRowsHaveColumnsOfDimensionsAndDatasets() async throws {
        try await withSurvey { butler async throws in
            let rows = butler.query.joinDatasets("calexp", in: ["demo/defaults"])
                .general(["visit"], columns: ["visit.exposure_time", "calexp.run"], findFirst: true)
                .where(QueryColumn("instrument") == "StewardCam" && QueryColumn("detector") == 0)
                .orderBy("visit")
            let all = try await rows.all()
            #expect(all.count == 6)
            #expect(all[0]["detector"] == .int(0))
            #expect(all.allSatisfy { if case .float? = $0["visit.exposure_time"] { true } else { false } })
            #expect(Set(all.compactMap { $0["calexp.run"] }) == [.string("demo/run/1"), .string("demo/run/2")])
        }
    }

    @Test func dataIDsOfOneQueryConstrainAnother() async throws {
        try await withSurvey { butler async throws in
            let visits = try await butler.query.dataIDs("visit").where(["instrument": "StewardCam"]).orderBy("visit")
                .limit(2).all()
            let detectors = butler.query.joinDataIDs(visits).dataIDs("visit", "detector")
            #expect(try await detectors.count() == 16)
        }
    }

    @Test func materializedRowsStandForTheQuery() async throws {
        try await withSurvey { butler async throws in
            let kept = butler.query.joinDatasets("calexp", in: ["demo/run/2"])
                .where("instrument = 'StewardCam' AND detector IN (1..3)").materialize()
            #expect(try await kept.dataIDs("detector").all().count == 3)
            #expect(try await kept.datasets("calexp").all().allSatisfy { $0.run == "demo/run/2" })
            #expect(try await kept.datasets("calexp").count() == 3)
        }
    }

    @Test func aConditionLooksIntoAnotherQuery() async throws {
        try await withSurvey { butler async throws in
            let early = butler.query.where(
                QueryColumn("instrument") == "StewardCam" && QueryColumn("visit.exposure_time") > 0.0
                    && QueryColumn("visit.name") != "")
            let visit = QueryColumn("visit")
            let ids = butler.query.where(["instrument": "StewardCam"]).where(visit.isIn(visit, of: early)).dataIDs("visit")
            #expect(try await ids.count() == 6)
        }
    }

    @Test func countingWhereRegionsAreCheckedMustBeAllowed() async throws {
        try await withSurvey { butler async throws in
            let query = butler.query.where(["instrument": "StewardCam", "detector": 0])
                .joinDimensions("visit", "detector", "patch").dataIDs("visit", "patch")
            let exact = try await query.count(discards: true)
            #expect(try await query.count(isExact: false) >= exact)
            #expect(exact > 0)
            await #expect(throws: ButlerError.self) { _ = try await query.count() }
        }
    }

    @Test func anyAndItsReasons() async throws {
        try await withSurvey { butler async throws in
            let query = butler.query.where(["instrument": "StewardCam"])
            #expect(try await query.dataIDs("detector").any())
            #expect(try await !query.where("detector = 77").dataIDs("detector").any())
            #expect(try await query.where("detector = 77").dataIDs("detector").any(executes: false, isExact: false))
            await #expect(throws: ButlerError.self) { try await query.dataIDs("detector").any(executes: false) }
            let doomed = query.datasets("calexp", in: ["StewardCam/raw/all"])
            #expect(try await !doomed.any(executes: false, isExact: false))
            #expect(
                try await doomed.explainNoResults() == [
                    "Search for dataset type 'calexp' in ['StewardCam/raw/all'] is doomed to fail.",
                    "No datasets of type 'calexp' in collection 'StewardCam/raw/all'.",
                ])
        }
    }

    @Test func mistakesAreToldWhenRowsAreAskedFor() async throws {
        try await withSurvey { butler async throws in
            let query = butler.query.where("visit > 5 AND nosuch = 1").joinDatasets("nosuch")
            let error = await #expect(throws: ButlerError.self) { for try await _ in query.dataIDs() {} }
            #expect(error?.kind == .invalidQuery)
            #expect(error?.message.contains("Unrecognized identifier 'nosuch'") == true)
            let governor = await #expect(throws: ButlerError.self) {
                _ = try await butler.query.dataIDs("visit").where("visit > 5").all()
            }
            #expect(governor?.message.contains("dependent on instrument") == true)
            #expect(
                try await butler.query.validatingGovernors(false).dataIDs("visit").where("visit > 5").all().count == 6)
        }
    }
}
