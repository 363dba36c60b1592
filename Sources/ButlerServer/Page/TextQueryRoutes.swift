import ButlerModel
import Hummingbird
import Query
import QueryModel
import Serving
import StructuredData

/// Queries by text, for the page.
extension ButlerRoutes {
    func addTextQueries(to routes: ServiceRoutes) {
        add("ui/query", [.post], to: routes) { call in
            try await resolving(call) { resolved, _ in
                switch resolved {
                case .single(let request, let result):
                    try await stream(call) { call.repository.queries.lines(request, result) }
                case .allDatasets(let request):
                    try await stream(call) { call.repository.queries.lines(request) }
                }
            }
        }

        add("ui/explain", [.post], to: routes) { call in
            try await resolving(call) { resolved, analyzes in
                guard let explanations = call.repository.explanations else {
                    throw HTTPFailure(.forbidden, "This server does not show how it answers queries.")
                }
                guard case .single(let request, let result) = resolved else {
                    throw ButlerError(
                        .invalidQuery, "Name one dataset type and collections without wildcards to see how it is found.")
                }
                let (explanation, reasons) = try await queries.run(call) {
                    (
                        try await explanations.explain(request, result, analyzes: analyzes),
                        try await explanations.diagnoseNoRows(request)
                    )
                }
                return .json(.object(explanation.document(reasons)))
            }
        }
    }

    /// Decodes a query and gives its names their meaning. What is wrong with an expression is told with its place.
    private func resolving(
        _ call: Call, _ answer: (TextQuery.Resolved, Bool) async throws -> Response
    ) async throws -> Response {
        let (query, analyzes) = try await call.request.decoded(limit: 1 << 20) { fields throws(ButlerError) in
            (try TextQuery(fields), try fields.optionalFlag("analyze"))
        }
        do {
            let universe = call.repository.universe
            let resolved = try await queries.lookup(call) { try query.resolve($0, universe) }
            return try await answer(resolved, analyzes)
        } catch let error as ButlerError where error.kind != .malformedModel {
            return .json(.object(Self.document(error, in: query.expression)), status: .unprocessableContent)
        }
    }

    /// `error_type` and `detail` as everywhere, and the detail in parts: `message`, `excerpt` (the line of the expression
    /// and a caret under the place), and for a syntax error `line`, `column` and `offset` in UTF-8.
    private static func document(_ error: ButlerError, in expression: String) -> StructuredMapping {
        var members: StructuredMapping = [
            "error_type": .string(error.kind.rawValue), "detail": .string(error.message),
        ]
        // The message can quote an expression of several lines; the excerpt is the last two.
        let lines = error.message.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.count > 2, lines.last?.allSatisfy({ $0.isWhitespace || $0 == "^" }) == true {
            members["message"] = .string(lines.dropLast(2).joined(separator: " "))
            members["excerpt"] = .string(lines.suffix(2).joined(separator: "\n"))
        } else {
            members["message"] = .string(error.message)
        }
        do {
            _ = try ExpressionSyntax.parse(expression)
        } catch {
            let place = ExpressionExcerpt(of: expression, at: error.offset).position
            members["line"] = .int(Int64(place.line))
            members["column"] = .int(Int64(place.column))
            members["offset"] = .int(Int64(error.offset))
        }
        return members
    }
}

extension QueryExplanation {
    fileprivate func document(_ reasons: [String]) -> StructuredMapping {
        var members: StructuredMapping = [
            "query": .string(tree), "plan": .string(plan), "rewritten_plan": .string(rewrittenPlan),
            "sql": .string(sql), "database_plan": .strings(databasePlan), "no_rows_because": .strings(reasons),
        ]
        if let analysis {
            members["rows"] = .int(Int64(analysis.rows))
            members["seconds"] = .float(analysis.duration / .seconds(1))
            members["seconds_to_first_row"] = .float(analysis.timeToFirstRow / .seconds(1))
        }
        return members
    }
}
