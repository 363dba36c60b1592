import ButlerModel
import DatabaseSupport
import Query
import QueryModel
import Testing

/// Data IDs that come with a query, and rows that it keeps: query system reference, sections 2.3 and 3.8.
@Suite struct QueryInputTests {
    private let key = DatasetID(high: 1, low: 2)
    private let otherKey = DatasetID(high: 3, low: 4)

    private func uploading(
        _ names: [String], _ values: [[DataIDValue]], _ query: TestQuery = TestQuery()
    ) async throws -> TestQuery {
        let repository = try await QueryRepository.shared.value
        var query = query
        query.uploads.append((.init(key: key, dimensions: try repository.universe.group(names)), values))
        return query
    }

    // MARK: Uploads

    @Test func uploadedDataIDsConstrainAQuery() async throws {
        let repository = try await QueryRepository.shared.value
        let cases: [(values: [[DataIDValue]], found: [String])] = [
            ([["Cam1", 1], ["Cam1", 3], ["Cam1", 3]], ["detector=1", "detector=3"]),
            ([], []),
            // Nothing joins the table of detectors, so that nobody finds out that this one does not exist.
            ([["CamX", 9]], ["detector=9"]),
            ((0..<20_000).map { ["Cam1", .int($0)] }, (0..<20_000).map { "detector=\($0)" }),
        ]
        for (values, found) in cases {
            let query = try await uploading(["detector"], values, .where(order: ["detector"]))
            let prepared = try await repository.dataIDs(["detector"], query)
            #expect(try await repository.rows(prepared) == found)
            #expect(try await repository.count(prepared) == found.count)
        }
    }

    @Test func anUploadJoinsRecordsAndDatasets() async throws {
        let repository = try await QueryRepository.shared.value
        let query = try await uploading(
            ["detector"], [["Cam1", 4], ["Cam1", 2], ["CamX", 2]], .where(order: ["detector"]))
        #expect(try await repository.rows(try await repository.records(of: "detector", query)) == ["2", "4"])
        #expect(
            try await repository.rows(try await repository.datasets("bias", ["chain"], query)) == [
                "bias@g{2}", "bias@r{4}",
            ])
    }

    @Test func anUploadOfNoDimensionsConstrainsNothing() async throws {
        let repository = try await QueryRepository.shared.value
        let query = try await uploading([], [[]], .where(id: cam1, order: ["detector"]))
        #expect(try await repository.rows(try await repository.dataIDs(["detector"], query)).count == 4)
    }

    @Test func uploadedPixelsAndTextKeysAreJoined() async throws {
        let repository = try await QueryRepository.shared.value
        let filters = try await uploading(
            ["physical_filter"], [["Cam1", "Cam1-G"], ["Cam1", "it's"]], .where(order: ["physical_filter"]))
        #expect(
            try await repository.rows(try await repository.records(of: "physical_filter", filters)) == ["Cam1-G"])
        let all = try await repository.rows(try await repository.datasets("cat1", ["refcats"], .where(order: ["htm7"])))
        let pixel = try #require(Int64(all[0].dropFirst("cat1@refcats{".count).dropLast()))
        let pixels = try await uploading(["htm7"], [[.int(pixel)], [131_072]])
        #expect(try await repository.rows(try await repository.datasets("cat1", ["refcats"], pixels)) == [all[0]])
    }

    @Test func anUploadSaysWhyItDoesNotBelong() async throws {
        let repository = try await QueryRepository.shared.value
        var query = try await uploading(["detector"], [["Cam1", 1]])
        var prepared = try await repository.dataIDs(["detector"], query)
        prepared.request.inputs = []
        let missing = prepared
        await repository.expectError(.invalidQuery, "that do not come with it") { missing }
        query.uploads[0].values = [["Cam1", 1]]
        prepared.request.inputs = [
            .upload(.init(key: key, dimensions: try repository.universe.group(["instrument"])), rows: [["Cam1"]])
        ]
        let other = prepared
        await repository.expectError(.invalidQuery, "that do not come with it") { other }
    }

    @Test func twoUploadsUnderOneKeyAreLikeTheLastOne() async throws {
        let repository = try await QueryRepository.shared.value
        let query = try await uploading(["detector"], [["Cam1", 1]])
        var prepared = try await repository.dataIDs(["detector"], query)
        prepared.request.inputs.append(.upload(query.uploads[0].rows, rows: [["Cam1", 2]]))
        #expect(try await repository.rows(prepared) == ["detector=2"])
    }

    // MARK: Materialization

    /// A query on the rows that another one finds.
    private func materialized(
        _ names: [String], of query: TestQuery, keeping datasets: Set<String> = [],
        then result: (inout TreeBuilder) async throws -> ResultSpecification
    ) async throws -> Prepared {
        let repository = try await QueryRepository.shared.value
        let group = try repository.universe.group(names)
        let first = try await repository.builder(query, dimensions: group)
        let rows = QueryTree.JoinedRows(key: otherKey, dimensions: group)
        var second = try first.materialized(as: rows, keeping: datasets)
        let specification = try await result(&second)
        let input = QueryInput.materialization(
            rows, try first.tree(), datasets: datasets, allowsDuplicateOverlaps: false)
        return Prepared(request: QueryRequest(try second.tree(), inputs: [input]), result: specification)
    }

    private func dataIDs(_ names: [String], order: [String] = []) async throws -> ResultSpecification {
        let repository = try await QueryRepository.shared.value
        let group = try repository.universe.group(names)
        let context = IdentifierContext(dimensions: group)
        return ResultSpecification(
            .dataCoordinates(group, withRecords: false), order: try order.map { try OrderTerm($0, in: context) })
    }

    @Test func keptRowsAnswerLaterQueries() async throws {
        let repository = try await QueryRepository.shared.value
        let prepared = try await materialized(["detector"], of: .where("raft = 'B'", id: cam1)) { _ in
            try await self.dataIDs(["detector"], order: ["-detector"])
        }
        #expect(try await repository.rows(prepared) == ["detector=4", "detector=3"])
        let wider = try await materialized(["detector"], of: .where("raft = 'B'", id: cam1)) { builder in
            let group = try repository.universe.group(["detector", "visit"])
            builder.join(group)
            return try await self.dataIDs(["detector", "visit"])
        }
        #expect(try await repository.rows(wider).count == 4)
    }

    @Test func keptSearchesAreReadAgainForTheirFieldsOnly() async throws {
        let repository = try await QueryRepository.shared.value
        let query = TestQuery.where("bias.run = 'imported_r'", id: cam1, joining: [("bias", ["chain"])])
        for (datasets, expected) in [(["bias"], 3), ([], 3)] as [(Set<String>, Int)] {
            let prepared = try await materialized(["detector"], of: query, keeping: datasets) { _ in
                try await self.dataIDs(["detector"])
            }
            #expect(try await repository.rows(prepared).count == expected)
        }
        let refs = try await materialized(["detector"], of: query, keeping: ["bias"]) { _ in
            ResultSpecification(
                .datasetRefs(
                    .init(
                        datasetType: "bias", dimensions: try repository.universe.group(["detector"]), storageClass: ""))
            )
        }
        #expect(try await repository.rows(refs).sorted() == ["bias@g{2}", "bias@g{3}", "bias@r{4}"])
    }

    @Test func exactOverlapsOfKeptRowsAreCheckedInTheEnd() async throws {
        let repository = try await QueryRepository.shared.value
        let joined = try await repository.rows(
            try await repository.dataIDs(["visit", "detector", "patch"], .where(id: everywhere)))
        let overlap = TestQuery.where(id: everywhere)
        for (names, result) in [
            (["visit", "detector", "patch"], ["visit", "detector", "patch"]),
            (["visit", "detector", "patch"], ["patch"]),
            (["patch"], ["patch"]),
        ] {
            var query = overlap
            if names == ["patch"] { query.expression = "visit_detector_region.region OVERLAPS patch.region" }
            let prepared = try await materialized(names, of: query) { _ in try await self.dataIDs(result) }
            let rows = try await repository.rows(prepared)
            let patches = Set(
                joined.map { $0.split(separator: ",").filter { !$0.hasPrefix("visit") && !$0.hasPrefix("detector") } })
            #expect(rows.count == (result == ["patch"] ? patches.count : joined.count), "\(names) \(result)")
        }
    }

    @Test func aRegionThatTheKeptRowsHaveLostStillDecides() async throws {
        let repository = try await QueryRepository.shared.value
        for (region, filters) in [
            ("POINT(9.95, 0)", ["Cam1-G"]), ("POINT(10.2, 0)", ["Cam1-R1"]), ("POINT(10.5, 0)", []),
        ] {
            let query = TestQuery.where("visit.region OVERLAPS \(region)", id: cam1)
            let prepared = try await materialized(["physical_filter"], of: query) { _ in
                try await self.dataIDs(["physical_filter"], order: ["physical_filter"])
            }
            #expect(try await repository.rows(prepared) == filters.map { "physical_filter=\($0)" }, "\(region)")
            let kept = try await materialized(["visit"], of: query) { _ in try await self.dataIDs(["physical_filter"]) }
            #expect(try await repository.rows(kept) == filters.map { "physical_filter=\($0)" }, "\(region)")
        }
    }

    @Test func rowsOfADoomedQueryAreNone() async throws {
        let repository = try await QueryRepository.shared.value
        let prepared = try await materialized(
            ["detector"], of: .where(id: cam1, joining: [("bias", ["empty"])])
        ) { _ in try await self.dataIDs(["detector"]) }
        #expect(try await repository.rows(prepared) == [])
    }

    @Test func emptyRowsAreKeptToo() async throws {
        let repository = try await QueryRepository.shared.value
        for (expression, count) in [("detector > 0", 1), ("detector > 100", 0)] {
            let prepared = try await materialized([], of: .where(expression, id: cam1)) { _ in
                try await self.dataIDs([])
            }
            #expect(try await repository.rows(prepared).count == count, "\(expression)")
        }
    }

    @Test func aMaterializationThatCannotBeIsTheUsersError() async throws {
        let repository = try await QueryRepository.shared.value
        await #expect(throws: ButlerError.self) {
            _ = try await materialized(
                ["instrument"], of: .where(id: cam1, joining: [("bias", ["chain"])]), keeping: ["bias"]
            ) { _ in try await self.dataIDs(["instrument"]) }
        }
        // Dimensions that the inner query lacks.
        var prepared = try await repository.dataIDs(["visit"])
        let rows = QueryTree.JoinedRows(key: otherKey, dimensions: try repository.universe.group(["visit"]))
        let detectors = try QueryTree(dimensions: try repository.universe.group(["detector"]))
        prepared.request.tree = try QueryTree(dimensions: rows.dimensions, materializations: [rows])
        prepared.request.inputs = [.materialization(rows, detectors, datasets: [], allowsDuplicateOverlaps: false)]
        let wrong = prepared
        await repository.expectError(.invalidQuery, "dimensions") { wrong }
        prepared.request.inputs = []
        let missing = prepared
        await repository.expectError(.invalidQuery, "materialized rows") { missing }
    }

    // MARK: Without temporary tables

    @Test(.enabled(if: TestDatabase.isPostgreSQL)) func nothingOfThisNeedsTemporaryTables() async throws {
        try await QueryRepository.$lacksTemporaryTables.withValue(true) {
            try await uploadedDataIDsConstrainAQuery()
            try await anUploadJoinsRecordsAndDatasets()
            try await anUploadOfNoDimensionsConstrainsNothing()
            try await uploadedPixelsAndTextKeysAreJoined()
            try await anUploadSaysWhyItDoesNotBelong()
            try await twoUploadsUnderOneKeyAreLikeTheLastOne()
            try await keptRowsAnswerLaterQueries()
            try await keptSearchesAreReadAgainForTheirFieldsOnly()
            try await exactOverlapsOfKeptRowsAreCheckedInTheEnd()
            try await aRegionThatTheKeptRowsHaveLostStillDecides()
            try await rowsOfADoomedQueryAreNone()
            try await emptyRowsAreKeptToo()
            try await aMaterializationThatCannotBeIsTheUsersError()
        }
    }
}
