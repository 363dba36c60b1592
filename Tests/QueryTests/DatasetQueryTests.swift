import ButlerModel
import Query
import QueryModel
import Testing

/// Searches for datasets along paths: query system reference, section 7, numbers 46 to 98.
@Suite struct DatasetQueryTests {
    private func found(
        _ type: String, _ path: [String], _ query: TestQuery, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String] {
        let repository = try await QueryRepository.shared.value
        let prepared = try await repository.datasets(type, path, query)
        let rows = try await repository.rows(prepared, sourceLocation: sourceLocation)
        #expect(try await repository.count(prepared) == rows.count, sourceLocation: sourceLocation)
        return rows
    }

    @Test func theFirstCollectionOfThePathWins() async throws {
        let cases: [(path: [String], found: [String])] = [
            (["imported_g"], ["bias@g{1}", "bias@g{2}", "bias@g{3}"]),
            (["chain"], ["bias@g{1}", "bias@g{2}", "bias@g{3}", "bias@r{4}"]),
            (["chain2"], ["bias@g{1}", "bias@r{2}", "bias@r{3}", "bias@r{4}"]),
            (["imported_r", "chain"], ["bias@g{1}", "bias@r{2}", "bias@r{3}", "bias@r{4}"]),
            (["nested"], ["bias@g{1}", "bias@r{2}", "bias@r{3}", "bias@r{4}"]),
            (["chain", "chain"], ["bias@g{1}", "bias@g{2}", "bias@g{3}", "bias@r{4}"]),
            (["empty"], []), ([], []), (["none"], []),
        ]
        for (path, expected) in cases {
            #expect(try await found("bias", path, .where(order: ["detector"])) == expected, "\(path)")
        }
    }

    @Test func withoutFindFirstEachCollectionGivesItsDatasets() async throws {
        let chain = try await found("bias", ["chain"], .where(order: ["detector", "run"], findFirst: false))
        #expect(chain == ["bias@g{1}", "bias@g{2}", "bias@r{2}", "bias@g{3}", "bias@r{3}", "bias@r{4}"])
        // The same dataset once for each collection that holds it.
        let tagged = try await found("flat", ["tag", "imported_g"], .where(order: ["detector"], findFirst: false))
        #expect(
            tagged == [
                "flat@g{2,Cam1-G}", "flat@g{2,Cam1-G}", "flat@g{3,Cam1-G}", "flat@g{3,Cam1-G}", "flat@g{4,Cam1-G}",
            ])
    }

    @Test func taggedDatasetsKeepTheirRun() async throws {
        #expect(
            try await found("flat", ["tag"], .where(order: ["detector"])) == ["flat@g{2,Cam1-G}", "flat@g{3,Cam1-G}"])
        #expect(
            try await found("flat", ["tag", "imported_g"], .where(order: ["detector"]))
                == ["flat@g{2,Cam1-G}", "flat@g{3,Cam1-G}", "flat@g{4,Cam1-G}"])
        #expect(
            try await found("flat", ["tag", "imported_g"], .where("run = 'imported_g'", order: ["-detector"])).count
                == 3)
        #expect(try await found("flat", ["tag"], .where("run = 'imported_r'")) == [])
    }

    @Test func conditionsOnTheDatasetDecideWhichOneIsFound() async throws {
        let right = ["bias@r{2}", "bias@r{3}", "bias@r{4}"]
        let cases: [(expression: String, found: [String])] = [
            ("run = 'imported_r'", right),
            ("collection = 'imported_r'", right),
            ("bias.run = 'imported_r'", right),
            ("NOT run = 'imported_g'", right),
            ("GLOB(run, '*_r')", right),
            ("run IN ('imported_r', 'nowhere')", right),
            ("collection > 'imported_g'", right),
            ("ingest_date > T'2000-01-01'", ["bias@g{1}", "bias@g{2}", "bias@g{3}", "bias@r{4}"]),
            ("ingest_date < T'2000-01-01'", []),
            ("bias.timespan OVERLAPS T'2020-01-01'", ["bias@g{1}", "bias@g{2}", "bias@g{3}", "bias@r{4}"]),
            ("detector = 2 AND run != 'imported_g' AND instrument = 'Cam1'", ["bias@r{2}"]),
            ("dataset_id = UUID('840b31d9-05cd-5161-b2c8-00d32b280d0f')", []),
        ]
        for (expression, expected) in cases {
            #expect(
                try await found("bias", ["chain"], .where(expression, order: ["detector"])) == expected, "\(expression)"
            )
        }
    }

    @Test func conditionsOnDimensionsJoinThem() async throws {
        #expect(
            try await found("flat", ["chain"], .where("band = 'r'", order: ["detector"]))
                == ["flat@r{1,Cam1-R1}", "flat@r{2,Cam1-R1}", "flat@r{3,Cam1-R2}", "flat@r{4,Cam1-R2}"])
        #expect(
            try await found("bias", ["chain"], .where("raft = 'B'", order: ["-detector"])) == [
                "bias@r{4}", "bias@g{3}",
            ])
        // The sky map multiplies with nothing, for there is one.
        #expect(try await found("bias", ["imported_g"], .where(id: skyMap1, order: ["detector"])).count == 3)
        #expect(
            try await found("calexp", ["run1"], .where("visit = 1", id: cam1, order: ["detector"])) == [
                "calexp@run1{1,1}", "calexp@run1{2,1}",
            ])
    }

    @Test func datasetsWithoutDimensionsAreFoundOnceOrInEachRun() async throws {
        #expect(try await found("packages", ["imported_r", "imported_g"], .where()) == ["packages@r{}"])
        #expect(
            try await found("packages", ["chain"], .where(order: ["run"], findFirst: false))
                == ["packages@g{}", "packages@r{}"])
    }

    @Test func namesOfTypesMayLookLikeNamesOfTablesInStatements() async throws {
        for type in ["earlier", "Bias"] {
            #expect(try await found(type, ["chain"], .where(order: ["detector"])) == ["\(type)@g{1}", "\(type)@r{2}"])
            #expect(
                try await found(type, ["chain2"], .where("run != 'nowhere'", order: ["detector"]))
                    == ["\(type)@r{1}", "\(type)@r{2}"])
        }
    }

    @Test func typesThatDifferInCaseOnlyAreJoinedTogether() async throws {
        let repository = try await QueryRepository.shared.value
        let query = TestQuery.where(joining: [("Bias", ["imported_r"])], order: ["detector"])
        #expect(
            try await repository.rows(try await repository.datasets("bias", ["chain"], query)) == [
                "bias@g{1}", "bias@g{2}",
            ])
        let fields = TestQuery.where(
            joining: [("Bias", ["imported_r"]), ("bias", ["imported_g"])], order: ["detector"], findFirst: false)
        #expect(
            try await repository.rows(try await repository.general(["detector"], ["bias.run", "Bias.run"], fields))
                == ["detector=1 Bias.run=r bias.run=g", "detector=2 Bias.run=r bias.run=g"])
    }

    @Test func aLongPathIsSearchedInOrderToo() async throws {
        let repository = try await QueryRepository.make()
        try await repository.registry.write { writer in
            for number in 0..<40 {
                try writer.registerCollection("many/\(number)", type: .run)
                // Each run has one detector, all of them detector 4.
                try QueryRepository.insert(
                    writer, "bias", "many/\(number)",
                    Set([Int64(number % 3 + 1), 4]).sorted().map { ["instrument": "Cam1", "detector": .int($0)] })
            }
            try writer.registerCollection("many", type: .chained)
            try writer.setChain("many", children: (0..<40).map { "many/\($0)" })
        }
        let prepared = try await repository.datasets("bias", ["many"], .where(order: ["detector"]))
        #expect(
            try await repository.rows(prepared)
                == ["bias@many/0{1}", "bias@many/1{2}", "bias@many/2{3}", "bias@many/0{4}"])
        #expect(try await repository.count(prepared) == 4)
    }

    // MARK: Existence

    @Test func aJoinedSearchIsAConditionOnDataIDs() async throws {
        let repository = try await QueryRepository.shared.value
        let cases: [(joins: [(String, [String])], found: [String])] = [
            ([("bias", ["imported_g", "imported_r"])], ["1", "2", "3", "4"]),
            ([("bias", ["imported_g"]), ("flat", ["imported_g"])], ["2", "3"]),
            ([("bias", ["empty"])], []),
            ([("calexp", ["run1"])], ["1", "2"]),
        ]
        for (joins, expected) in cases {
            let query = TestQuery.where(id: cam1, joining: joins.map { (type: $0.0, path: $0.1) }, order: ["detector"])
            let rows = try await repository.rows(try await repository.dataIDs(["detector"], query))
            #expect(rows == expected.map { "detector=\($0)" }, "\(joins)")
        }
    }

    @Test func aConditionOnOneOfSeveralCollectionsDoesNotRepeatDataIDs() async throws {
        let repository = try await QueryRepository.shared.value
        let query = TestQuery.where(
            "bias.run != 'nowhere'", id: cam1, joining: [("bias", ["imported_g", "imported_r"])], order: ["detector"])
        let prepared = try await repository.dataIDs(["detector"], query)
        #expect(try await repository.rows(prepared) == (1...4).map { "detector=\($0)" })
        #expect(try await repository.count(prepared) == 4)
    }

    // MARK: Order and limit

    @Test func orderAndLimitApplyToWhatIsFound() async throws {
        let cases: [(order: [String], limit: Int?, found: [String])] = [
            (["-detector"], nil, ["bias@r{4}", "bias@g{3}", "bias@g{2}", "bias@g{1}"]),
            (["-detector"], 2, ["bias@r{4}", "bias@g{3}"]),
            (["detector"], 0, []),
            (["detector"], -3, ["bias@g{1}", "bias@g{2}", "bias@g{3}", "bias@r{4}"]),
            (["-run", "detector"], nil, ["bias@r{4}", "bias@g{1}", "bias@g{2}", "bias@g{3}"]),
            (["-bias.ingest_date", "detector"], 1, ["bias@r{4}"]),
            (["collection", "-detector"], 3, ["bias@g{3}", "bias@g{2}", "bias@g{1}"]),
            (["raft", "-full_name"], nil, ["bias@g{2}", "bias@g{1}", "bias@r{4}", "bias@g{3}"]),
            (["timespan.begin", "detector"], 1, ["bias@g{1}"]),
        ]
        for (order, limit, expected) in cases {
            #expect(
                try await found("bias", ["chain"], .where(order: order, limit: limit)) == expected,
                "\(order) \(String(describing: limit))")
        }
    }

    @Test func columnsThatCannotOrderAreErrors() async throws {
        let repository = try await QueryRepository.shared.value
        for (order, fragment) in [
            ("dataset_id", "Column type uuid of bias.dataset_id is not ordered."), ("-", "Empty dimension name"),
            ("visit", "Order-by expression may not reference columns that are not in the result dimensions."),
        ] {
            await repository.expectError(.invalidQuery, fragment) {
                try await repository.datasets("bias", ["chain"], .where(order: [order]))
            }
        }
    }

    // MARK: Mistakes

    @Test func unknownNamesAreErrors() async throws {
        let repository = try await QueryRepository.shared.value
        await repository.expectError(.missingCollection, "No collection with name 'nosuch' found.") {
            try await repository.datasets("bias", ["imported_g", "nosuch"])
        }
        await repository.expectError(.missingCollection, "'imported_?'") {
            try await repository.datasets("bias", ["imported_?"])
        }
        for name in ["nosuch", "b*"] {
            await #expect(throws: ButlerError.self) { try await repository.datasets(name, ["chain"]) }
        }
        await repository.expectError(.invalidQuery, "have not been joined") {
            try await repository.datasets("bias", ["chain"], .where("flat.run = 'imported_r'"))
        }
    }

    @Test func aTreeWithOtherDimensionsThanTheTypeIsAnError() async throws {
        let repository = try await QueryRepository.shared.value
        let visit = try repository.universe.group(["visit", "detector"])
        let search = DatasetSearch(datasetType: "bias", collections: ["chain"], dimensions: visit)
        let tree = try QueryTree(dimensions: visit, datasets: [search])
        await repository.expectError(.invalidQuery, "Incorrect dimensions") {
            Prepared(
                request: QueryRequest(tree), result: ResultSpecification(.dataCoordinates(visit, withRecords: false)))
        }
    }

    @Test func aResultWithOtherDimensionsThanTheTypeIsAnErrorNotACrash() async throws {
        let repository = try await QueryRepository.shared.value
        var prepared = try await repository.datasets("bias", ["chain"], .where("exposure = 1", id: cam1))
        for names in [["instrument"], [], ["detector", "exposure"]] {
            prepared.result = ResultSpecification(
                .datasetRefs(
                    .init(datasetType: "bias", dimensions: try repository.universe.group(names), storageClass: "")))
            let query = prepared
            await repository.expectError(.invalidQuery, "bias") { query }
        }
    }

    @Test func searchesForAnyDatasetTypeAreRefused() async throws {
        let repository = try await QueryRepository.shared.value
        let group = try repository.universe.group(["detector"])
        let tree = try QueryTree(
            dimensions: group, anyDataset: DatasetSearch(datasetType: DatasetSearch.anyType, collections: ["chain"], dimensions: group))
        await repository.expectError(.unimplementedQuery, "any dataset type") {
            Prepared(
                request: QueryRequest(tree), result: ResultSpecification(.dataCoordinates(group, withRecords: false)))
        }
    }
}
