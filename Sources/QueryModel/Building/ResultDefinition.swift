/// A result of a query as a program states it: what its rows are, conditions on them, their order and number.
public struct ResultDefinition: Sendable {
    public var query: QueryDefinition
    public let kind: Kind
    /// Conditions whose unqualified names are looked up in the dimensions and dataset types of the rows.
    public var conditions: [QueryCondition] = []
    public var order: [OrderDefinition] = []
    public var limit: Int?
    public var withDimensionRecords = false

    public enum Kind: Sendable {
        /// `nil` means all dimensions that are joined.
        case dataIDs(dimensions: [String]?)
        case dimensionRecords(element: String)
        case datasets(DatasetTypeReference, SearchPath, findFirst: Bool)
        /// - Parameter findFirst: must be given when there are fields of datasets.
        case general(dimensions: [String], columns: [String], findFirst: Bool?)
    }

    public init(_ query: QueryDefinition, _ kind: Kind) {
        self.query = query
        self.kind = kind
    }
}

/// A term of an order: a column by name, descending if it begins with a minus, or a finished term.
public enum OrderDefinition: Sendable, ExpressibleByStringLiteral {
    case name(String)
    case term(OrderTerm)

    public init(stringLiteral name: String) { self = .name(name) }
}
