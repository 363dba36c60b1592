public import ButlerModel

/// What the names in a query are looked up in.
public protocol QueryEnvironment {
    var universe: DimensionUniverse { get }

    /// Names to search where a query names no collections; none if there are no defaults.
    var defaultCollections: [String] { get }

    /// The definition of a dataset type.
    /// - Throws: `ButlerError` of kind `missingDatasetType`.
    func datasetType(_ name: String) throws -> DatasetType

    /// The collections that names and globs mean.
    func collections(matching patterns: [String]) throws -> [String]

    /// Whether objects of one storage class can be handed out in another.
    func canConvert(_ storageClass: String, to target: String) throws -> Bool
}

/// A query with all names looked up.
public struct ResolvedQuery: Sendable {
    public let tree: QueryTree
    /// What the tree joins to and that must be made first, in order.
    public let inputs: [QueryInput]
    public let result: ResultSpecification
}
