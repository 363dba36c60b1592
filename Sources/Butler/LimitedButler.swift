import ButlerModel
import Datastore
import Registry

/// What can be done with datasets that are known already: the part of a Butler that needs no searching.
public protocol LimitedButler: Sendable {
    var universe: DimensionUniverse { get }

    /// What is recorded about the files of a dataset, in the order in which datastores are searched; empty when none
    /// has it.
    func stored(_ id: DatasetID) async throws -> [StoredDataset]

    /// Reads a dataset, or one of its components.
    /// - Throws: `DatastoreError` when there is no file, or it is damaged.
    func get(_ ref: DatasetRef, component: String?) async throws -> DatasetValue
}

extension LimitedButler {
    public func get(_ ref: DatasetRef) async throws -> DatasetValue { try await get(ref, component: nil) }
}
