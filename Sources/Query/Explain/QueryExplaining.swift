public import QueryModel
public import Registry

/// What can tell how a query is answered. The answers show tables and statements: they are for those who may see all of
/// a repository.
public protocol QueryExplaining: Sendable {
    /// The stages of a query. With `analyzes` the statement is run.
    func explain(
        _ request: QueryRequest, _ result: ResultSpecification, analyzes: Bool
    ) async throws -> QueryExplanation

    /// Why a query has no rows, in words to act on; empty when it has some.
    func diagnoseNoRows(_ request: QueryRequest) async throws -> [String]
}

extension Registry: QueryExplaining {}
