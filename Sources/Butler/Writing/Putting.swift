import ButlerModel
import Datastore
import Foundation
import Registry

/// Keeping new datasets.
extension DirectButler {
    /// A dataset to be kept.
    public struct NewDataset: Sendable {
        public let value: DatasetValue
        public let datasetType: String
        public let dataID: [String: DataIDValue]
        /// Goes into files whose format has a place for it.
        public var provenance: DatasetProvenance?

        public init(
            _ value: DatasetValue, _ datasetType: String, _ dataID: [String: DataIDValue],
            provenance: DatasetProvenance? = nil
        ) {
            self.value = value
            self.datasetType = datasetType
            self.dataID = dataID
            self.provenance = provenance
        }
    }

    public func put(
        _ value: DatasetValue, _ datasetType: String, dataID: [String: DataIDValue], run: String
    ) async throws -> DatasetRef {
        try await put([NewDataset(value, datasetType, dataID)], run: run)[0]
    }

    /// Keeps several datasets in one transaction: all of them or none.
    ///
    /// Files are written first, under hidden names; the registry's transaction gives them their names. Memory: the
    /// values given, and one encoded file at a time.
    /// - Throws: `ObjectStorageError.alreadyExists` when a file of such a name is there already; nothing is overwritten.
    public func put(
        _ datasets: [NewDataset], run: String, ids: DatasetIDChoice = .unique
    ) async throws -> [DatasetRef] {
        try requireWriteable(to: "put a dataset")
        let datastore = try datastore()
        let refs = try await registry.read { snapshot in
            try snapshot.newReferences(datasets.map { ($0.datasetType, $0.dataID) }, run: run, ids: ids)
        }
        var staged: [StagedDataset] = []
        do {
            for (dataset, ref) in zip(datasets, refs) {
                staged.append(try await datastore.stage(dataset.value, ref, provenance: dataset.provenance))
            }
        } catch {
            // The first error matters; a file that cannot be removed stays hidden.
            for file in staged { try? await file.discard() }
            throw error
        }
        try await record(StagedArtifacts(staged)) { try $0.insert(refs) }
        return refs
    }
}

extension RegistrySnapshot {
    /// References for datasets that do not exist yet, with expanded data IDs.
    fileprivate func newReferences(
        _ wanted: [(String, [String: DataIDValue])], run: String, ids: DatasetIDChoice
    ) throws -> [DatasetRef] {
        let milliseconds = UInt64(Date().timeIntervalSince1970 * 1000)
        return try wanted.map { name, loose in
            let type = try datasetType(name)
            let dataID = try expand(try standardize(loose, for: type))
            return DatasetRef(
                id: ids.identifier(of: type, run: run, dataID: dataID, unixMilliseconds: milliseconds),
                datasetType: type, dataID: dataID, run: run)
        }
    }
}
