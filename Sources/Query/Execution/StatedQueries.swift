import ButlerModel
import Database
import QueryModel
import Registry

/// Queries stated in steps: resolved against the snapshot of the transaction that reads their rows.
extension Registry {
    public func pages(_ result: ResultDefinition, _ context: QueryContext) -> DatabasePages<ResultPage> {
        database.pages { [self] connection in
            let (session, query) = try QuerySession.resolving(result, context, try snapshot(connection))
            let cursor = try session.open(try session.plan(query.tree, query.result))
            return ResultPages(cursor, try ModelRows(query.result, cursor.layout, session.snapshot))
        }
    }

    public func pages(_ request: AllDatasetsRequest, _ context: QueryContext) -> DatabasePages<ResultPage> {
        database.pages { [self] connection in
            let snapshot = try snapshot(connection)
            var request = request
            request.defaults = try snapshot.dataID(of: context.defaults)
            return try AllDatasetsPages(request, snapshot) { try ModelRows($0, $1, $2) }
        }
    }

    public func count(
        _ result: ResultDefinition, _ context: QueryContext, isExact: Bool, discards: Bool
    ) async throws -> Int {
        try await read { snapshot in
            let (session, query) = try QuerySession.resolving(result, context, snapshot)
            return try session.count(query.tree, query.result, isExact: isExact, discards: discards)
        }
    }

    public func any(
        _ result: ResultDefinition, _ context: QueryContext, executes: Bool, isExact: Bool
    ) async throws -> Bool {
        try await read { snapshot in
            let (session, query) = try QuerySession.resolving(result, context, snapshot)
            return try session.any(query.tree, executes: executes, isExact: isExact)
        }
    }

    public func reasonsForNoRows(_ result: ResultDefinition, _ context: QueryContext) async throws -> [String] {
        try await read { snapshot in
            let (session, query) = try QuerySession.resolving(result, context, snapshot)
            return try session.reasonsForNoRows(query.tree)
        }
    }
}

extension QuerySession {
    static func resolving(
        _ result: ResultDefinition, _ context: QueryContext, _ snapshot: RegistrySnapshot
    ) throws -> (QuerySession, ResolvedQuery) {
        let query = try result.resolved(in: SnapshotEnvironment(snapshot: snapshot, context: context))
        let request = QueryRequest(
            query.tree, inputs: query.inputs, defaults: try snapshot.dataID(of: context.defaults))
        return (try QuerySession(snapshot, request), query)
    }
}

/// What names in a query mean in one state of a repository.
private struct SnapshotEnvironment: QueryEnvironment {
    let snapshot: RegistrySnapshot
    let context: QueryContext

    var universe: DimensionUniverse { snapshot.universe }
    var defaultCollections: [String] { context.defaults.collections }

    /// Globs and components are names of no dataset type here.
    func datasetType(_ name: String) throws -> DatasetType {
        do {
            return try snapshot.datasetType(name)
        } catch let error as ButlerError where error.kind == .datasetTypeExpression {
            throw ButlerError(.missingDatasetType, "Dataset type '\(name)' does not exist.")
        }
    }

    func collections(matching patterns: [String]) throws -> [String] {
        try snapshot.collectionInfo(CollectionSearch(patterns)).map(\.name)
    }

    func canConvert(_ storageClass: String, to target: String) throws -> Bool {
        try context.canConvert(storageClass, target)
    }
}
