import AsyncAlgorithms
import ButlerModel
import Hummingbird
import Query
import QueryModel
import Serving
import StructuredData

/// Queries. Source: remote Butler protocol reference, sections 7 and 8.
extension ButlerRoutes {
    private static let keepAliveInterval = Duration.seconds(15)
    private static let keepAliveLine = Array("{\"type\":\"keep-alive\"}\n".utf8)

    func addQueries(to routes: ServiceRoutes) {
        add("query/execute", [.post], to: routes) { call in
            let (query, result) = try await call.request.decoded(limit: queries.limits.bodyBytes) {
                fields throws(ButlerError) in
                (try fields.body.required("query"), try fields.body.required("result_spec"))
            }
            let universe = call.repository.universe
            return try await stream(call) {
                call.repository.queries.lines(
                    try QueryRequest(wire: query, universe: universe),
                    try QueryRequest.result(wire: result, universe: universe))
            }
        }

        add("query/all_datasets", [.post], to: routes) { call in
            let request = try await call.request.decoded { fields throws(ButlerError) in
                try AllDatasetsRequest(fields)
            }
            return try await stream(call) { call.repository.queries.lines(request) }
        }

        add("query/count", [.post], to: routes) { call in
            let universe = call.repository.universe
            let (request, result, isExact, discards) = try await call.request.decoded(limit: queries.limits.bodyBytes) {
                fields throws(ButlerError) in
                (
                    try QueryRequest(wire: try fields.body.required("query"), universe: universe),
                    try QueryRequest.result(wire: try fields.body.required("result_spec"), universe: universe),
                    try fields.flag("exact"), try fields.flag("discard")
                )
            }
            let count = try await queries.run(call) {
                try await call.repository.queries.count(request, result, isExact: isExact, discards: discards)
            }
            return .json(["count": .int(Int64(count))])
        }

        add("query/any", [.post], to: routes) { call in
            let universe = call.repository.universe
            let (request, executes, isExact) = try await call.request.decoded(limit: queries.limits.bodyBytes) {
                fields throws(ButlerError) in
                (
                    try QueryRequest(wire: try fields.body.required("query"), universe: universe),
                    try fields.flag("execute"), try fields.flag("exact")
                )
            }
            let found = try await queries.run(call) {
                try await call.repository.queries.any(request, executes: executes, isExact: isExact)
            }
            return .json(["found_rows": .bool(found)])
        }

        add("query/explain", [.post], to: routes) { call in
            let universe = call.repository.universe
            let request = try await call.request.decoded(limit: queries.limits.bodyBytes) { fields throws(ButlerError) in
                _ = try fields.flag("execute")
                return try QueryRequest(wire: try fields.body.required("query"), universe: universe)
            }
            let messages = try await queries.run(call) { try await call.repository.queries.reasonsForNoRows(request) }
            return .json(["messages": .strings(messages)])
        }
    }

    /// The lines of a query. Whatever is wrong with it is told in the stream, as clients expect.
    ///
    /// - Throws: `HTTPFailure` 429 or 503 while too many run; `DatabaseError` when the database cannot be reached before
    ///   there is any line, which is looked into first when it could not be last time.
    func stream<Lines: AsyncSequence & Sendable>(
        _ call: Call, _ lines: () throws -> Lines
    ) async throws -> Response where Lines.Element == ResultLine {
        if !call.repository.isReachable { try await call.repository.read { _ in } }
        let permit = try await queries.streams.permit(for: call.requester.user)
        let failure: @Sendable (any Error) -> [UInt8] = { [logger] error in
            let (type, detail) =
                ButlerFailure.parts(of: error)
                ?? ("internal", DatabaseOutage.interruption(of: error) ?? "The server failed to answer the query.")
            if type == "internal" {
                logger.error("query failed", metadata: ["error": "\(error)", "butler_repo": "\(call.served.label)"])
            }
            var writer = JSONWriter(options: .init(escapesLineSeparators: true))
            writer.value(
                .object(["type": "error", "error": .object(["error_type": .string(type), "detail": .string(detail)])]))
            writer.endLine()
            return writer.bytes
        }
        let pages: PermittedPages<Lines>
        do {
            pages = PermittedPages(base: try lines(), permit: permit)
        } catch {
            return try await .jsonLines(
                CollectionOfOne(failure(error)).async, keepAlive: Self.keepAliveLine, every: Self.keepAliveInterval,
                failure: failure)
        }
        return try await .jsonLines(
            queries.measured(pages, call), keepAlive: Self.keepAliveLine, every: Self.keepAliveInterval,
            limits: queries.limits.stream, connection: call.context.connection, refusing: DatabaseOutage.isMeant,
            failure: failure)
    }
}

extension AllDatasetsRequest {
    fileprivate init(_ fields: RequestFields) throws(ButlerError) {
        try fields.requirePresent("limit")
        var bind: [String: BindValue] = [:]
        for (name, member) in try fields.body.required("bind").members() {
            bind[name] = .literal(try QueryLiteral(wire: member))
        }
        self.init(
            collections: try fields.strings("collections"), names: try fields.strings("name"),
            findFirst: try fields.flag("find_first"), dataID: try fields.dataID("data_id"),
            defaults: try fields.optionalDataID("default_data_id"), where: try fields.string("where"), bind: bind,
            limit: try fields.body.optional("limit")?.int(), withRecords: try fields.flag("with_dimension_records"))
    }
}
