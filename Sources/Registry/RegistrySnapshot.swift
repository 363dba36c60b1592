import ButlerModel
import Database

/// One consistent view of a registry: everything read through it sees the same database state.
///
/// A snapshot lives inside the closure of ``Registry/read(_:)`` or ``Registry/write(_:)``, on a thread that may block.
public struct RegistrySnapshot {
    public let connection: any DatabaseConnection
    public let universe: DimensionUniverse
    package let catalog: Catalog
    package let cachedRecords: CachedRecords
    package let schema: RegistrySchema
    /// Whether a viewer's rules have left something out, or could have.
    package var isFiltered = false
    /// Records that are about to be inserted.
    var pending: PendingRecords?

    /// What is asked of the collections and dataset types alone.
    public var names: CatalogSnapshot { CatalogSnapshot(universe: universe, catalog: catalog) }

    /// See ``CatalogSnapshot/collectionInfo(_:)``.
    public func collectionInfo(_ search: CollectionSearch) throws -> [CollectionInfo] {
        try names.collectionInfo(search)
    }

    public func hasCollection(_ name: String) -> Bool { catalog.collections[name] != nil }

    /// See ``CatalogSnapshot/collectionSummary(_:)``.
    public func collectionSummary(_ name: String) throws -> CollectionSummary { try names.collectionSummary(name) }

    /// See ``CatalogSnapshot/flatten(_:)``.
    public func flatten(_ patterns: [String]) throws -> [String] { try names.flatten(patterns) }

    /// See ``CatalogSnapshot/datasetType(_:)``.
    public func datasetType(_ name: String) throws -> DatasetType { try names.datasetType(name) }

    /// See ``CatalogSnapshot/datasetTypes(matching:)``.
    public func datasetTypes(matching patterns: [String]) throws -> (found: [DatasetType], missing: [String]) {
        try names.datasetTypes(matching: patterns)
    }
}
