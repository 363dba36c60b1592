import ButlerModel
import DatabaseSupport
import QueryModel
import Registry
import TestSupport
import Testing

@testable import Query

/// Each rule changes the plans that it is for, as the lines show that it takes away and adds, and no others.
@Suite struct RewritingTests {
    /// The lines of the plan that a rule takes away (`-`) and adds (`+`); empty when it does not apply.
    private func change(
        _ repository: QueryRepository, _ prepared: Prepared,
        by rule: @escaping @Sendable (RegistrySnapshot) -> any RewriteRule
    ) async throws -> String {
        let (before, after) = try await repository.registry.read { snapshot in
            let session = try QuerySession(snapshot, prepared.request)
            let plan = try session.unrewrittenPlan(prepared.request.tree, prepared.result)
            return (plan.description, try rule(snapshot).apply(to: plan).description)
        }
        let (old, new) = (before.split(separator: "\n"), after.split(separator: "\n"))
        let removed = old.filter { !new.contains($0) }.map { "- \($0)" }
        let added = new.filter { !old.contains($0) }.map { "+ \($0)" }
        return (removed + added).joined(separator: "\n")
    }

    // MARK: FindFirstByAbsence

    @Test func aSearchWhoseDatasetsNothingReadsIsFoundByAbsence() async throws {
        let repository = try await QueryRepository.shared.value
        let path = "[imported_g, imported_r]"
        for query in [
            TestQuery.where(), .where("raft = 'A'"), .where("visit = 1", id: cam1),
            .where(joining: [("calexp", ["run1"])]),
        ] {
            let prepared = try await repository.datasets("bias", ["chain"], query)
            let lines = try await change(repository, prepared) { _ in FindFirstByAbsence() }
            #expect(
                lines.replacing(" (summaries rule out 1 more)", with: "") == """
                    - join datasets 'bias' in \(path) for dataset_id, run
                    - first 'bias' of imported_g, imported_r, by ranking all rows of a data ID
                    + join datasets 'bias' in \(path) for dataset_id, run, only where no earlier collection has one
                    + first 'bias' of imported_g, imported_r, by looking that no earlier collection has one
                    """, "\(query.expression)")
        }
    }

    @Test func searchesThatNeedRankingOrNoneStayAsTheyAre() async throws {
        let repository = try await QueryRepository.shared.value
        let cases: [(Prepared, reason: String)] = [
            (try await repository.datasets("bias", ["imported_g"]), "one collection"),
            (try await repository.datasets("bias", ["empty", "imported_g", "run1"]), "one collection is left"),
            (try await repository.datasets("bias", ["chain"], .where(findFirst: false)), "all are wanted"),
            (try await repository.datasets("bias", ["chain"], .where("run = 'imported_r'")), "the run is read"),
            (
                try await repository.datasets("bias", ["chain"], .where("ingest_date > T'2020-01-01'")),
                "the date is read"
            ),
            (try await repository.datasets("bias", ["calib", "chain"], .where("exposure = 1", id: cam1)), "ranges"),
            (
                try await repository.general(["instrument"], ["bias.run"], .where(joining: [("bias", ["chain"])])),
                "fewer dimensions than the type"
            ),
        ]
        for (prepared, reason) in cases {
            #expect(try await change(repository, prepared) { _ in FindFirstByAbsence() } == "", "\(reason)")
        }
    }

    @Test func longPathsAreRanked() async throws {
        let repository = try await QueryRepository.make()
        try await repository.registry.write { writer in
            for number in 0..<17 {
                try writer.registerCollection("r\(number)", type: .run)
                try QueryRepository.insert(writer, "bias", "r\(number)", [["instrument": "Cam1", "detector": 1]])
            }
        }
        for (count, applies) in [(16, true), (17, false)] {
            let prepared = try await repository.datasets("bias", (0..<count).map { "r\($0)" })
            #expect(try await change(repository, prepared) { _ in FindFirstByAbsence() }.isEmpty != applies)
            #expect(try await repository.rows(prepared) == ["bias@r0{1}"])
        }
    }

    // MARK: CollectionsByName

    @Test func onlyTheCollectionsThatAConditionNamesAreSearched() async throws {
        let repository = try await QueryRepository.shared.value
        for (expression, fields) in [
            ("run = 'imported_r'", "dataset_id, run"), ("'imported_r' = collection", "collection, dataset_id, run"),
            ("run IN ('imported_r', 'nowhere')", "dataset_id, run"),
        ] {
            let prepared = try await repository.datasets("bias", ["chain"], .where(expression))
            let lines = try await change(repository, prepared) { _ in CollectionsByName() }
            #expect(
                lines.replacing(" (summaries rule out 1 more)", with: "") == """
                    - join datasets 'bias' in [imported_g, imported_r] for \(fields)
                    - first 'bias' of imported_g, imported_r, by ranking all rows of a data ID
                    + join datasets 'bias' in [imported_r] for \(fields)
                    """, "\(expression)")
        }
    }

    @Test func conditionsThatNameNoneOrAllOfThemLeaveTheSearch() async throws {
        let repository = try await QueryRepository.shared.value
        for (path, expression) in [
            (["chain"], "run != 'imported_g'"), (["chain"], "run = 'imported_r' OR detector = 1"),
            (["chain"], "run = 'x'"),
            (["chain"], "NOT run = 'imported_g'"), (["chain"], "GLOB(run, 'imported_r')"),
            (["chain"], "run IN ('imported_g', 'imported_r')"),
            // The run of a tagged dataset is not the collection.
            (["tag", "chain"], "run = 'imported_g'"),
        ] {
            let prepared = try await repository.datasets("flat", path, .where(expression, id: cam1))
            #expect(try await change(repository, prepared) { _ in CollectionsByName() } == "", "\(expression)")
        }
    }

    // MARK: ExistenceWithoutDistinct

    @Test func existenceIsJoinedDirectlyWhereRowsBecomeUniqueAnyway() async throws {
        let repository = try await QueryRepository.shared.value
        let joins: [(type: String, path: [String])] = [("bias", ["chain2"])]
        let distinct = try await repository.dataIDs(["instrument"], .where(id: cam1, joining: joins))
        #expect(
            try await change(repository, distinct) { _ in ExistenceWithoutDistinct() } == """
                - join datasets 'bias' in [imported_r, imported_g]
                + join datasets 'bias' in [imported_r, imported_g], repeating those in several collections
                """)
        let given = try await repository.dataIDs(["detector"], .where(id: cam1, joining: joins))
        #expect(try await change(repository, given) { _ in ExistenceWithoutDistinct() } == "")
        let one = try await repository.dataIDs(["instrument"], .where(id: cam1, joining: [("bias", ["imported_g"])]))
        #expect(try await change(repository, one) { _ in ExistenceWithoutDistinct() } == "")
    }

    // MARK: KeysFromMemory

    @Test func bandsComeFromMemoryWhereOnlyTheirKeysAreWanted() async throws {
        let repository = try await QueryRepository.shared.value
        let prepared = try await repository.dataIDs(["visit"], .where("visit > 0", id: cam1))
        #expect(
            try await change(repository, prepared) { _ in KeysFromMemory() } == """
                - join records of physical_filter for keys
                + band from records of physical_filter in memory
                """)
        for (kept, reason) in [
            (try await repository.dataIDs(["visit"], .where("band = 'g'", id: cam1)), "a condition reads the band"),
            (try await repository.dataIDs(["visit"], .where(id: cam1, order: ["band"])), "the order reads it"),
            (try await repository.dataIDs(["band"], .where("visit > 0", id: cam1)), "rows become unique by it"),
            (try await repository.dataIDs(["physical_filter"], .where(id: cam1)), "nothing else gives the filter"),
        ] {
            #expect(try await change(repository, kept) { _ in KeysFromMemory() } == "", "\(reason)")
        }
    }

    // MARK: DatasetsByIndex

    @Test func tablesThatGiveKeysOfDatasetsAreReadBeforeThem() async throws {
        let repository = try await QueryRepository.shared.value
        let prepared = try await repository.datasets("calexp", ["run1"], .where("visit = 1", id: cam1))
        let lines = try await change(repository, prepared) { snapshot in
            DatasetsByIndex { snapshot.cachedRecords.records(of: $0)?.count }
        }
        #expect(lines.contains("+ join in this order"))
        #expect(lines.contains("+ join records of detector for keys"))
        let unknown = try await change(repository, prepared) { _ in DatasetsByIndex { _ in nil } }
        #expect(unknown == "")
        let many = try await change(repository, prepared) { _ in DatasetsByIndex { _ in 1_000_000 } }
        #expect(many == "")
    }

    // MARK: OrderByIndex

    @Test func datasetsAreWalkedInTheOrderOfAnIndex() async throws {
        let repository = try await QueryRepository.shared.value
        for order in [["detector"], ["-detector"], ["instrument", "detector"], ["-detector", "ingest_date"]] {
            for expression in ["", "detector > 1"] {
                let prepared = try await repository.datasets(
                    "bias", ["chain"], .where(expression, id: cam1, order: order))
                try await repository.registry.read { snapshot in
                    let session = try QuerySession(snapshot, prepared.request)
                    let sorted = try Rewriting.apply(
                        to: try session.unrewrittenPlan(prepared.request.tree, prepared.result), snapshot)
                    let walked = try OrderByIndex(snapshot).apply(to: sorted)
                    #expect(walked.description.contains("along an index"), "\(order)")
                    // So few are sorted. PostgreSQL is left to choose.
                    #expect(sorted.description.contains("along an index") == TestDatabase.isPostgreSQL)
                    let plan = try snapshot.connection.plan(of: try session.statement(walked).rows().sql)
                    #expect(plan[0].contains("fkidx_instrument_detector") || TestDatabase.isPostgreSQL, "\(plan)")
                    #expect(!plan.contains { $0.hasSuffix("USE TEMP B-TREE FOR ORDER BY") }, "\(plan)")
                    let rows = try Self.rows(walked, prepared.result, session, sorts: false)
                    #expect(try rows == Self.rows(sorted, prepared.result, session, sorts: false))
                    #expect(rows.count > 1)
                }
            }
        }
    }

    @Test func ordersThatNoIndexHasAreSorted() async throws {
        let repository = try await QueryRepository.shared.value
        let cases: [(TestQuery, reason: String)] = [
            (.where(id: cam1), "no order"), (.where(order: ["detector"]), "the instrument comes first in the index"),
            (.where(order: ["-instrument", "detector"]), "two directions"),
            (.where(id: cam1, order: ["ingest_date", "detector"]), "not a key first"),
            (.where("raft = 'A'", id: cam1, order: ["detector"]), "something else restricts"),
            (.where("ingest_date > T'2020-01-01'", id: cam1, order: ["detector"]), "datasets are restricted"),
        ]
        for (query, reason) in cases {
            let prepared = try await repository.datasets("bias", ["chain"], query)
            try await repository.registry.read { snapshot in
                let session = try QuerySession(snapshot, prepared.request)
                let plan = try session.plan(prepared.request.tree, prepared.result)
                #expect(try OrderByIndex(snapshot).apply(to: plan).description == plan.description, "\(reason)")
            }
        }
    }

    // MARK: FirstCollectionApart

    @Test func theFirstCollectionIsReadByItselfWhereManyRowsAreLookedUp() async throws {
        let repository = try await QueryRepository.shared.value
        for (query, isApart) in [
            (TestQuery.where(), true), (.where("instrument = 'Cam1'"), true), (.where(limit: 3), true),
            (.where("detector = 2", id: cam1), false), (.where(id: cam1, order: ["detector"]), false),
            (.where(findFirst: false), false),
        ] {
            let prepared = try await repository.datasets("bias", ["chain"], query)
            try await repository.registry.read { snapshot in
                let session = try QuerySession(snapshot, prepared.request)
                let start = FindFirstByAbsence().apply(
                    to: try session.unrewrittenPlan(prepared.request.tree, prepared.result))
                let plan = try FirstCollectionApart { _ in true }.apply(to: start)
                #expect(plan.description.contains("those of the first collection before the others") == isApart)
                let sql = try session.statement(plan).rows().sql
                #expect(try snapshot.connection.dialect.text(of: sql).contains(" UNION ALL ") == isApart)
                let found = try Self.rows(plan, prepared.result, session)
                let expected = try Self.rows(start, prepared.result, session)
                #expect(query.limit == nil ? found == expected : found.count == expected.count)
                #expect(try FirstCollectionApart { _ in false }.apply(to: start).description == start.description)
            }
        }
    }

    // MARK: Random queries

    /// The rows of a plan, as the result's writer makes them.
    private static func rows(
        _ plan: LogicalPlan, _ result: ResultSpecification, _ session: QuerySession, sorts: Bool = true
    ) throws -> [String] {
        let cursor = try session.open(plan)
        let pages = ResultPages(cursor, try ModelRows(result, cursor.layout, session.snapshot))
        var rows: [String] = []
        while let page = try pages.nextPage() { rows += page.texts }
        return sorts ? rows.sorted() : rows
    }

    private static let conditions = [
        "detector > 1", "raft = 'A'", "band = 'r'", "NOT detector = 2", "exposure = 1", "visit = 2", "visit IN (1, 2)",
        "detector = 3 OR raft = 'A'", "GLOB(full_name, '?b')", "detector IN (1..3:2)", "physical_filter = 'Cam1-R1'",
        "visit_detector_region.region OVERLAPS POINT(10, 0.05)", "detector = 2",
    ]
    private static let datasetConditions = [
        "run = 'imported_r'", "collection != 'imported_g'", "ingest_date > T'2020-01-01'",
        "run IN ('imported_g', 'run1')",
        "run != 'x' AND collection = 'imported_g'",
    ]

    private static func random(
        _ repository: QueryRepository, _ random: inout SeededGenerator
    ) async throws -> Prepared {
        func chance() -> Bool { Bool.random(using: &random) }
        let collections = ["imported_g", "imported_r", "empty", "chain", "chain2", "tag", "run1", "nested"]
        let path = Array(collections.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random)))
        let type = ["bias", "flat", "calexp"][Int.random(in: 0..<3, using: &random)]
        var query = TestQuery.where(id: chance() ? cam1 : [:], defaults: cam1)
        var parts = Array(conditions.shuffled(using: &random).prefix(Int.random(in: 0...2, using: &random)))
        if chance() { parts += datasetConditions.shuffled(using: &random).prefix(1) }
        query.expression = parts.map { "(\($0))" }.joined(separator: " AND ")
        if chance() {
            query.uploads = [
                (
                    .init(key: DatasetID(high: 0, low: 1), dimensions: try repository.universe.group(["detector"])),
                    [["Cam1", 1], ["Cam1", 2], ["Cam1", 4]]
                )
            ]
        }
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            let orders = [[], ["detector"], ["instrument", "detector"], ["-detector"], ["-instrument", "-detector"]]
            // Orders are followed where nothing else restricts the datasets.
            if chance() { (query.expression, query.uploads, query.id) = ("", [], cam1) }
            query.order = orders[Int.random(in: 0..<orders.count, using: &random)]
            return try await repository.datasets(type, path, query)
        case 1:
            query.joins = [(type, path)]
            let names = [
                ["detector", "visit"], ["detector"], ["instrument"], ["physical_filter"], ["visit"], ["exposure"], [],
            ]
            return try await repository.dataIDs(names[Int.random(in: 0..<names.count, using: &random)], query)
        default:
            query.joins = [(type, path)]
            query.findFirst = chance()
            let fields = DatasetField.allCases.filter { $0 != .timespan }.shuffled(using: &random).prefix(2)
            let names = [
                ["detector", "physical_filter", "visit"], ["detector", "physical_filter", "visit", "exposure"],
            ]
            return try await repository.general(
                names[Int.random(in: 0..<2, using: &random)], fields.map { "\(type).\($0.rawValue)" }, query)
        }
    }

    @Test func rowsAreTheSameWithAndWithoutTheRules() async throws {
        let repository = try await QueryRepository.shared.value
        var random = SeededGenerator(seed: 11)
        var applied: [String: Int] = [:]
        for _ in 0..<600 {
            guard let prepared = try? await Self.random(repository, &random) else { continue }
            let names = try await repository.registry.read { snapshot -> [String] in
                let session = try QuerySession(snapshot, prepared.request)
                guard let plan = try? session.unrewrittenPlan(prepared.request.tree, prepared.result) else { return [] }
                let rules: [any RewriteRule] = [
                    CollectionsByName(), FindFirstByAbsence(), ExistenceWithoutDistinct(), KeysFromMemory(),
                    DatasetsByIndex { snapshot.cachedRecords.records(of: $0)?.count }, OrderByIndex(snapshot),
                    FirstCollectionApart { _ in true },
                ]
                let expected = try Self.rows(plan, prepared.result, session)
                func count(_ plan: LogicalPlan) throws -> Int64? {
                    try snapshot.connection.fetchOne(try session.statement(plan).count()) { try $0.int(0) }
                }
                var names: [String] = []
                for rule in rules {
                    var start = plan
                    // The order of joins comes first where an order of rows may follow from it.
                    if rule is OrderByIndex { start = try rules[4].apply(to: plan) }
                    if rule is FirstCollectionApart { start = try rules[1].apply(to: plan) }
                    let changed = try rule.apply(to: start)
                    guard changed.description != start.description else { continue }
                    names.append("\(Swift.type(of: rule))")
                    #expect(
                        try Self.rows(changed, prepared.result, session) == expected, "\(rule)\n\(plan)\n\n\(changed)")
                    #expect(try count(changed) == count(plan), "\(rule)\n\(plan)\n\n\(changed)")
                }
                let all = try Rewriting.apply(to: plan, snapshot)
                #expect(try Self.rows(all, prepared.result, session) == expected, "\(plan)\n\n\(all)")
                #expect(try count(all) == count(plan), "\(plan)\n\n\(all)")
                return names
            }
            for name in names { applied[name, default: 0] += 1 }
        }
        #expect(applied.count == 7)
        #expect(applied.values.allSatisfy { $0 >= 10 }, "\(applied)")
    }
}

extension OrderByIndex {
    /// The rule as it is for tables of any size.
    fileprivate init(_ snapshot: RegistrySnapshot) {
        self.init(
            indexes: { try snapshot.connection.indexes(of: $0) }, rowCount: { _ in .max }, hasDatasets: { _, _ in true })
    }
}

extension ResultPage {
    fileprivate var texts: [String] {
        switch self {
        case .dataCoordinates(let rows): rows.map(\.description)
        case .dimensionRecords(let rows): rows.map { "\($0.values)" }
        case .datasetRefs(let rows): rows.map(\.description)
        case .general(let rows): rows.map { "\($0.values)" }
        }
    }
}
