public import ButlerModel
import Database
public import QueryModel
import Registry

/// A search for datasets of many types at once: each type is a query of its own, in the order of their names.
/// Source: query system reference, section 5.
public struct AllDatasetsRequest: Sendable {
    /// Names and globs.
    public var collections: [String]
    /// Names of dataset types and globs.
    public var names: [String]
    public var findFirst: Bool
    /// Values that all data IDs have.
    public var dataID: [String: DataIDValue]
    /// Values of governor dimensions that hold where the query does not mention the governor.
    public var defaults: [String: DataIDValue]
    /// An expression, interpreted anew for each type: an unqualified `run` is that of the type.
    public var expression: String
    public var bind: [String: BindValue]
    /// The most datasets of all types together.
    public var limit: Int?
    public var withRecords: Bool
    /// Datasets to pass over before the first one that is given, as in ``QueryRequest/skippedRows``.
    public var skippedRows: Int

    public init(
        collections: [String], names: [String] = ["*"], findFirst: Bool = true, dataID: [String: DataIDValue] = [:],
        defaults: [String: DataIDValue] = [:], where expression: String = "", bind: [String: BindValue] = [:],
        limit: Int? = nil, withRecords: Bool = false, skippedRows: Int = 0
    ) {
        self.collections = collections
        self.names = names
        self.findFirst = findFirst
        self.dataID = dataID
        self.defaults = defaults
        self.expression = expression
        self.bind = bind
        self.limit = limit
        self.withRecords = withRecords
        self.skippedRows = skippedRows
    }
}

/// The pages of a search for many types, one type after the other.
final class AllDatasetsPages<Page: Sendable>: PageProducer {
    typealias MakeWriter = (ResultSpecification, RowLayout, RegistrySnapshot) throws -> any RowWriter<Page>

    private let session: QuerySession
    private let request: AllDatasetsRequest
    private let makeWriter: MakeWriter
    /// What is left to search, last first.
    private var pending: [(type: DatasetType, collections: [String])]
    private var current: ResultPages<Page>?
    private var remaining: Int?
    private var toSkip: Int
    private(set) var isAtEnd = false

    /// - Throws: `ButlerError` for unknown names and for globs in a path.
    init(_ request: AllDatasetsRequest, _ snapshot: RegistrySnapshot, _ makeWriter: @escaping MakeWriter) throws {
        session = try QuerySession(snapshot, defaults: request.defaults)
        self.request = request
        self.makeWriter = makeWriter
        remaining = request.limit
        toSkip = request.skippedRows
        pending = try Self.searches(request, snapshot).reversed()
    }

    private static func searches(
        _ request: AllDatasetsRequest, _ snapshot: RegistrySnapshot
    ) throws -> [(type: DatasetType, collections: [String])] {
        let hasGlobs = request.collections.isEmpty || request.collections.contains { Glob($0) != nil }
        guard !request.findFirst || !hasGlobs else {
            throw ButlerError(.invalidQuery, "Can not use wildcards in collections when find_first=True")
        }
        if let limit = request.limit, limit < 0 {
            throw ButlerError(.invalidQuery, "The limit of a search for all datasets must not be negative, as \(limit) is.")
        }
        let (types, missing) = try snapshot.datasetTypes(matching: request.names)
        func list(_ names: [String]) -> String { "[" + names.map { "'\($0)'" }.joined(separator: ", ") + "]" }
        guard !types.isEmpty else {
            throw ButlerError(.missingDatasetType, "No dataset types found for query \(list(request.names))")
        }
        guard missing.isEmpty else {
            throw ButlerError(.missingDatasetType, "Dataset types not found: \(list(missing))")
        }
        let infos = try snapshot.collectionInfo(
            CollectionSearch(
                request.collections, flattenChains: true, includeSummary: true,
                summaryDatasetTypes: Set(types.map(\.name))))
        return types.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }.compactMap { type in
            let holders = infos.filter { $0.datasetTypes?.contains(type.name) == true }.map(\.name)
            return holders.isEmpty ? nil : (type, holders)
        }
    }

    func nextPage() throws -> Page? {
        while !isAtEnd {
            if let current {
                let before = current.rowCount
                if let page = try current.nextPage() {
                    remaining = remaining.map { $0 - (current.rowCount - before) }
                    return page
                }
                self.current = nil
                if let remaining, remaining <= 0 { break }
            }
            guard let (type, collections) = pending.popLast() else { break }
            current = try open(type, collections)
        }
        isAtEnd = true
        current = nil
        return nil
    }

    private func open(_ type: DatasetType, _ collections: [String]) throws -> ResultPages<Page> {
        var builder = TreeBuilder(session.snapshot.universe)
        try builder.join(type, in: collections)
        try builder.filter(request.dataID)
        try builder.filter(
            try Predicate(
                request.expression,
                in: IdentifierContext(dimensions: type.dimensions, datasets: [type.name], bind: request.bind)))
        let result = ResultSpecification(
            .datasetRefs(
                .init(
                    datasetType: type.name, dimensions: type.dimensions, storageClass: type.storageClass,
                    withRecords: request.withRecords, findFirst: request.findFirst)),
            limit: remaining)
        let cursor = try session.open(try session.plan(try builder.tree(), result))
        let skipped = try cursor.skip(toSkip)
        toSkip -= skipped
        remaining = remaining.map { $0 - skipped }
        return ResultPages(cursor, try makeWriter(result, cursor.layout, session.snapshot))
    }
}
