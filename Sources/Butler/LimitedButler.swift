import ButlerModel
import Datastore
import Registry

/// What can be done with datasets that are known already: the part of a Butler that needs no searching.
public protocol LimitedButler: Sendable {
    var universe: DimensionUniverse { get }

    /// What is recorded about the files of a dataset, in the order in which datastores are searched; empty when none
    /// has it.
    func stored(_ id: DatasetID) async throws -> [StoredDataset]

    /// Reads a dataset or a part of it.
    /// - Throws: `DatastoreError` when there is no file, or it is damaged, or it has no such part.
    func read(_ ref: DatasetRef, _ request: ReadRequest) async throws -> DatasetValue

    /// What is known of datasets, and whether their files are there.
    ///
    /// - Parameter verifies: whether to look for the files; else they are taken for granted.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` for a reference that contradicts what is recorded.
    func exists(_ refs: [DatasetRef], verifies: Bool) async throws -> [DatasetID: DatasetExistence]

    /// Where the files of a dataset are.
    ///
    /// - Parameter predicts: whether to say where files would be written where nothing is recorded.
    /// - Throws: `DatastoreError.notStored` where nothing is recorded and nothing is predicted.
    func locations(of ref: DatasetRef, predicts: Bool) async throws -> DatasetLocations
}

extension LimitedButler {
    /// Reads a dataset, or one of its components, as it is recorded.
    public func get(_ ref: DatasetRef, component: String? = nil) async throws -> DatasetValue {
        try await read(ref, ReadRequest(component: component))
    }
}
