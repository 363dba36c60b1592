import ButlerModel

/// The collections and dataset types of a registry in one state.
public struct CatalogSnapshot: Sendable {
    public let universe: DimensionUniverse
    package let catalog: Catalog

    // MARK: Collections

    /// The collections that a search finds: matches of globs in order of creation with chains last, then explicit names in
    /// the order given.
    /// - Throws: `ButlerError` of kind `missingCollection` for names that do not exist.
    public func collectionInfo(_ search: CollectionSearch) throws -> [CollectionInfo] {
        try catalog.info(search, universe: universe)
    }

    /// What a collection may hold; for a chain, the union over its members.
    public func collectionSummary(_ name: String) throws -> CollectionSummary {
        catalog.summary(of: try catalog.collections.require(name), universe: universe)
    }

    /// The collections with these names or matching these globs, chains replaced by their members, depth first, each
    /// once.
    public func flatten(_ patterns: [String]) throws -> [String] {
        catalog.collections.flattened(try catalog.collections.matching(patterns, forFlattening: true)).map(\.name)
    }

    // MARK: Dataset types

    /// - Throws: `ButlerError` of kind `missingDatasetType`, or `datasetTypeExpression` for an illegal name.
    public func datasetType(_ name: String) throws -> DatasetType {
        try catalog.datasetTypes.require(name).type
    }

    /// The dataset types that match names and globs, by name, and the names that do not exist.
    public func datasetTypes(matching patterns: [String]) throws -> (found: [DatasetType], missing: [String]) {
        let (found, missing) = try catalog.datasetTypes.matching(patterns)
        return (found.map(\.type), missing)
    }
}
