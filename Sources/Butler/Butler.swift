import ButlerModel
import Datastore
import Registry

/// A Butler: finds datasets by what they are, reads them, and, if it is writeable, keeps new ones.
public protocol Butler: LimitedButler {
    var isWriteable: Bool { get }

    /// What is assumed where a call does not say.
    var defaults: ButlerDefaults { get }

    /// The same butler with other defaults.
    /// - Throws: `ButlerError` of kind `dimensionName` for a default data ID of other dimensions than governors.
    func with(defaults: ButlerDefaults) throws -> Self

    /// A query without any joins or conditions yet.
    var query: Query { get }

    /// Tells the user of something that is no error.
    func warn(_ message: String)

    /// The dataset of a type and data ID in the first of the collections that has one, with a full data ID.
    ///
    /// - Parameters:
    ///   - datasetType: a name; of a component, its parent is searched for.
    ///   - dataID: values of dimensions, and conditions on records such as `"exposure.obs_id"`.
    ///   - collections: names and globs, in search order; `nil` for the default collections.
    ///   - time: which validity ranges count, for calibration types.
    func findDataset(
        _ datasetType: String, dataID: [String: DataIDValue], collections: [String]?, time: CalibrationTime
    ) async throws -> DatasetRef?

    /// Keeps a new dataset: its file and all that the registry records about it, or neither.
    /// - Throws: `ButlerError` for what the registry refuses, `DatastoreError` and `ObjectStorageError` for the file.
    func put(
        _ value: DatasetValue, _ datasetType: String, dataID: [String: DataIDValue], run: String
    ) async throws -> DatasetRef
}
