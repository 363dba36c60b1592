import ArgumentParser
import Butler
import ButlerModel
import Query
import QueryModel
import Registry
import StructuredData

/// `steward butler explain`, which Rubin's `butler` does not have.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Shows how a query is answered: every stage, the SQL, and the database's own plan.",
        discussion: """
            steward butler explain REPO datasets calexp --collections HSC/defaults --where "visit > 5"
            steward butler explain REPO data-ids visit detector --where "instrument = 'HSC'"
            steward butler explain REPO dimension-records visit

            If the query has no rows, the last section says why.
            """)

    /// What the rows of the result are.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case datasets, dataIDs = "data-ids", dimensionRecords = "dimension-records"
    }

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "What to query: \(Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
    var kind: Kind

    @Argument(help: ArgumentHelp("A dataset type, dimensions, or a dimension element.", valueName: "name"))
    var names: [String]

    @Option(
        name: .customLong("datasets"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Dataset types that data IDs or records must have in the collections.", valueName: "types"))
    var datasetArguments: [String] = []

    @Option(
        name: .customLong("collections"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Collections to search, in this order.", valueName: "names"))
    var collectionArguments: [String] = []

    @Option(
        name: .customLong("where"), parsing: .unconditional,
        help: ArgumentHelp("Expression that the rows must satisfy.", valueName: "expression"))
    var expression = ""

    @Flag(
        name: .customLong("find-first"), inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Only the first dataset of each data ID.")
    var findsFirst = true

    @Option(
        name: .customLong("order-by"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Columns to order by; '-' before a name reverses the order.", valueName: "names"))
    var orderArguments: [String] = []

    @Option(parsing: .unconditional, help: ArgumentHelp("The most rows.", valueName: "number"))
    var limit: Int?

    @Flag(help: "With dimension records.")
    var withDimensionRecords = false

    @Flag(help: "Run the statement too, and step through its rows without reading them.")
    var analyze = false

    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let opened = try await DirectButler.open(repository.repository)
        let (request, result) = try await query(opened)
        let explanation = try await opened.registry.explain(request, result, analyzes: analyze)
        let reasons = try await opened.registry.diagnoseNoRows(request)
        var output = CommandOutput()
        switch format.format {
        case .json: try output.line(explanation.document(expression: expression, reasons: reasons).description)
        case .table: try output.line(try text(explanation, reasons))
        }
        try output.flush()
    }

    private func query(_ opened: DirectButler) async throws -> (QueryRequest, ResultSpecification) {
        let collections = CommaSeparated.values(collectionArguments)
        let searched = CommaSeparated.values(datasetArguments) + (kind == .datasets ? names : [])
        let universe = opened.universe
        let (types, names, kind) = (
            try await opened.registry.read { snapshot in try searched.map { try snapshot.datasetType($0) } },
            names, kind
        )
        var builder = TreeBuilder(universe)
        for type in types { try builder.join(type, in: collections) }
        let result: ResultSpecification
        switch kind {
        case .datasets:
            guard let type = types.last, names.count == 1 else {
                throw UsageFailure("explain datasets takes one dataset type, not \(names.count).")
            }
            result = ResultSpecification(
                .datasetRefs(
                    .init(
                        datasetType: type.name, dimensions: type.dimensions, storageClass: type.storageClass,
                        withRecords: withDimensionRecords, findFirst: findsFirst)))
        case .dataIDs:
            result = ResultSpecification(
                .dataCoordinates(try universe.group(names), withRecords: withDimensionRecords))
        case .dimensionRecords:
            guard names.count == 1 else {
                throw UsageFailure("explain dimension-records takes one dimension element, not \(names.count).")
            }
            result = .records(of: try universe.requireElement(names[0]), in: universe)
        }
        builder.join(result.dimensions)
        let context = IdentifierContext(
            dimensions: kind == .dataIDs ? builder.dimensions : result.dimensions,
            datasets: builder.datasets.map(\.datasetType))
        try builder.filter(try Predicate(expression, in: context))
        var ordered = result
        ordered.order = try CommaSeparated.values(orderArguments).map { try OrderTerm($0, in: context) }
        ordered.limit = limit
        return (QueryRequest(try builder.tree()), ordered)
    }

    private func text(_ explanation: QueryExplanation, _ reasons: [String]) throws -> String {
        var sections: [(String, String)] = []
        if let syntax = try ExpressionSyntax.parse(expression) { sections.append(("Expression", "\(syntax)")) }
        sections.append(("Query", explanation.tree))
        sections.append(("Plan", explanation.plan))
        sections.append(
            (
                "Plan after rewriting",
                explanation.rewrittenPlan == explanation.plan ? "the same" : explanation.rewrittenPlan
            ))
        sections.append(("SQL", explanation.sql))
        sections.append(("Plan of the database", explanation.databasePlan.joined(separator: "\n")))
        if let analysis = explanation.analysis {
            sections.append(
                (
                    "Run",
                    "\(analysis.rows) rows in \(analysis.duration.formatted(.milliseconds)), the first after "
                        + "\(analysis.timeToFirstRow.formatted(.milliseconds))"
                ))
        }
        if !reasons.isEmpty { sections.append(("No rows, because", reasons.joined(separator: "\n"))) }
        return sections.map { title, body in
            "\(title):\n" + body.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }
}

extension Duration {
    fileprivate enum Unit { case milliseconds }

    fileprivate func formatted(_ unit: Unit) -> String {
        let tenths = Int((seconds * 10_000).rounded())
        return "\(tenths / 10).\(tenths % 10) ms"
    }

    fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

extension QueryExplanation {
    /// The explanation as one JSON object, for programs.
    fileprivate func document(expression: String, reasons: [String]) -> StructuredValue {
        var members: StructuredMapping = [
            "where": .string(expression), "query": .string(tree), "plan": .string(plan),
            "rewritten_plan": .string(rewrittenPlan), "sql": .string(sql),
            "database_plan": .array(databasePlan.map { .string($0) }),
            "no_rows_because": .array(reasons.map { .string($0) }),
        ]
        if let analysis {
            members["rows"] = .int(Int64(analysis.rows))
            members["seconds"] = .float(analysis.duration.seconds)
            members["seconds_to_first_row"] = .float(analysis.timeToFirstRow.seconds)
        }
        return .object(members)
    }
}
