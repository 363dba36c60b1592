import ButlerModel
import Query
import QueryModel

/// A query as a person writes it: names and an expression as text.
///
/// The protocol's own queries come as trees, which clients build; a page has no business to.
struct TextQuery: Sendable {
    enum Subject: Sendable {
        /// Dataset types, by names and globs.
        case datasets([String])
        /// Data IDs of these dimensions.
        case dataIDs([String])
        /// Records of an element.
        case records(String)
    }

    let subject: Subject
    let collections: [String]
    /// Dataset types that data IDs and records must have in the collections.
    let joined: [String]
    let expression: String
    /// Values of names `:name` in the expression, for texts that the language cannot quote.
    let bind: [String: BindValue]
    let findsFirst: Bool
    /// Columns; `-` before a name reverses the order.
    let order: [String]
    let limit: Int?
    /// Rows that the client has already; the limit counts them too.
    let skippedRows: Int
    let withRecords: Bool

    init(_ fields: RequestFields) throws(ButlerError) {
        let kind = try fields.string("kind")
        let names = try fields.strings("names")
        switch kind {
        case "datasets": subject = .datasets(names)
        case "data_ids": subject = .dataIDs(names)
        case "dimension_records":
            guard names.count == 1 else { throw try fields.body.required("names").failure("must name one element") }
            subject = .records(names[0])
        default:
            throw try fields.body.required("kind").failure("must be 'datasets', 'data_ids' or 'dimension_records'")
        }
        collections = try fields.body.optional("collections")?.strings() ?? []
        joined = try fields.body.optional("joined")?.strings() ?? []
        expression = try fields.body.optional("where")?.string() ?? ""
        findsFirst = try fields.body.optional("find_first")?.bool() ?? true
        order = try fields.body.optional("order_by")?.strings() ?? []
        limit = try fields.body.optional("limit")?.int()
        let skip = try fields.body.optional("skip")
        skippedRows = try skip?.int() ?? 0
        if skippedRows < 0, let skip { throw skip.failure("must not be negative") }
        bind = try fields.optionalDataID("bind").mapValues { .literal(QueryLiteral($0)) }
        withRecords = try fields.optionalFlag("with_records")
    }

    /// The query that runs.
    enum Resolved: Sendable {
        case single(QueryRequest, ResultSpecification)
        case allDatasets(AllDatasetsRequest)
    }

    /// Gives all names their meaning.
    /// - Throws: `ButlerError` with an excerpt of the expression where that is at fault.
    func resolve(_ view: any RepositoryView, _ universe: DimensionUniverse) throws -> Resolved {
        var builder = TreeBuilder(universe)
        for name in joined { try builder.join(try view.datasetType(name), in: collections) }
        switch subject {
        case .datasets(let names):
            let hasGlobs = collections.isEmpty || (collections + names).contains { Glob($0) != nil }
            guard !hasGlobs, names.count == 1 else { return .allDatasets(try allDatasets(names)) }
            let type = try view.datasetType(names[0])
            try builder.join(type, in: collections)
            return try finish(
                builder,
                ResultSpecification(
                    .datasetRefs(
                        .init(
                            datasetType: type.name, dimensions: type.dimensions, storageClass: type.storageClass,
                            withRecords: withRecords, findFirst: findsFirst))))
        case .dataIDs(let names):
            return try finish(
                builder, ResultSpecification(.dataCoordinates(try universe.group(names), withRecords: withRecords)))
        case .records(let name):
            return try finish(builder, .records(of: try universe.requireElement(name), in: universe))
        }
    }

    private func allDatasets(_ names: [String]) throws -> AllDatasetsRequest {
        guard order.isEmpty else {
            throw ButlerError(
                .invalidQuery, "Rows can be ordered when one dataset type and collections without wildcards are named.")
        }
        // The search interprets the expression for each type; an error of syntax is found before, with its place.
        do throws(ExpressionError) { _ = try ExpressionSyntax.parse(expression) } catch { throw ButlerError(error) }
        return AllDatasetsRequest(
            collections: collections.isEmpty ? ["*"] : collections, names: names.isEmpty ? ["*"] : names,
            findFirst: findsFirst && !collections.isEmpty && !collections.contains { Glob($0) != nil },
            where: expression, bind: bind, limit: limit, withRecords: withRecords, skippedRows: skippedRows)
    }

    private func finish(_ builder: TreeBuilder, _ result: ResultSpecification) throws -> Resolved {
        var builder = builder
        builder.join(result.dimensions)
        let context = IdentifierContext(
            dimensions: builder.dimensions, datasets: builder.datasets.map(\.datasetType), bind: bind)
        try builder.filter(try Predicate(expression, in: context))
        var ordered = result
        ordered.order = try order.map { try OrderTerm($0, in: context) }
        ordered.limit = limit
        return .single(QueryRequest(try builder.tree(), skippedRows: skippedRows), ordered)
    }
}
