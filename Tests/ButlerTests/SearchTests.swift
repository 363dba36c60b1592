import Butler
import ButlerModel
import Foundation
import RepositoryConfiguration
import StructuredData
import Synchronization
import Testing

private final class Warnings: Sendable {
    private let held = Mutex<[String]>([])
    var all: [String] { held.withLock { $0 } }
    func add(_ message: String) { held.withLock { $0.append(message) } }
}

private let fixtures = ProcessInfo.processInfo.environment["STEWARD_FIXTURES"]
private let mine: [String: DataIDValue] = ["instrument": "StewardCam"]

/// Searches in one call.
@Suite struct SearchTests {
    @Test func aSearchTakesConditionsOrderAndLimit() async throws {
        try await withSurvey { butler async throws in
            let refs = try await butler.queryDatasets(
                "calexp", collections: ["demo/defaults"], dataID: mine, where: "detector IN (:wanted) AND visit > 0",
                bind: ["wanted": [5, 2]], withDimensionRecords: true, orderBy: ["-detector", "visit"], limit: 7)
            #expect(refs.map { $0.dataID["detector"] } == [5, 5, 5, 5, 5, 5, 2])
            #expect(refs.allSatisfy { $0.dataID.isExpanded })
            let ids = try await butler.queryDataIDs(["visit"], dataID: mine, orderBy: ["-visit.timespan.begin"])
            #expect(ids.count == 6)
            #expect(ids.map { $0["visit"] } == ids.sorted(by: >).map { $0["visit"] })
            let records = try await butler.queryDimensionRecords("physical_filter", where: "band = 'r'")
            #expect(records.map { $0["name"] } == [.string("StewardCam-r")])
        }
    }

    @Test(arguments: [(-47, 1), (-48, 0), (-49, 0), (47, 0)])
    func aNegativeLimitWarnsWhenThereIsMore(_ limit: Int, _ expected: Int) async throws {
        let warnings = Warnings()
        try await withSurvey(onWarning: { warnings.add($0) }) { butler async throws in
            let refs = try await butler.queryDatasets(
                "calexp", collections: ["demo/defaults"], dataID: mine, limit: limit)
            #expect(refs.count == min(abs(limit), 48))
            let all = try await butler.queryAllDatasets(
                collections: ["demo/defaults"], names: ["calexp"], dataID: mine, limit: limit)
            #expect(all.count == refs.count)
        }
        let message = "More datasets are available than the requested limit of \(-limit)."
        #expect(warnings.all == [String](repeating: message, count: 2 * expected))
    }

    @Test func limitsOfOtherSearchesNameWhatTheyLimit() async throws {
        let warnings = Warnings()
        try await withSurvey(onWarning: { warnings.add($0) }) { butler async throws in
            #expect(try await butler.queryDataIDs(["detector"], limit: -2).count == 2)
            #expect(try await butler.queryDimensionRecords("detector", limit: -2).count == 2)
            #expect(try await butler.queryDataIDs(["detector"], limit: 0).isEmpty)
            #expect(try await butler.queryDataIDs(["detector"], limit: nil).count == 8)
        }
        #expect(
            warnings.all == [
                "More data IDs are available than the requested limit of 2.",
                "More dimension records are available than the requested limit of 2.",
            ])
    }

    @Test func nothingFoundIsAnErrorWithReasonsUnlessToldOtherwise() async throws {
        try await withSurvey { butler async throws in
            let empty = await #expect(throws: EmptyQueryResult.self) {
                try await butler.queryDatasets("calexp", collections: ["demo/run/1"], dataID: ["instrument": "Other"])
            }
            #expect(empty?.reasons.isEmpty == false)
            let silent = await #expect(throws: EmptyQueryResult.self) {
                try await butler.queryDimensionRecords("detector", dataID: mine, where: "detector = 77")
            }
            // Names and summaries tell nothing; the records do.
            #expect(silent?.reasons.first?.hasPrefix("There is no detector 77 for instrument='StewardCam'") == true)
            #expect(
                try await butler.queryDimensionRecords("detector", dataID: mine, where: "detector = 77", explain: false)
                    .isEmpty)
            #expect(try await butler.queryDatasets("calexp", collections: ["demo/run/1"], limit: 0).isEmpty)
            #expect(try await butler.queryDatasets("calexp", collections: [], explain: false).isEmpty)
        }
    }

    @Test func globsNeedNoOrder() async throws {
        try await withSurvey { butler async throws in
            let error = await #expect(throws: ButlerError.self) {
                try await butler.queryDatasets("calexp", collections: ["demo/run/*"])
            }
            #expect(error?.message.hasPrefix("Can not use wildcards in collections when find_first=True") == true)
            #expect(
                try await butler.queryDatasets("calexp", collections: ["demo/run/*"], findFirst: false).count == 56)
            await #expect(throws: ButlerError.self) {
                _ = try await butler.queryAllDatasets(collections: ["demo/run/*"])
            }
            #expect(
                try await butler.queryAllDatasets(
                    collections: ["demo/run/*"], names: ["cal*", "sources"], findFirst: false
                ).count == 63)
        }
    }

    @Test func allDatasetsComeByTypeInTheOrderOfNames() async throws {
        try await withSurvey { butler async throws in
            let refs = try await butler.queryAllDatasets(
                collections: ["demo/run/1"], names: ["calexp", "so*"], dataID: mine, where: "visit > 0")
            let names = refs.map(\.datasetType.name)
            #expect(names == names.sorted())
            #expect(Set(names) == ["calexp", "sources"])
        }
    }

    @Test(arguments: [(["nosuch"], "No dataset types found"), (["calexp", "nosuch"], "Dataset types not found: ['nosuch']")])
    func typesThatDoNotExistAreMissing(_ names: [String], _ expected: String) async throws {
        try await withSurvey { butler async throws in
            let error = await #expect(throws: ButlerError.self) {
                _ = try await butler.queryAllDatasets(collections: ["demo/run/1"], names: names)
            }
            #expect(error?.kind == .missingDatasetType)
            #expect(error?.message.contains(expected) == true)
        }
    }

    @Test(arguments: ["nosuch", "calexp.wcs", "cal*"])
    func oneTypeIsAnExactName(_ name: String) async throws {
        try await withSurvey { butler async throws in
            let error = await #expect(throws: ButlerError.self) {
                _ = try await butler.queryDatasets(name, collections: ["demo/run/1"])
            }
            #expect(error == ButlerError(.missingDatasetType, "Dataset type '\(name)' does not exist."))
        }
    }

    @Test func storageClassesMustConvert() async throws {
        try await withSurvey { butler async throws in
            let error = await #expect(throws: ButlerError.self) {
                _ = try await butler.queryDatasets("bias", collections: ["demo/run/1"], storageClass: "StructuredDataDict")
            }
            #expect(error?.message.contains("not compatible") == true)
            let refs = try await butler.queryDatasets(
                "sources", collections: ["demo/run/1"], limit: 1, storageClass: "ArrowAstropy")
            #expect(refs.count == 1)
        }
    }
}

/// What a butler assumes where a call does not say.
@Suite struct ButlerDefaultsTests {
    @Test func defaultCollectionsAreSearched() async throws {
        try await withSurvey { butler async throws in
            let error = await #expect(throws: ButlerError.self) { _ = try await butler.queryDatasets("calexp") }
            #expect(error?.message.hasPrefix("No collections provided and no default collections") == true)
            let with = try butler.with(defaults: ButlerDefaults(collections: ["demo/defaults"]))
            #expect(try await with.queryDatasets("calexp").count == 48)
            #expect(try await with.queryAllDatasets(names: ["calexp"]).count == 48)
            #expect(try await with.query.joinDatasets("calexp").dataIDs("visit").count() == 6)
            #expect(
                try await with.findDataset("calexp", dataID: ["visit": 2_026_010_200_003, "detector": 0], time: .none)?.run
                    == "demo/run/2")
        }
    }

    @Test func theInstrumentFollowsFromTheDefaultCollections() async throws {
        try await withSurvey(defaults: ButlerDefaults(collections: ["demo/run/1", "gone"])) { butler async throws in
            #expect(try await butler.queryDataIDs(["visit"], where: "visit > 0").count == 6)
            // A condition on the governor itself comes before the default.
            #expect(
                try await butler.queryDataIDs(["visit"], where: "instrument = 'Other' AND visit > 0", explain: false)
                    .isEmpty)
            let without = try butler.with(
                defaults: ButlerDefaults(collections: ["demo/run/1"], infersDataID: false))
            await #expect(throws: ButlerError.self) {
                _ = try await without.queryDataIDs(["visit"], where: "visit > 0")
            }
        }
    }

    @Test func statedValuesComeBeforeInferredOnes() async throws {
        try await withSurvey(defaults: ButlerDefaults(collections: ["demo/run/1"], dataID: ["instrument": "Other"])) {
            butler async throws in
            #expect(try await butler.queryDataIDs(["visit"], where: "visit > 0", explain: false).isEmpty)
        }
    }

    @Test func onlyGovernorsCanHaveDefaults() async throws {
        try await withSurvey { butler async throws in
            let error = #expect(throws: ButlerError.self) {
                _ = try butler.with(defaults: ButlerDefaults(dataID: ["visit": 3]))
            }
            #expect(error?.message.contains("instrument, skymap") == true)
        }
    }
}

/// Queries that the manifest of the Python-made repositories states, with their results.
@Suite(.enabled(if: fixtures != nil, "STEWARD_FIXTURES names no repositories made by Python"))
struct FixtureQueryTests {
    @Test func statedQueriesGiveTheStatedDatasets() async throws {
        let directory = fixtures ?? ""
        let manifest = try StructuredValue(
            json: Array(try Data(contentsOf: URL(fileURLWithPath: "\(directory)/manifest.json"))), options: [.allowNaN])
        let butler = try await DirectButler.open(
            "\(directory)/hsc-rc2", environment: ConfigurationEnvironment(variables: [:]))
        var compared = 0
        for query in manifest["repos"]?["hsc-rc2"]?["queries"]?.arrayValue ?? [] {
            guard let arguments = query["args"], let type = arguments["dataset_type"]?.stringValue,
                let collections = arguments["collections"]?.stringValue
            else { continue }
            let refs = try await butler.queryDatasets(
                type, collections: [collections], findFirst: arguments["find_first"]?.boolValue ?? true,
                where: arguments["where"]?.stringValue ?? "")
            #expect(
                refs.map(\.id.description).sorted() == query["ids"]?.arrayValue?.compactMap(\.stringValue),
                "\(query["name"]?.stringValue ?? "")")
            compared += 1
        }
        #expect(compared >= 5)
        try await butler.close()
    }
}
