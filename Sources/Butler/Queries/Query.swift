public import ButlerModel
public import Query
public import QueryModel

/// A query of a butler: what to join and which rows count, before it is said what the rows are.
///
///     let refs = butler.query
///         .joinDatasets("raw", in: ["HSC/raw/all"])
///         .where("instrument = 'HSC' AND visit > 5")
///         .datasets("calexp", in: ["HSC/runs/RC2"])
///         .orderBy("-visit", "detector")
///     for try await ref in refs { print(ref) }
///
/// A value that is never changed: each step gives another query, and none of them throws or does work. Names are looked
/// up when rows are asked for, in the transaction that reads them. What is wrong with a query (`ButlerError`) is thrown
/// there, by the first row or by the call.
public struct Query: Sendable {
    public var definition: QueryDefinition
    let executor: any QueryExecutor
    let context: QueryContext

    public init(
        _ definition: QueryDefinition = QueryDefinition(), on executor: any QueryExecutor,
        context: QueryContext = QueryContext()
    ) {
        self.definition = definition
        self.executor = executor
        self.context = context
    }

    private func with(_ definition: QueryDefinition) -> Query { Query(definition, on: executor, context: context) }

    // MARK: Joins

    /// Joins dimensions; the name of another element (`visit_detector_region`) stands for its dimensions.
    public func joinDimensions(_ names: [String]) -> Query { with(definition.joinDimensions(names)) }
    public func joinDimensions(_ name: String, _ others: String...) -> Query { joinDimensions([name] + others) }

    /// Joins a search for datasets: rows are those for which one exists, and its fields may stand in conditions.
    ///
    /// - Parameter collections: names in search order, not globs; `nil` means the path with which the type was joined
    ///   before, else the default collections. One type cannot be joined with two paths.
    public func joinDatasets(_ datasetType: String, in collections: [String]? = nil) -> Query {
        with(definition.joinDatasets(DatasetTypeReference(datasetType), in: SearchPath(collections)))
    }

    /// Joins a search for a type whose definition must be that of the repository.
    public func joinDatasets(_ datasetType: DatasetType, in collections: [String]? = nil) -> Query {
        with(definition.joinDatasets(DatasetTypeReference(datasetType), in: SearchPath(collections)))
    }

    /// Joins data IDs, all of the same dimensions; rows are those that agree with one of them.
    public func joinDataIDs(_ dataIDs: some Sequence<DataCoordinate>) -> Query { with(definition.joinDataIDs(dataIDs)) }

    // MARK: Conditions

    /// Adds a condition written as text. Unqualified names are looked up in all that is joined so far; the dimensions of
    /// its columns are joined.
    ///
    /// - Parameter bind: values by the names that stand for them in the text. They come before columns.
    public func `where`(_ expression: String, bind: [String: BindValue] = [:]) -> Query {
        self.where(.expression(expression, bind: bind))
    }

    /// Adds a condition written with operators: `query.where(QueryColumn("visit") > 5)`.
    public func `where`(_ condition: QueryCondition) -> Query { with(definition.where(condition)) }

    /// Adds `dimension = value` for each value.
    public func `where`(_ dataID: [String: DataIDValue]) -> Query { self.where(.dataID(dataID)) }

    /// Adds `dimension = value` for each value of a data ID.
    public func `where`(_ dataID: DataCoordinate) -> Query { self.where(.dataID(dataID.mapping)) }

    /// Whether it is an error to constrain a dimension without its governor; it is by default.
    public func validatingGovernors(_ validates: Bool) -> Query {
        var definition = definition
        definition.validatesGovernors = validates
        return with(definition)
    }

    /// Has the data IDs found so far kept in a temporary table, with which the query goes on. Conditions so far are
    /// done with. The table is made anew whenever rows are read.
    ///
    /// - Parameters:
    ///   - dimensions: those to keep; `nil` for all.
    ///   - datasets: the joined dataset types to keep, whose dimensions must be kept; `nil` for all.
    public func materialize(dimensions: [String]? = nil, datasets: [String]? = nil) -> Query {
        with(definition.materialize(dimensions: dimensions, datasets: datasets))
    }

    // MARK: Results

    /// Data IDs of all dimensions that are joined.
    public func dataIDs() -> QueryResults<DataCoordinate> { results(.dataIDs(dimensions: nil)) }

    /// Data IDs of these dimensions and those that they require and imply; missing ones are joined.
    public func dataIDs(_ dimensions: [String]) -> QueryResults<DataCoordinate> {
        results(.dataIDs(dimensions: dimensions))
    }

    public func dataIDs(_ dimension: String, _ others: String...) -> QueryResults<DataCoordinate> {
        dataIDs([dimension] + others)
    }

    /// The records of a dimension or another element.
    public func dimensionRecords(_ element: String) -> QueryResults<DimensionRecord> {
        results(.dimensionRecords(element: element))
    }

    /// Datasets of one type.
    ///
    /// - Parameters:
    ///   - collections: names in search order, not globs; `nil` as in ``joinDatasets(_:in:)-(String,_)``.
    ///   - findFirst: whether of each data ID only the dataset in the first collection that has one counts.
    ///   - storageClass: how the datasets are to be handed out; must be one that the registered one converts to.
    public func datasets(
        _ datasetType: String, in collections: [String]? = nil, findFirst: Bool = true, storageClass: String? = nil
    ) -> QueryResults<DatasetRef> {
        datasets(DatasetTypeReference(datasetType, storageClass: storageClass), SearchPath(collections), findFirst)
    }

    /// Datasets of one type, whose dimensions must be those of the repository's definition.
    public func datasets(
        _ datasetType: DatasetType, in collections: [String]? = nil, findFirst: Bool = true
    ) -> QueryResults<DatasetRef> {
        datasets(DatasetTypeReference(datasetType), SearchPath(collections), findFirst)
    }

    func datasets(
        _ datasetType: DatasetTypeReference, _ path: SearchPath, _ findFirst: Bool
    ) -> QueryResults<DatasetRef> {
        results(.datasets(datasetType, path, findFirst: findFirst))
    }

    /// Rows of any columns.
    ///
    /// - Parameters:
    ///   - dimensions: whose keys are part of each row, with those of all columns.
    ///   - columns: fields of elements and of joined datasets: `visit.exposure_time`, `calexp.run`.
    ///   - findFirst: must be given if there are columns of datasets, and be false for more than one dataset type and for
    ///     their `timespan`.
    public func general(
        _ dimensions: [String], columns: [String], findFirst: Bool? = nil
    ) -> QueryResults<GeneralRow> {
        results(.general(dimensions: dimensions, columns: columns, findFirst: findFirst))
    }

    private func results<Row>(_ kind: ResultDefinition.Kind) -> QueryResults<Row> {
        QueryResults(ResultDefinition(definition, kind), executor: executor, context: context)
    }

    // MARK: Questions

    /// Whether there are any rows. See ``QueryResults/any(executes:isExact:)``.
    public func any(executes: Bool = true, isExact: Bool = true) async throws -> Bool {
        try await dataIDs().any(executes: executes, isExact: isExact)
    }

    /// Why there may be no rows, as far as names and collection summaries tell.
    public func explainNoResults() async throws -> [String] { try await dataIDs().explainNoResults() }
}

extension QueryColumn {
    /// Whether the value is among those that another query gives `column`.
    public func isIn(_ column: QueryColumn, of query: Query) -> QueryCondition { isIn(column, of: query.definition) }
}

extension SearchPath {
    init(_ collections: [String]?) { self = collections.map { .names($0) } ?? .standard }
}

extension DataCoordinate {
    /// All known values by name.
    var mapping: [String: DataIDValue] {
        Dictionary(pairs.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
}
