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

/// A Butler: finds datasets by what they are, reads them, and, if it is writeable, keeps new ones.
public protocol Butler: LimitedButler {
    var isWriteable: Bool { get }

    /// The dataset of a type and data ID in the first of the collections that has one, with a full data ID.
    ///
    /// - Parameters:
    ///   - datasetType: a name; of a component, its parent is searched for.
    ///   - dataID: values of dimensions, and conditions on records such as `"exposure.obs_id"`.
    ///   - collections: names and globs, in search order.
    ///   - time: which validity ranges count, for calibration types.
    func findDataset(
        _ datasetType: String, dataID: [String: DataIDValue], collections: [String], time: CalibrationTime
    ) async throws -> DatasetRef?

    /// Keeps a new dataset: its file and all that the registry records about it, or neither.
    /// - Throws: `ButlerError` for what the registry refuses, `DatastoreError` and `ObjectStorageError` for the file.
    func put(
        _ value: DatasetValue, _ datasetType: String, dataID: [String: DataIDValue], run: String
    ) async throws -> DatasetRef
}

extension Butler {
    /// Finds and reads a dataset, or the component that `parent.component` names.
    /// - Throws: `ButlerError` of kind `datasetNotFound` when there is none.
    public func get(
        _ datasetType: String, dataID: [String: DataIDValue], collections: [String],
        time: CalibrationTime = .ofDataID
    ) async throws -> DatasetValue {
        guard
            let ref = try await findDataset(datasetType, dataID: dataID, collections: collections, time: time)
        else {
            let given = dataID.sorted { $0.key < $1.key }
                .map { "\($0.key): \($0.value.quotedDescription)" }.joined(separator: ", ")
            throw ButlerError(
                .datasetNotFound,
                "No dataset '\(datasetType)' with data ID {\(given)} in collections "
                    + "'\(collections.joined(separator: "', '"))'.")
        }
        return try await get(ref, component: DatasetType.split(datasetType).component)
    }
}
