import ButlerModel
import QueryModel
import RepositoryConfiguration
import StructuredData
import Testing

/// A repository of a few dataset types, without any database.
private struct Environment: QueryEnvironment {
    let universe: DimensionUniverse
    var defaultCollections: [String] = []

    init(defaults: [String] = []) throws {
        universe = try DimensionUniverse(DimensionConfiguration(.object(try DefaultDimensions.configuration())))
        defaultCollections = defaults
    }

    func datasetType(_ name: String) throws -> DatasetType {
        let dimensions: [String: [String]] = [
            "calexp": ["visit", "detector"], "bias": ["detector"], "packages": [], "deep": ["patch", "band"],
        ]
        guard let names = dimensions[name] else {
            throw ButlerError(.missingDatasetType, "Dataset type '\(name)' does not exist.")
        }
        return try DatasetType(
            name: name, dimensions: try universe.group(names), storageClass: "Exposure", isCalibration: name == "bias")
    }

    func collections(matching patterns: [String]) throws -> [String] {
        ["run/a", "run/b"].filter { name in patterns.contains { NamePattern($0).matches(name) } }
    }

    func canConvert(_ storageClass: String, to target: String) -> Bool { target != "StructuredDataDict" }

    func message(_ result: ResultDefinition) -> String {
        do {
            return "resolved as \(try result.resolved(in: self))"
        } catch {
            return "\(error)"
        }
    }
}

private func dataIDs(_ query: QueryDefinition, _ dimensions: [String]? = nil) -> ResultDefinition {
    ResultDefinition(query, .dataIDs(dimensions: dimensions))
}

private let visit = QueryColumn("visit")

@Suite struct QueryResolverTests {
    // MARK: Joins

    @Test func dimensionsAreJoinedWithAllThatTheyNeed() throws {
        let environment = try Environment()
        let tree = try dataIDs(QueryDefinition().joinDimensions(["visit"]), ["detector"]).resolved(in: environment).tree
        #expect(
            tree.dimensions == (try environment.universe.group(["visit", "detector"])))
        let region = try dataIDs(QueryDefinition().joinDimensions(["visit_detector_region"])).resolved(in: environment)
        #expect(region.tree.dimensions == (try environment.universe.group(["visit", "detector"])))
        #expect(region.result.dimensions == region.tree.dimensions)
    }

    @Test func anUnknownDimensionIsNamed() throws {
        let environment = try Environment()
        #expect(environment.message(dataIDs(QueryDefinition().joinDimensions(["visitt"]))).contains("'visitt'"))
        #expect(
            environment.message(ResultDefinition(QueryDefinition(), .dimensionRecords(element: "visitt")))
                .hasPrefix("No such dimension 'visitt', available dimensions: "))
    }

    @Test func aDatasetTypeKeepsItsFirstPath() throws {
        let environment = try Environment(defaults: ["def"])
        let joined = QueryDefinition().joinDatasets(DatasetTypeReference("calexp"), in: .names(["a", "b"]))
        let again = joined.joinDatasets(DatasetTypeReference("calexp"), in: .standard)
        #expect(try dataIDs(again).resolved(in: environment).tree.datasets.map(\.collections) == [["a", "b"]])
        let other = joined.joinDatasets(DatasetTypeReference("calexp"), in: .names(["b", "a"]))
        #expect(
            environment.message(dataIDs(other))
                == "Dataset type 'calexp' was already joined into this query with a different collection search path "
                + "(previously [a, b], now [b, a]).")
    }

    @Test func withoutCollectionsTheDefaultOnesAreSearched() throws {
        let query = QueryDefinition().joinDatasets(DatasetTypeReference("calexp"), in: .standard)
        #expect(
            try dataIDs(query).resolved(in: try Environment(defaults: ["x"])).tree.datasets.map(\.collections) == [
                ["x"]
            ])
        #expect(
            try Environment().message(dataIDs(query)).hasPrefix("No collections provided and no default collections"))
    }

    @Test func patternsAreExpandedAndNamesAreNot() throws {
        let environment = try Environment()
        func path(_ path: SearchPath) throws -> [String]? {
            try ResultDefinition(
                QueryDefinition(), .datasets(DatasetTypeReference("bias"), path, findFirst: false)
            ).resolved(in: environment).tree.datasets.first?.collections
        }
        #expect(try path(.patterns(["run/*"])) == ["run/a", "run/b"])
        #expect(try path(.names(["run/*"])) == ["run/*"])
    }

    @Test(arguments: ["nosuch", "calexp.wcs", "cal*"])
    func whatIsNoDatasetTypeDoesNotExist(_ name: String) throws {
        let query = QueryDefinition().joinDatasets(DatasetTypeReference(name), in: .names(["a"]))
        #expect(try Environment().message(dataIDs(query)) == "Dataset type '\(name)' does not exist.")
    }

    @Test func aDefinitionThatDiffersFromTheRepositorysIsRefused() throws {
        let environment = try Environment()
        let wrong = try DatasetType(
            name: "calexp", dimensions: environment.universe.group(["visit"]), storageClass: "Exposure")
        #expect(
            environment.message(
                dataIDs(QueryDefinition().joinDatasets(DatasetTypeReference(wrong), in: .names(["a"])))
            ).contains("do not match the registered dimensions"))
        let dict = DatasetTypeReference("calexp", storageClass: "StructuredDataDict")
        #expect(
            environment.message(ResultDefinition(QueryDefinition(), .datasets(dict, .names(["a"]), findFirst: true)))
                .contains("is not compatible with repository storage class Exposure"))
        let image = DatasetTypeReference("calexp", storageClass: "ExposureF")
        let resolved = try ResultDefinition(QueryDefinition(), .datasets(image, .names(["a"]), findFirst: true))
            .resolved(in: environment)
        guard case .datasetRefs(let refs) = resolved.result.kind else { Issue.record("no datasets"); return }
        #expect(refs.storageClass == "ExposureF")
        #expect(
            environment.message(dataIDs(QueryDefinition().joinDatasets(image, in: .names(["a"]))))
                .contains("pass it to datasets() instead"))
    }

    @Test func dataIDsAreJoinedOnceEach() throws {
        let environment = try Environment()
        let group = try environment.universe.group(["detector"])
        let ids = [1, 3, 3].map { DataCoordinate(group: group, values: ["HSC", .int($0)]) }
        let resolved = try dataIDs(QueryDefinition().joinDataIDs(ids)).resolved(in: environment)
        guard case .upload(let target, let rows)? = resolved.inputs.first else { Issue.record("no upload"); return }
        #expect(rows == [["HSC", 1], ["HSC", 3]])
        #expect(resolved.tree.uploads == [target])
        #expect(environment.message(dataIDs(QueryDefinition().joinDataIDs([]))).contains("empty data coordinate set"))
        let mixed = ids + [DataCoordinate(group: try environment.universe.group(["instrument"]), values: ["HSC"])]
        #expect(environment.message(dataIDs(QueryDefinition().joinDataIDs(mixed))).hasPrefix("Inconsistent dimensions"))
    }

    @Test func materializingKeepsSearchesButNoConditions() throws {
        let environment = try Environment()
        let query = QueryDefinition()
            .joinDatasets(DatasetTypeReference("calexp"), in: .names(["a"]))
            .where(.expression("instrument = 'HSC' AND visit > 5", bind: [:]))
        let resolved = try dataIDs(query.materialize()).resolved(in: environment)
        #expect(resolved.tree.predicate == .alwaysTrue)
        #expect(resolved.tree.datasets.map(\.datasetType) == ["calexp"])
        #expect(resolved.tree.materializations.count == 1)
        guard case .materialization(_, let inner, let datasets, _)? = resolved.inputs.first else {
            Issue.record("no materialization")
            return
        }
        #expect("\(inner.predicate)" == "instrument = 'HSC' AND visit > 5")
        #expect(datasets == ["calexp"])
        #expect(
            environment.message(dataIDs(query.materialize(dimensions: ["visit"]))).contains("which do not cover"))
        #expect(
            try dataIDs(query.materialize(dimensions: ["visit"], datasets: [])).resolved(in: environment).tree.datasets
                .isEmpty)
        #expect(
            environment.message(dataIDs(query.materialize(datasets: ["bias"]))).contains("{'bias'} are not present"))
        let reused = ResultDefinition(
            query.materialize(), .datasets(DatasetTypeReference("calexp"), .standard, findFirst: true))
        #expect(try reused.resolved(in: environment).tree.datasets.map(\.collections) == [["a"]])
    }

    // MARK: Conditions

    @Test func conditionsOfAQueryJoinTheirDimensions() throws {
        let environment = try Environment()
        let query = QueryDefinition().where(visit > 5 && QueryColumn("tract") == 3)
        let tree = try dataIDs(query).resolved(in: environment).tree
        #expect(tree.dimensions.contains("visit") && tree.dimensions.contains("tract"))
    }

    @Test func operatorsSayWhatTextSays() throws {
        let environment = try Environment()
        let band = QueryColumn("band")
        let pairs: [(QueryCondition, String)] = [
            (visit > 5, "visit > 5"), (visit == 5, "visit = 5"), (visit != 5, "visit != 5"), (visit <= 5, "visit <= 5"),
            (QueryColumn("visit.exposure_time") < 2.5, "visit.exposure_time < 2.5"),
            (visit >= 5 && band == "r", "visit >= 5 AND band = 'r'"),
            (visit == 1 || band == "r", "visit = 1 OR band = 'r'"),
            (!(visit == 1 && band == "r"), "NOT (visit = 1 AND band = 'r')"),
            (visit.isIn(1...9, step: 2), "visit IN (1..9:2)"),
            (band.isIn(["g", "r"]), "band IN (:bands)"), (band.matches(glob: "g*"), "GLOB(band, 'g*')"),
            (QueryColumn("visit.exposure_time").isNull, "visit.exposure_time = NULL"),
            (QueryColumn("exposure.has_simulated").isTrue, "exposure.has_simulated"),
            (visit.compared(.less, to: QueryColumn("exposure")), "visit < exposure"),
            (visit % 2 == 1, "visit % 2 = 1"), ((visit + 1) * 2 - QueryColumn("exposure") > 0, "(visit + 1) * 2 - exposure > 0"),
            (-QueryColumn("visit.exposure_time") / 2.0 < 1.5, "-visit.exposure_time / 2.0 < 1.5"),
            ((visit % 5).compared(.equal, to: QueryColumn("exposure") % 5), "visit % 5 = exposure % 5"),
            (.dataID(["instrument": "HSC", "visit": 3]), "instrument = 'HSC' AND visit = 3"),
        ]
        for (condition, text) in pairs {
            let typed = try dataIDs(QueryDefinition().where(condition)).resolved(in: environment).tree
            let written = try dataIDs(
                QueryDefinition().where(.expression(text, bind: ["bands": ["g", "r"]]))
            ).resolved(in: environment).tree
            #expect(typed == written, "\(text)")
        }
    }

    @Test func theContextOfAResultIsItsRows() throws {
        let environment = try Environment()
        var result = ResultDefinition(
            QueryDefinition().joinDatasets(DatasetTypeReference("bias"), in: .names(["c"])),
            .datasets(DatasetTypeReference("calexp"), .names(["a"]), findFirst: true))
        result.conditions = [.expression("run = 'a'", bind: [:])]
        #expect("\(try result.resolved(in: environment).tree.predicate)" == "calexp.run = 'a'")
        // On the query both types are joined.
        result.conditions = []
        result.query = result.query.joinDatasets(DatasetTypeReference("calexp"), in: .names(["a"]))
            .where(.expression("run = 'a'", bind: [:]))
        #expect(
            environment.message(result).contains(
                "Ambiguous identifier 'run' matches multiple fields: 'bias.run', 'calexp.run'"))
    }

    @Test func fieldsOfDatasetsThatAreNotJoinedAreRefused() throws {
        let query = QueryDefinition().where(QueryColumn("calexp.run") == "a")
        #expect(
            try Environment().message(dataIDs(query))
                == "Cannot reference dataset type(s) {'calexp'} that have not been joined.")
    }

    @Test func aConditionCanLookIntoAnotherQuery() throws {
        let environment = try Environment()
        let inner = QueryDefinition().where(QueryColumn("detector.purpose") == "SCIENCE")
        let query = QueryDefinition().where(
            QueryColumn("detector").isIn(QueryColumn("detector"), of: inner))
        let tree = try dataIDs(query).resolved(in: environment).tree
        #expect("\(tree.predicate)" == "detector IN (detector OF detector.purpose = 'SCIENCE')")
    }

    @Test func typesAreCheckedWhenTheQueryIsResolved() throws {
        let environment = try Environment()
        #expect(environment.message(dataIDs(QueryDefinition().where(visit == "a"))).contains("does not apply"))
        #expect(
            environment.message(dataIDs(QueryDefinition().where(.dataID(["nosuch": 1])))).contains("'nosuch'"))
    }

    @Test func governorsAreValidatedUnlessToldOtherwise() throws {
        var query = QueryDefinition().where(visit > 5)
        #expect(try dataIDs(query).resolved(in: try Environment()).tree.validatesGovernors)
        query.validatesGovernors = false
        #expect(try !dataIDs(query).resolved(in: try Environment()).tree.validatesGovernors)
    }

    // MARK: Order and general results

    @Test func anOrderIsThatOfTheLastCall() throws {
        var result = dataIDs(QueryDefinition(), ["visit"])
        result.order = ["-visit", "visit.exposure_time"]
        #expect(
            try result.resolved(in: try Environment()).result.order.map(\.description)
                == ["visit DESC", "visit.exposure_time"])
        result.order = ["-"]
        #expect(try Environment().message(result) == "Empty dimension name in ORDER BY")
    }

    private func general(
        _ dimensions: [String], _ columns: [String], _ findFirst: Bool? = nil
    ) -> ResultDefinition {
        ResultDefinition(
            QueryDefinition().joinDatasets(DatasetTypeReference("calexp"), in: .names(["a"]))
                .joinDatasets(DatasetTypeReference("bias"), in: .names(["c"])),
            .general(dimensions: dimensions, columns: columns, findFirst: findFirst))
    }

    @Test func generalRowsHaveTheDimensionsOfTheirColumns() throws {
        let environment = try Environment()
        let result = try general(["visit"], ["calexp.run", "visit.exposure_time"], true).resolved(in: environment)
            .result
        #expect(result.dimensions.contains("detector"))
        #expect(result.findFirstDatasetType == "calexp")
        #expect(try general(["visit"], ["day_obs"]).resolved(in: environment).result.dimensions.contains("day_obs"))
    }

    @Test(
        arguments: [
            (["calexp.run"], nil, "find_first must be passed if dataset fields are included in query results."),
            (["deep.run"], true, "must be explicitly joined"),
            (["bias.timespan"], true, "find_first=False must be passed"),
            (["bias.run", "calexp.run"], true, "needs exactly one dataset type"),
            (["visit.exposure_time"], true, "exactly one"),
            (["nosuch"], nil, "Unrecognized identifier 'nosuch'"),
        ] as [([String], Bool?, String)])
    func generalRowsThatMakeNoSenseAreRefused(_ columns: [String], _ findFirst: Bool?, _ expected: String) throws {
        #expect(try Environment().message(general(["visit"], columns, findFirst)).contains(expected))
    }
}
