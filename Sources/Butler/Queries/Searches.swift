public import ButlerModel
import Query
public import QueryModel

/// Searches in one call. They answer with all rows at once, up to a limit.
///
/// Limits: a positive number is the most rows, 0 none (the search is only checked), `nil` all. A negative number is the
/// most rows too, and there is a warning when there are more.
extension Butler {
    /// The limit of searches that give none.
    public static var standardLimit: Int { -20_000 }

    /// Datasets of one type.
    ///
    ///     let refs = try await butler.queryDatasets(
    ///         "calexp", collections: ["HSC/runs/RC2"], where: "visit > 5 AND band = 'r'", orderBy: ["-visit"])
    ///
    /// - Parameters:
    ///   - collections: names in search order; also globs if not `findFirst`. `nil` for the default collections.
    ///   - findFirst: whether of each data ID only the dataset in the first collection that has one counts.
    ///   - dataID: values that all data IDs have.
    ///   - expression: a condition; unqualified names are looked up in the dimensions and the dataset type.
    ///   - orderBy: columns, descending where a name begins with a minus.
    ///   - explain: whether it is an error if there are no datasets.
    ///   - storageClass: how the datasets are to be handed out; must be one that the registered one converts to.
    /// - Throws: ``EmptyQueryResult`` if there are none and `explain`; `ButlerError` for what is wrong with the search.
    public func queryDatasets(
        _ datasetType: String, collections: [String]? = nil, findFirst: Bool = true,
        dataID: [String: DataIDValue] = [:], where expression: String = "", bind: [String: BindValue] = [:],
        withDimensionRecords: Bool = false, orderBy: [String] = [], limit: Int? = standardLimit, explain: Bool = true,
        storageClass: String? = nil
    ) async throws -> [DatasetRef] {
        var results = try datasetResults(datasetType, collections, findFirst, storageClass)
        if withDimensionRecords { results = results.withDimensionRecords() }
        return try await rows(
            results.where(dataID).where(expression, bind: bind).orderBy(orderBy), limit, "datasets", explain)
    }

    /// Datasets of one type as ``queryDatasets(_:collections:findFirst:dataID:where:bind:withDimensionRecords:orderBy:limit:explain:storageClass:)``
    /// finds them, some at a time. Memory: a page of some thousands.
    ///
    /// - Parameters:
    ///   - limit: the most datasets; `nil` for all.
    ///   - body: gets one page after another, while a read transaction lasts.
    /// - Throws: ``EmptyQueryResult`` if there are none.
    public func visitDatasets(
        _ datasetType: String, collections: [String]? = nil, findFirst: Bool = true, where expression: String = "",
        orderBy: [String] = [], limit: Int? = nil, _ body: ([DatasetRef]) async throws -> Void
    ) async throws {
        let results = try datasetResults(datasetType, collections, findFirst, nil)
            .where(expression).orderBy(orderBy).limit(limit)
        var isEmpty = true
        for try await page in results.pages where !page.isEmpty {
            isEmpty = false
            try await body(page)
        }
        if isEmpty, limit != 0 { throw try await emptiness(of: results) }
    }

    private func datasetResults(
        _ datasetType: String, _ collections: [String]?, _ findFirst: Bool, _ storageClass: String?
    ) throws -> QueryResults<DatasetRef> {
        var path = SearchPath(collections)
        if let collections, collections.contains(where: { Glob($0) != nil }) {
            guard !findFirst else {
                throw ButlerError(
                    .invalidQuery,
                    "Can not use wildcards in collections when find_first=True (given "
                        + "\(collections.joined(separator: ", "))); name the collections, whose order matters.")
            }
            path = .patterns(collections)
        }
        return query.datasets(DatasetTypeReference(datasetType, storageClass: storageClass), path, findFirst)
    }

    /// Data IDs. Parameters are those of ``queryDatasets(_:collections:findFirst:dataID:where:bind:withDimensionRecords:orderBy:limit:explain:storageClass:)``.
    ///
    /// - Parameter dimensions: those of the data IDs, completed by those that they require and imply.
    public func queryDataIDs(
        _ dimensions: [String], dataID: [String: DataIDValue] = [:], where expression: String = "",
        bind: [String: BindValue] = [:], withDimensionRecords: Bool = false, orderBy: [String] = [],
        limit: Int? = standardLimit, explain: Bool = true
    ) async throws -> [DataCoordinate] {
        var results = query.dataIDs(dimensions)
        if withDimensionRecords { results = results.withDimensionRecords() }
        return try await rows(
            results.where(dataID).where(expression, bind: bind).orderBy(orderBy), limit, "data IDs", explain)
    }

    /// Records of a dimension or another element, likewise.
    public func queryDimensionRecords(
        _ element: String, dataID: [String: DataIDValue] = [:], where expression: String = "",
        bind: [String: BindValue] = [:], orderBy: [String] = [], limit: Int? = standardLimit, explain: Bool = true
    ) async throws -> [DimensionRecord] {
        try await rows(
            query.dimensionRecords(element).where(dataID).where(expression, bind: bind).orderBy(orderBy), limit,
            "dimension records", explain)
    }

    /// Datasets of many types, in the order of the types' names. That there are none is no error.
    ///
    /// - Parameters:
    ///   - collections: names in search order; also globs if not `findFirst`. `nil` for the default collections.
    ///   - names: names of dataset types, and globs.
    ///   - expression: a condition; it is read anew for each type, so that an unqualified `run` is that of the type.
    /// - Throws: `ButlerError` of kind `missingDatasetType` if no type matches, or a name does not exist.
    public func queryAllDatasets(
        collections: [String]? = nil, names: [String] = ["*"], findFirst: Bool = true,
        dataID: [String: DataIDValue] = [:], where expression: String = "", bind: [String: BindValue] = [:],
        limit: Int? = standardLimit
    ) async throws -> [DatasetRef] {
        var refs: [DatasetRef] = []
        for try await page in query.allDatasets(
            AllDatasetsRequest(
                collections: collections ?? defaults.collections, names: names, findFirst: findFirst, dataID: dataID,
                where: expression, bind: bind, limit: Self.sought(limit)))
        {
            refs += page
        }
        return cut(refs, limit, "datasets")
    }

    private func rows<Row>(
        _ results: QueryResults<Row>, _ limit: Int?, _ noun: String, _ explain: Bool
    ) async throws -> [Row] {
        let rows = cut(try await results.limit(Self.sought(limit)).all(), limit, noun)
        if explain, rows.isEmpty, limit != 0 { throw try await emptiness(of: results) }
        return rows
    }

    private func emptiness<Row>(of results: QueryResults<Row>) async throws -> EmptyQueryResult {
        var reasons = try await results.explainNoResults()
        if reasons.isEmpty { reasons = try await results.diagnoseNoResults() }
        return EmptyQueryResult(reasons: reasons)
    }

    /// How many to look for, so that it is known whether there are more than a limit lets through.
    private static func sought(_ limit: Int?) -> Int? {
        limit.map { $0 < 0 ? Int(clamping: $0.magnitude + 1) : $0 }
    }

    /// Removes the row by which a warning limit is exceeded, and warns.
    private func cut<Row>(_ rows: [Row], _ limit: Int?, _ noun: String) -> [Row] {
        guard let limit, limit < 0, rows.count > limit.magnitude else { return rows }
        warn("More \(noun) are available than the requested limit of \(limit.magnitude).")
        return Array(rows.prefix(-limit))
    }
}

/// A search that had to find something found nothing.
public struct EmptyQueryResult: Error, Hashable, CustomStringConvertible {
    /// Why: what names and collection summaries tell, or else what a look at the database does.
    public let reasons: [String]

    public init(reasons: [String]) { self.reasons = reasons }

    public var description: String {
        reasons.isEmpty
            ? "Query returned no results; the conditions may contradict each other, or nothing fulfils them."
            : "Query returned no results:\n" + reasons.joined(separator: "\n")
    }
}
