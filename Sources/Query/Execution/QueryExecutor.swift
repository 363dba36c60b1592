public import ButlerModel
public import Database
public import QueryModel

/// Where queries run: a registry, or whatever stands for one.
///
/// Everything that is wrong with a query is thrown by the first page or the call: `ButlerError` for what the user can
/// mend.
public protocol QueryExecutor: Sendable {
    /// The rows of a result as pages of values. Memory: one page.
    func pages(_ request: QueryRequest, _ result: ResultSpecification) -> DatabasePages<ResultPage>

    /// The rows of a result as lines of the protocol, each a page of about a quarter of a megabyte, unless it
    /// has more records. Memory: three pages, because two are made ahead.
    func lines(_ request: QueryRequest, _ result: ResultSpecification) -> DatabasePages<ResultLine>

    /// The datasets of many types as pages of values, each page of one type.
    func pages(_ request: AllDatasetsRequest) -> DatabasePages<ResultPage>

    /// The datasets of many types as lines of the protocol.
    func lines(_ request: AllDatasetsRequest) -> DatabasePages<ResultLine>

    /// The number of rows of a result.
    ///
    /// - Parameters:
    ///   - isExact: `false` counts rows before exact overlaps of regions are checked.
    ///   - discards: whether rows may be read only to be counted, which exact counting takes when regions are checked.
    /// - Throws: `ButlerError` of kind `invalidQuery` when exact counting would have to discard rows and must not.
    func count(
        _ request: QueryRequest, _ result: ResultSpecification, isExact: Bool, discards: Bool
    ) async throws -> Int

    /// Whether a query has any rows.
    ///
    /// - Parameters:
    ///   - executes: whether the database may be asked; otherwise names and summaries decide, which must not be `isExact`.
    ///   - isExact: `false` takes rows before exact overlaps of regions are checked.
    func any(_ request: QueryRequest, executes: Bool, isExact: Bool) async throws -> Bool

    /// Why a query may have no rows, as far as names and collection summaries tell; empty when they tell nothing.
    func reasonsForNoRows(_ request: QueryRequest) async throws -> [String]

    // MARK: Queries stated in steps

    /// The rows of a result whose names are looked up in the transaction that reads the rows.
    func pages(_ result: ResultDefinition, _ context: QueryContext) -> DatabasePages<ResultPage>

    /// The datasets of many types, where the context's defaults hold.
    func pages(_ request: AllDatasetsRequest, _ context: QueryContext) -> DatabasePages<ResultPage>

    func count(
        _ result: ResultDefinition, _ context: QueryContext, isExact: Bool, discards: Bool
    ) async throws -> Int

    func any(_ result: ResultDefinition, _ context: QueryContext, executes: Bool, isExact: Bool) async throws -> Bool

    func reasonsForNoRows(_ result: ResultDefinition, _ context: QueryContext) async throws -> [String]

    /// Why a query has no rows, in words to act on; empty when it has some. Cost: a few queries of the same kind.
    func diagnoseNoRows(_ result: ResultDefinition, _ context: QueryContext) async throws -> [String]

    /// How a query is answered, stage by stage.
    /// - Parameter analyzes: whether to run the statement and step through all its rows.
    func explain(_ result: ResultDefinition, _ context: QueryContext, analyzes: Bool) async throws -> QueryExplanation
}

/// What a butler adds to the queries of its users.
public struct QueryContext: Sendable {
    public var defaults: ButlerDefaults
    /// Whether objects of one storage class can be handed out in another.
    public var canConvert: @Sendable (_ storageClass: String, _ target: String) throws -> Bool

    public init(
        defaults: ButlerDefaults = ButlerDefaults(),
        canConvert: @escaping @Sendable (_ storageClass: String, _ target: String) throws -> Bool = { $0 == $1 }
    ) {
        self.defaults = defaults
        self.canConvert = canConvert
    }
}
