import ButlerModel
import Database
public import QueryModel
public import Registry

/// How a query is answered, stage by stage.
public struct QueryExplanation: Sendable {
    /// The query and its result, as the planner got them.
    public let tree: String
    /// The plan before and after rewriting; the same text when no rule applies.
    public let plan: String
    public let rewrittenPlan: String
    /// The statement with its values, which the database would take as it is. Rows that come with the query are in
    /// temporary tables `query_input_1` and so on.
    public let sql: String
    /// The database's own plan.
    public let databasePlan: [String]
    /// What running the statement gave, if it was run.
    public let analysis: Analysis?

    public struct Analysis: Sendable {
        /// Rows of the statement, before filters.
        public let rows: Int
        /// How long the database took to step through them, without reading any column.
        public let duration: Duration
        /// How long until it had the first.
        public let timeToFirstRow: Duration
    }
}

extension Registry {
    /// Explains how a query is answered.
    /// - Parameter analyzes: whether to run the statement and step through all its rows.
    /// - Throws: `ButlerError` for what is wrong with the query.
    public func explain(
        _ request: QueryRequest, _ result: ResultSpecification, analyzes: Bool = false
    ) async throws -> QueryExplanation {
        try await read { snapshot in
            return try Self.explain(try QuerySession(snapshot, request), request.tree, result, analyzes)
        }
    }

    /// Explains how a query stated in steps is answered, likewise.
    public func explain(
        _ result: ResultDefinition, _ context: QueryContext, analyzes: Bool = false
    ) async throws -> QueryExplanation {
        try await read { snapshot in
            let (session, query) = try QuerySession.resolving(result, context, snapshot)
            return try Self.explain(session, query.tree, query.result, analyzes)
        }
    }

    private static func explain(
        _ session: QuerySession, _ tree: QueryTree, _ result: ResultSpecification, _ analyzes: Bool
    ) throws -> QueryExplanation {
        let snapshot = session.snapshot
        guard !snapshot.isFiltered else {
            // Statements and their times tell of all datasets.
            throw ButlerError(
                .invalidQuery, "How queries are answered is shown only to those who may see all of the repository.")
        }
        let plan = try session.unrewrittenPlan(tree, result)
        let rewritten = try Rewriting.apply(to: plan, snapshot)
        let sql = try session.statement(rewritten).rows().sql
        let connection = snapshot.connection
        return QueryExplanation(
            tree: tree.summary(result), plan: plan.description, rewrittenPlan: rewritten.description,
            sql: try connection.dialect.text(of: sql), databasePlan: try session.run { try $0.plan(of: sql) },
            analysis: analyzes ? try analyze(sql, connection) : nil)
    }

    private static func analyze(
        _ sql: SQL, _ connection: any DatabaseConnection
    ) throws -> QueryExplanation.Analysis {
        let clock = ContinuousClock()
        let start = clock.now
        let cursor = try connection.cursor(sql)
        defer { cursor.finish() }
        var rows = 0
        var first = start
        while try cursor.step() {
            if rows == 0 { first = clock.now }
            rows += 1
        }
        return .init(rows: rows, duration: clock.now - start, timeToFirstRow: (rows == 0 ? clock.now : first) - start)
    }
}

extension QueryTree {
    /// The tree in words, with the result asked of it.
    fileprivate func summary(_ result: ResultSpecification) -> String {
        var lines = ["dimensions \(dimensions.names.joined(separator: ", "))"]
        for search in datasets {
            lines.append("datasets '\(search.datasetType)' in [\(search.collections.joined(separator: ", "))]")
        }
        for rows in uploads { lines.append("uploaded data IDs of \(rows.dimensions)") }
        for rows in materializations { lines.append("materialized rows of \(rows.dimensions)") }
        lines.append("where \(predicate)")
        switch result.kind {
        case .dataCoordinates(let group, _): lines.append("result: data IDs of \(group)")
        case .dimensionRecords(let element, _): lines.append("result: records of \(element)")
        case .datasetRefs(let refs):
            lines.append("result: datasets '\(refs.datasetType)'\(refs.findFirst ? ", the first of each data ID" : "")")
        case .general(let general):
            lines.append("result: \(general.columns.map(\.description).joined(separator: ", "))")
        }
        return lines.joined(separator: "\n")
    }
}
