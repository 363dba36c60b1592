import ButlerModel
import Database
import QueryModel
import Registry
import StructuredData
import Testing

@testable import ButlerServer
@testable import Query

/// What is no streamed query has limits too.
@Suite struct LookupLimitTests {
    /// Answers nothing in this life.
    private struct Slow: ServedRepository, QueryExplaining {
        let base: FixtureRepository
        var isSlowToRead = false

        var universe: DimensionUniverse { base.universe }
        var queries: any QueryExecutor { base.queries }
        var explanations: (any QueryExplaining)? { self }
        func hasVisibilityRules() async throws -> Bool { false }
        func acting(for viewer: Viewer) -> any ServedRepository { self }

        func read<Result: Sendable>(
            _ body: @escaping @Sendable (any RepositoryView) throws -> Result
        ) async throws -> Result {
            if isSlowToRead { try await Task.sleep(for: .seconds(1000)) }
            return try await base.read(body)
        }

        func explain(
            _ request: QueryRequest, _ result: ResultSpecification, analyzes: Bool
        ) async throws -> QueryExplanation {
            QueryExplanation(
                tree: "", plan: "", rewrittenPlan: "", sql: "", databasePlan: [], analysis: nil)
        }

        func diagnoseNoRows(_ request: QueryRequest) async throws -> [String] {
            try await Task.sleep(for: .seconds(1000))
            return []
        }
    }

    private static let setup = ServerSetup(queries: QueryLimits(stream: .init(time: .milliseconds(100))))

    @Test func explanationsEnd() async throws {
        let repository = Slow(base: try FixtureRepository(directory: "/nowhere"))
        try await withServer(Self.setup, repository: repository) { client, _ async throws in
            let answer = try await client.post("ui/explain", ["kind": "data_ids", "names": ["detector"]])
            #expect(answer.status == 422)
            #expect(try answer.json()["error_type"] == "query_limit")
        }
    }

    private static let search: StructuredMapping = [
        "collection_types": [1, 2, 3, 4], "flatten_chains": false, "include_chains": true, "include_parents": false,
        "include_summary": false, "include_doc": false, "summary_datasets": nil,
    ]

    @Test func lookupsOfManyThingsEnd() async throws {
        let repository = Slow(base: try FixtureRepository(directory: "/nowhere"), isSlowToRead: true)
        try await withServer(Self.setup, repository: repository) { client, _ async throws in
            var collections = Self.search
            collections["expression"] = ["*"]
            let ids: StructuredValue = ["dataset_ids": [.string("\(FixtureRepository.whole)")]]
            for (path, body) in [
                ("query_collection_info", .object(collections)), ("query_dataset_types", ["search": ["*"]]),
                ("datasets", ids), ("file_transfer", ids), ("ui/query", ["kind": "data_ids", "names": ["detector"]]),
            ] as [(String, StructuredValue)] {
                let answer = try await client.post(path, body)
                #expect(answer.status == 422, "\(path)")
                #expect(try answer.json()["error_type"] == "query_limit")
            }
        }
    }

    @Test func thereMayNotBeManyWildcards() async throws {
        try await withServer { client async throws in
            for (count, status) in [(100, 200), (101, 422)] {
                let globs = StructuredValue.strings((0..<count).map { "*\($0)" } + ["run/a"])
                var collections = Self.search
                collections["expression"] = globs
                let found = try await client.post("query_collection_info", .object(collections))
                #expect(found.status == status)
                let types = try await client.post("query_dataset_types", ["search": globs])
                #expect(types.status == status)
            }
        }
    }

    @Test func placesInBodiesAreStepByStep() async throws {
        try await withServer { client async throws in
            var collections = Self.search
            (collections["expression"], collections["collection_types"]) = (["run/a"], [1, 9])
            let answer = try await client.post("query_collection_info", .object(collections))
            let location = try answer.json()["detail"]?.arrayValue?.first?["loc"]
            #expect(location == ["body", "collection_types", 1])
        }
    }
}
