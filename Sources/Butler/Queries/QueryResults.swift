public import ButlerModel
public import Query
public import QueryModel
public import Database

/// What a row of a result can be.
public protocol QueryRow: Sendable {
    /// The rows of a page, if they are of this type.
    static func rows(of page: ResultPage) -> [Self]?
}

extension DataCoordinate: QueryRow {
    public static func rows(of page: ResultPage) -> [DataCoordinate]? {
        if case .dataCoordinates(let rows) = page { rows } else { nil }
    }
}

extension DimensionRecord: QueryRow {
    public static func rows(of page: ResultPage) -> [DimensionRecord]? {
        if case .dimensionRecords(let rows) = page { rows } else { nil }
    }
}

extension DatasetRef: QueryRow {
    public static func rows(of page: ResultPage) -> [DatasetRef]? {
        if case .datasetRefs(let rows) = page { rows } else { nil }
    }
}

extension GeneralRow: QueryRow {
    public static func rows(of page: ResultPage) -> [GeneralRow]? {
        if case .general(let rows) = page { rows } else { nil }
    }
}

/// The rows of a query: a sequence that runs the query each time it is iterated.
///
/// A value that is never changed, like ``Query``. An iteration is one read transaction; memory is one page of at most
/// 2000 rows. Without an order, rows come in no particular one.
public struct QueryResults<Row: QueryRow>: Sendable {
    public private(set) var definition: ResultDefinition
    let executor: any QueryExecutor
    let context: QueryContext

    init(_ definition: ResultDefinition, executor: any QueryExecutor, context: QueryContext) {
        self.definition = definition
        self.executor = executor
        self.context = context
    }

    private func changed(_ change: (inout ResultDefinition) -> Void) -> QueryResults {
        var results = self
        change(&results.definition)
        return results
    }

    // MARK: Conditions, order, number

    /// Adds a condition written as text. Unqualified names are looked up in the dimensions of the rows and, for rows
    /// with datasets, in their dataset types.
    public func `where`(_ expression: String, bind: [String: BindValue] = [:]) -> QueryResults {
        self.where(.expression(expression, bind: bind))
    }

    /// Adds a condition written with operators.
    public func `where`(_ condition: QueryCondition) -> QueryResults { changed { $0.conditions.append(condition) } }

    /// Adds `dimension = value` for each value.
    public func `where`(_ dataID: [String: DataIDValue]) -> QueryResults { self.where(.dataID(dataID)) }

    /// Adds `dimension = value` for each value of a data ID.
    public func `where`(_ dataID: DataCoordinate) -> QueryResults { self.where(.dataID(dataID.mapping)) }

    /// Orders the rows by columns, descending where a name begins with a minus. Replaces any earlier order.
    public func orderBy(_ terms: OrderDefinition...) -> QueryResults { changed { $0.order = terms } }
    public func orderBy(_ names: [String]) -> QueryResults { changed { $0.order = names.map { .name($0) } } }

    /// The most rows; `nil` for all. Replaces any earlier limit.
    public func limit(_ limit: Int?) -> QueryResults { changed { $0.limit = limit } }

    // MARK: Questions

    /// The number of rows.
    ///
    /// - Parameters:
    ///   - isExact: `false` counts rows before exact overlaps of regions are checked.
    ///   - discards: whether rows may be read only to be counted, which exact counting takes where regions are checked.
    /// - Throws: `ButlerError` of kind `invalidQuery` when exact counting would have to discard rows and must not.
    public func count(isExact: Bool = true, discards: Bool = false) async throws -> Int {
        try await executor.count(definition, context, isExact: isExact, discards: discards)
    }

    /// Whether there are any rows, whatever the limit.
    ///
    /// - Parameters:
    ///   - executes: whether the database may be asked; otherwise names and summaries decide, and `isExact` must be
    ///     `false`.
    ///   - isExact: `false` takes rows before exact overlaps of regions are checked.
    public func any(executes: Bool = true, isExact: Bool = true) async throws -> Bool {
        try await executor.any(definition, context, executes: executes, isExact: isExact)
    }

    /// Why there may be no rows, as far as names and collection summaries tell; empty when they tell nothing.
    public func explainNoResults() async throws -> [String] {
        try await executor.reasonsForNoRows(definition, context)
    }

    /// Why there are no rows, in words to act on; empty when there are some. Cost: a few queries of the same kind.
    public func diagnoseNoResults() async throws -> [String] { try await executor.diagnoseNoRows(definition, context) }

    /// How the query is answered, stage by stage.
    /// - Parameter analyzes: whether to run the statement and step through all its rows.
    public func explain(analyzes: Bool = false) async throws -> QueryExplanation {
        try await executor.explain(definition, context, analyzes: analyzes)
    }

    /// All rows. Memory: all of them.
    public func all() async throws -> [Row] {
        var rows: [Row] = []
        for try await page in pages { rows += page }
        return rows
    }
}

// MARK: - Dimension records

/// Rows with data IDs, which may come with the records of their dimensions.
public protocol RowWithDataID: QueryRow {}
extension DataCoordinate: RowWithDataID {}
extension DatasetRef: RowWithDataID {}
extension GeneralRow: RowWithDataID {}

extension QueryResults where Row: RowWithDataID {
    /// Has the rows come with the records of all elements of their dimensions.
    public func withDimensionRecords() -> QueryResults { changed { $0.withDimensionRecords = true } }
}

// MARK: - Iteration

extension QueryResults: AsyncSequence {
    /// The rows in parts, as they are read.
    public var pages: AsyncThrowingMapSequence<DatabasePages<ResultPage>, [Row]> {
        executor.pages(definition, context).map { try Row.require(in: $0) }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pages: pages.makeAsyncIterator()) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        var pages: AsyncThrowingMapSequence<DatabasePages<ResultPage>, [Row]>.AsyncIterator
        private var page: ArraySlice<Row> = []

        init(pages: AsyncThrowingMapSequence<DatabasePages<ResultPage>, [Row]>.AsyncIterator) { self.pages = pages }

        /// The next row; `nil` after the last one.
        public mutating func next() async throws -> Row? {
            while true {
                if let row = page.popFirst() { return row }
                guard let next = try await pages.next() else { return nil }
                page = next[...]
            }
        }
    }
}

extension QueryRow {
    static func require(in page: ResultPage) throws -> [Self] {
        guard let rows = rows(of: page) else { throw MismatchedRows(expected: "\(Self.self)") }
        return rows
    }
}

extension Query {
    /// The datasets of many types, each page of one type, in the order of names.
    public func allDatasets(
        _ request: AllDatasetsRequest
    ) -> AsyncThrowingMapSequence<DatabasePages<ResultPage>, [DatasetRef]> {
        executor.pages(request, context).map { try DatasetRef.require(in: $0) }
    }
}

/// An executor answered with rows of another kind than was asked for.
struct MismatchedRows: Error, CustomStringConvertible {
    let expected: String
    var description: String { "The query was answered with other rows than \(expected); report this." }
}
