import ButlerModel
import Query
import QueryModel
import StructuredData
import Testing

/// General results, records that come with rows, projections: query system reference, sections 2.4 and 3.4.
@Suite struct GeneralResultTests {
    @Test func columnsComeInTheOrderOfTheProtocol() async throws {
        let repository = try await QueryRepository.shared.value
        let query = TestQuery.where(
            "detector = 2", id: cam1, joining: [("bias", ["imported_r"]), ("flat", ["imported_r"])], findFirst: false)
        let prepared = try await repository.general(
            ["detector", "physical_filter"],
            ["flat.run", "detector.raft", "detector.full_name", "bias.timespan", "bias.collection", "flat.collection"],
            query)
        #expect(
            try await repository.rows(prepared) == [
                "detector=2 physical_filter=Cam1-R1 band=r detector.full_name=Ab detector.raft=A bias.collection=r "
                    + "bias.timespan=(-∞, ∞) flat.collection=r flat.run=r"
            ])
    }

    @Test func everyTypeOfColumnComesBack() async throws {
        let repository = try await QueryRepository.shared.value
        let prepared = try await repository.general(
            ["exposure"],
            [
                "exposure.can_see_sky", "exposure.exposure_time", "exposure.seq_num", "exposure.target_name",
                "exposure.timespan",
            ],
            .where(id: cam1, order: ["-exposure"], limit: 2, findFirst: false))
        let rows = try await repository.rows(prepared)
        #expect(rows.count == 2)
        #expect(rows[0].hasPrefix("exposure=4 "))
        #expect(rows[0].contains("seq_num=4"))
        for name in ["can_see_sky", "exposure_time", "target_name", "timespan"] {
            #expect(rows[0].contains("exposure.\(name)=null"), "\(rows[0])")
        }
        #expect(rows[1].contains("exposure.exposure_time=30.0"))
        #expect(rows[1].contains("exposure.timespan=[2020-01-01T04:00:00, 2020-01-01T05:00:00)"))
        let sky = try await repository.general(
            ["patch"], ["skymap.hash", "patch.region", "patch.cell_x"], .where(id: skyMap1, findFirst: false))
        #expect(try await repository.rows(sky).count == 8)
        let ids = try await repository.general(
            ["detector"], ["bias.dataset_id", "bias.ingest_date"], .where(joining: [("bias", ["chain"])]))
        #expect(try await repository.rows(ids).count == 4)
    }

    @Test func droppedDimensionsMakeRowsDistinct() async throws {
        let repository = try await QueryRepository.shared.value
        let cases: [(names: [String], expression: String, found: [String])] = [
            (["band"], "exposure >= 0", ["band=g", "band=r"]),
            (
                ["physical_filter"], "detector > 0",
                ["physical_filter=Cam1-G", "physical_filter=Cam1-R1", "physical_filter=Cam1-R2"]
            ),
            ([], "detector > 0", [""]),
            ([], "detector > 100", []),
            (["day_obs"], "exposure.exposure_time > 5", ["day_obs=20200101"]),
        ]
        for (names, expression, found) in cases {
            let prepared = try await repository.dataIDs(names, .where(expression, id: cam1, order: names))
            #expect(try await repository.rows(prepared) == found, "\(names)")
            #expect(try await repository.count(prepared) == found.count, "\(names)")
        }
        #expect(try await repository.rows(try await repository.dataIDs([])) == [""])
    }

    @Test func rowsOfAGroupMayBeOrderedByWhatIsNotInTheResult() async throws {
        let repository = try await QueryRepository.shared.value
        let query = TestQuery.where(
            id: cam1, joining: [("bias", ["chain"])], order: ["-full_name", "purpose"], limit: 2)
        #expect(
            try await repository.rows(try await repository.dataIDs(["detector"], query)) == [
                "detector=4", "detector=3",
            ])
    }

    @Test func onlyWhatTheQueryHoldsCanBeAskedFor() async throws {
        let repository = try await QueryRepository.shared.value
        await repository.expectError(.invalidQuery, "must be explicitly joined into the query") {
            try await repository.general(["detector"], ["flat.run"])
        }
        var prepared = try await repository.dataIDs(["detector"])
        prepared.result = ResultSpecification(
            .dataCoordinates(try repository.universe.group(["visit"]), withRecords: false))
        let wider = prepared
        await repository.expectError(.invalidQuery, "which are not all among the query's") { wider }
    }

    @Test func findFirstTakesTheFirstDatasetOfEachDataIDOfTheResult() async throws {
        let repository = try await QueryRepository.shared.value
        let query = TestQuery.where(joining: [("bias", ["chain"])], order: ["detector"])
        #expect(
            try await repository.rows(try await repository.general(["detector"], ["bias.run"], query))
                == ["detector=1 bias.run=g", "detector=2 bias.run=g", "detector=3 bias.run=g", "detector=4 bias.run=r"])
        let whole = try await repository.general(
            ["instrument"], ["bias.collection"], .where(joining: [("bias", ["chain2"])]))
        #expect(try await repository.rows(whole) == ["bias.collection=r"])
        #expect(try await repository.count(whole) == 1)
    }

    // MARK: Records

    @Test func dataIDsComeWithRecordsOfAllElements() async throws {
        let repository = try await QueryRepository.shared.value
        let prepared = try await repository.dataIDs(
            ["visit", "detector"], .where("visit = 1 AND detector = 2", id: cam1, withRecords: true))
        #expect(try await repository.rows(prepared) == ["detector=2,visit=1"])
        for try await case .dataCoordinates(let ids) in repository.registry.pages(prepared.request, prepared.result) {
            let id = try #require(ids.first)
            #expect(id.isExpanded)
            #expect(id.records?.compactMap { $0?.element.name } == id.group.elements.map(\.name))
            #expect(id.record(of: try repository.universe.requireElement("detector"))?["raft"] == .string("A"))
            #expect(id.record(of: try repository.universe.requireElement("visit"))?["exposure_time"] == .float(60))
        }
    }

    @Test func datasetsComeWithRecordsToo() async throws {
        let repository = try await QueryRepository.shared.value
        for name in ["calexp", "warp", "cat1", "packages"] {
            let path = name == "cat1" ? ["refcats"] : ["run1", "imported_g"]
            let rows = try await repository.rows(try await repository.datasets(name, path, .where(withRecords: true)))
            #expect(rows == (try await repository.rows(try await repository.datasets(name, path))), "\(name)")
        }
    }

    @Test func generalLinesCarryTheRecordsThatAreHeldInMemory() async throws {
        let repository = try await QueryRepository.shared.value
        let prepared = try await repository.general(
            ["visit", "detector"], [], .where(id: cam1, findFirst: false, withRecords: true))
        #expect(try await repository.rows(prepared).count == 8)
        var count = 0
        for try await line in repository.registry.lines(prepared.request, prepared.result) {
            let page = try StructuredValue(json: line.bytes.dropLast())
            let records = try #require(page["dimension_records"]?.objectValue)
            #expect(records.keys.sorted() == ["band", "detector", "instrument", "physical_filter"])
            #expect(records["detector"]?.arrayValue?.count == 4)
            #expect(records["physical_filter"]?.arrayValue?.count == 2)
            count += 1
        }
        #expect(count == 1)
        let plain = try await repository.general(["detector"], [], .where(id: cam1, findFirst: false))
        for try await line in repository.registry.lines(plain.request, plain.result) {
            #expect(String(decoding: line.bytes, as: UTF8.self).hasSuffix("],\"dimension_records\":null}\n"))
        }
    }

    @Test func recordsOfEveryElementAreRead() async throws {
        let repository = try await QueryRepository.shared.value
        let counts = [
            "instrument": 2, "physical_filter": 3, "band": 2, "detector": 4, "day_obs": 1, "group": 1, "exposure": 5,
            "visit": 2,
            "visit_detector_region": 8, "visit_definition": 3, "visit_system": 1, "skymap": 1, "tract": 2, "patch": 8,
        ]
        for (element, count) in counts {
            let prepared = try await repository.records(of: element)
            #expect(try await repository.rows(prepared).count == count, "\(element)")
            #expect(try await repository.count(prepared) == count, "\(element)")
        }
    }

    @Test func recordsCanBeFoundByWhatTheyImply() async throws {
        let repository = try await QueryRepository.shared.value
        let cases: [(element: String, expression: String, found: [String])] = [
            ("band", "physical_filter = 'Cam1-R1'", ["r"]),
            ("physical_filter", "band = 'g'", ["Cam1-G"]),
            ("visit_definition", "visit = 1", ["0,1", "2,1"]),
            ("day_obs", "visit = 1", ["20200101"]),
            ("tract", "patch = 3", ["0", "1"]),
        ]
        for (element, expression, found) in cases {
            let query = TestQuery.where(expression, id: element == "tract" ? skyMap1 : cam1)
            let rows = try await repository.rows(try await repository.records(of: element, query))
            #expect(
                rows.map { $0.replacing("Cam1,", with: "").replacing("SkyMap1,", with: "") }.sorted() == found,
                "\(element)")
        }
    }
}
