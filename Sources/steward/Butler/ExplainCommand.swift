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
            steward butler explain REPO general visit calexp.dataset_id --datasets calexp --collections HSC/defaults

            Names, globs and limits mean what they mean in query-datasets, query-data-ids and query-dimension-records; \
            several dataset types are explained one after the other. If a query has no rows, the last section says why. \
            With --format json each query is one line.
            """)

    /// What the rows of the result are.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case datasets, dataIDs = "data-ids", dimensionRecords = "dimension-records", general
    }

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "What to query: \(Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
    var kind: Kind

    @Argument(
        help: ArgumentHelp(
            "Dataset types or globs of them, dimensions, a dimension element, or dimensions and columns.",
            valueName: "name"))
    var nameArguments: [String]

    @Option(
        name: .customLong("datasets"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Dataset types, or globs of them, that data IDs or records must have in the collections.",
            valueName: "types"))
    var datasetArguments: [String] = []

    @Option(
        name: .customLong("collections"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Collections to search, in this order: names or globs, separated by commas. (default: all)",
            valueName: "names"))
    var collectionArguments: [String] = []

    @Option(
        name: .customLong("where"), parsing: .unconditional,
        help: ArgumentHelp("Expression that the rows must satisfy.", valueName: "expression"))
    var expression = ""

    @Flag(
        name: .customLong("find-first"), inversion: .prefixedNo, exclusivity: .chooseLast,
        help: """
            Only the first dataset of each data ID, in the order of --collections, which then takes names only. \
            (default: if they are names)
            """)
    var findsFirst: Bool?

    @Option(
        name: .customLong("order-by"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Columns to order by; '-' before a name reverses the order.", valueName: "names"))
    var orderArguments: [String] = []

    @Option(parsing: .unconditional, help: ResultLimit.help)
    var limit = ResultLimit(number: 0)

    @Flag(help: "With dimension records.")
    var withDimensionRecords = false

    @Flag(help: "Run the statement too, and step through its rows without reading them.")
    var analyze = false

    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let opened = try await DirectButler.open(repository.repository)
        for (index, query) in try await queries(opened).enumerated() {
            let (explanation, reasons) = try await query.explain(analyze)
            // What is printed is complete, whatever happens to the next query.
            var output = CommandOutput()
            switch format.format {
            case .json:
                let document = try explanation.document(
                    datasetType: query.datasetType, expression: expression, reasons: reasons)
                try output.line(document.description)
            case .table:
                if index > 0 { try output.line() }
                if let name = query.datasetType { try output.line("Dataset type \(name)\n") }
                try output.line(try text(explanation, reasons))
            }
            try output.flush()
        }
    }

    /// A query whose rows are of any kind.
    private struct Explained {
        /// Set if there are several, one for each.
        let datasetType: String?
        let explain: (_ analyzes: Bool) async throws -> (QueryExplanation, reasons: [String])

        init<Row>(_ results: QueryResults<Row>, datasetType: String? = nil) {
            self.datasetType = datasetType
            explain = { (try await results.explain(analyzes: $0), try await results.diagnoseNoResults()) }
        }
    }

    private func queries(_ opened: DirectButler) async throws -> [Explained] {
        let names = CommaSeparated.values(nameArguments)
        let collections = CommaSeparated.values(collectionArguments)
        var query = opened.query
        for pattern in CommaSeparated.values(datasetArguments) {
            let constraint = try await opened.registry.read { try DatasetConstraint(pattern, collections, in: $0) }
            guard !constraint.types.isEmpty else {
                throw ButlerError(.missingDatasetType, "Dataset type '\(pattern)' does not exist.")
            }
            // Where summaries rule all collections out, the query says so.
            query = constraint.types.reduce(query) { query, type in
                let found = constraint.searches.first { $0.type == type.name }?.collections
                return query.joinDatasets(type, in: found ?? constraint.collections)
            }
        }
        switch kind {
        case .datasets: return try await searches(for: names, in: collections, of: query, opened)
        case .dataIDs: return [Explained(withRecords(query.dataIDs(names)))]
        case .dimensionRecords:
            guard let element = names.first, names.count == 1 else {
                throw UsageFailure("explain dimension-records takes one dimension element, not \(names.count).")
            }
            return [Explained(stated(query.dimensionRecords(element)))]
        case .general:
            let dimensions = names.filter { opened.universe.element($0) != nil }
            let columns = names.filter { opened.universe.element($0) == nil }
            return [Explained(withRecords(query.general(dimensions, columns: columns, findFirst: findsFirst)))]
        }
    }

    /// A search for each dataset type.
    private func searches(
        for names: [String], in collections: [String], of query: Query, _ opened: DirectButler
    ) async throws -> [Explained] {
        let hasGlobs = collections.isEmpty || collections.contains { Glob($0) != nil }
        guard findsFirst != true || !hasGlobs else {
            throw UsageFailure("--find-first needs the names of collections in order: give them with --collections.")
        }
        let (types, path) = try await opened.registry.read { snapshot in
            let (types, missing) = try snapshot.datasetTypes(matching: names)
            guard !types.isEmpty, missing.isEmpty else {
                throw ButlerError(
                    .missingDatasetType,
                    "No dataset type matches '\((missing.isEmpty ? names : missing).joined(separator: "', '"))'.")
            }
            guard hasGlobs else { return (types, collections) }
            let search = CollectionSearch(collections.isEmpty ? ["*"] : collections)
            return (types, try snapshot.collectionInfo(search).map(\.name))
        }
        return types.map { type in
            let results = query.datasets(type, in: path, findFirst: findsFirst ?? !hasGlobs)
            return Explained(withRecords(results), datasetType: types.count > 1 ? type.name : nil)
        }
    }

    private func withRecords<Row: RowWithDataID>(_ results: QueryResults<Row>) -> QueryResults<Row> {
        stated(withDimensionRecords ? results.withDimensionRecords() : results)
    }

    private func stated<Row>(_ results: QueryResults<Row>) -> QueryResults<Row> {
        results.where(expression).orderBy(CommaSeparated.values(orderArguments)).limit(limit.sought)
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
    fileprivate func document(
        datasetType: String?, expression: String, reasons: [String]
    ) throws -> StructuredValue {
        var members: StructuredMapping = [
            "where": .string(expression),
            "expression": try ExpressionSyntax.parse(expression).map { .string("\($0)") } ?? .null, "query": .string(tree), "plan": .string(plan),
            "rewritten_plan": .string(rewrittenPlan), "sql": .string(sql),
            "database_plan": .array(databasePlan.map { .string($0) }),
            "no_rows_because": .array(reasons.map { .string($0) }),
        ]
        if let datasetType { members["dataset_type"] = .string(datasetType) }
        if let analysis {
            members["rows"] = .int(Int64(analysis.rows))
            members["seconds"] = .float(analysis.duration.seconds)
            members["seconds_to_first_row"] = .float(analysis.timeToFirstRow.seconds)
        }
        return .object(members)
    }
}
