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
    /// values given, and `jobs` encoded files.
    /// - Parameter jobs: the most datasets that are encoded and written at the same time.
    /// - Throws: `ObjectStorageError.alreadyExists` when a file of such a name is there already; nothing is overwritten.
    public func put(
        _ datasets: [NewDataset], run: String, ids: DatasetIDChoice = .unique, jobs: Int = 4
    ) async throws -> [DatasetRef] {
        try requireWriteable(to: "put a dataset")
        let datastore = try await presentDatastore()
        let refs = try await registry.readBeforeWriting { snapshot in
            try snapshot.newReferences(datasets.map { ($0.datasetType, $0.dataID) }, run: run, ids: ids)
        }
        let staged = try await datastore.stage(datasets.count, jobs: jobs) { number in
            (datasets[number].value, refs[number], datasets[number].provenance)
        }
        try await record(staged) { try $0.insert(refs) }
        return refs
    }

    /// Keeps a dataset whose reference is known: one that was planned elsewhere, such as in a quantum graph, or one whose files
    /// were removed. Its type and run must exist. Source: repository format reference, section 7.3.
    ///
    /// - Parameter ref: its data ID need not be expanded; the path is that of the expanded one.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when a datastore has the dataset already, its identifier belongs
    ///   to another, or its run has another of the same type and data ID; `missingCollection`, `missingDatasetType`;
    ///   `ObjectStorageError.alreadyExists` when a file of its name is there.
    public func put(_ value: DatasetValue, _ ref: DatasetRef, provenance: DatasetProvenance? = nil) async throws {
        try requireWriteable(to: "put a dataset")
        let datastore = try await presentDatastore()
        let expanded = try await registry.readBeforeWriting { snapshot in
            try snapshot.refuseStored([ref], in: datastore)
            return ref.with(dataID: try snapshot.expand(ref.dataID))
        }
        let staged = try await datastore.stage(1, jobs: 1) { _ in (value, expanded, provenance) }
        try await record(staged) { try $0.importDatasets([expanded]) }
    }
}

extension RegistrySnapshot {
    /// References for datasets that do not exist yet, with expanded data IDs.
    func newReferences(
        _ wanted: [(String, [String: DataIDValue])], run: String, ids: DatasetIDChoice
    ) throws -> [DatasetRef] {
        let milliseconds = UInt64(Date().timeIntervalSince1970 * 1000)
        let memory = RecordMemory()
        return try wanted.map { name, loose in
            let type = try datasetType(name)
            let dataID = try expand(try standardizeNew(loose, for: type), remembering: memory)
            return DatasetRef(
                id: ids.identifier(of: type, run: run, dataID: dataID, unixMilliseconds: milliseconds),
                datasetType: type, dataID: dataID, run: run)
        }
    }
}
