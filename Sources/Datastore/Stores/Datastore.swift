import ButlerModel
import Database
import RepositoryConfiguration

/// Where datasets are kept as files, and what a registry database says about those files.
///
/// Methods that take a connection are synchronous and run inside its transaction; the others do their file work on
/// threads of their own. All may be called from any task.
public protocol Datastore: Sendable {
    /// What messages call it, and how Python prints it.
    var name: String { get }

    /// The file datastores that make it up, in the order in which they are searched.
    var files: [FileDatastore] { get }

    /// Encodes a dataset and writes it under hidden names, in every part of the datastore that accepts it.
    ///
    /// Nothing else sees the files before ``StagedArtifacts/publish()``. Whoever calls this must end it as
    /// ``StagedArtifacts`` says, or with ``StagedDataset/discard()``.
    ///
    /// - Parameter ref: with an expanded data ID, or the path differs from the one that other clients would choose.
    /// - Throws: ``DatastoreError``, `ObjectStorageError`. Nothing stays behind then.
    func stage(_ value: DatasetValue, _ ref: DatasetRef) async throws -> StagedDataset

    /// The file datastores whose constraints accept a dataset, in the order in which they are searched.
    func accepting(_ subject: LookupSubject) -> [FileDatastore]
}

extension Datastore {
    /// What is recorded about the files of many datasets: for each, one entry for each datastore that has records of
    /// it, in the order of the search. Datasets without records are left out.
    ///
    /// Cost: one query for each file datastore.
    public func stored(
        _ ids: [DatasetID], _ connection: any DatabaseConnection
    ) throws -> [DatasetID: [StoredDataset]] {
        var found: [DatasetID: [StoredDataset]] = [:]
        for datastore in files {
            for (id, infos) in try datastore.records(of: ids, connection) {
                found[id, default: []].append(StoredDataset(id: id, datastore: datastore, infos: infos))
            }
        }
        return found
    }

    /// The recorded files of many datasets in the first datastore that has records of them.
    public func records(
        of ids: [DatasetID], _ connection: any DatabaseConnection
    ) throws -> [DatasetID: [StoredFileInfo]] {
        try stored(ids, connection).compactMapValues { $0.first?.infos }
    }

    /// Reads a dataset, or one of its components, from the first datastore whose files are there.
    ///
    /// - Parameters:
    ///   - ref: a component reference reads that component.
    ///   - stored: what ``stored(_:_:)`` found.
    /// - Throws: ``DatastoreError/notStored(dataset:datastore:)`` without records, else what
    ///   ``StoredDataset/read(_:component:)`` throws.
    public func read(
        _ ref: DatasetRef, from stored: [StoredDataset], component: String? = nil
    ) async throws -> DatasetValue {
        var firstMissing: DatastoreError?
        for dataset in stored {
            do {
                return try await dataset.read(ref, component: component)
            } catch let error as DatastoreError {
                guard case .missingArtifact = error else { throw error }
                firstMissing = firstMissing ?? error
            }
        }
        throw firstMissing ?? .notStored(dataset: ref.description, datastore: name)
    }

    /// Ends the use of folders for staged files. Blocks.
    public func endSessions() throws {
        for datastore in files { try datastore.endSession() }
    }

    /// Forgets datasets without touching their files.
    public func forget(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        for datastore in files { try datastore.deleteRecords(ids, connection) }
    }
}

/// The datastore that a configuration describes.
public enum Datastores {
    /// - Parameter universe: completes the dimension groups of lookup keys.
    /// - Throws: ``DatastoreError/invalidTemplate(template:reason:)``, `ObjectStorageError` for an unusable root.
    public static func open(
        _ configuration: DatastoreConfiguration, universe: DimensionUniverse, storageClasses: StorageClassRegistry
    ) throws -> any Datastore {
        switch configuration {
        case .file(let file):
            return try FileDatastore(file, universe: universe, storageClasses: storageClasses)
        case .chained, .inMemory:
            return try ChainedDatastore(configuration, universe: universe, storageClasses: storageClasses)
        }
    }
}

extension LookupSubject {
    init(_ type: DatasetType, instrument: String?) {
        self.init(
            datasetType: type.name, parent: type.isComponent ? type.nameAndComponent.parent : nil,
            dimensions: Set(type.dimensions.names), storageClass: type.storageClass,
            parentStorageClass: type.parentStorageClass, instrument: instrument)
    }

    init(_ ref: DatasetRef) {
        self.init(ref.datasetType, instrument: ref.dataID["instrument"]?.stringValue)
    }
}

extension DimensionUniverse {
    /// Completes the dimension groups of lookup keys; `nil` for a group with a dimension that is not known here.
    var lookupConformer: LookupKey.DimensionConformer {
        { names in (try? self.group(names)).map { Set($0.names) } }
    }
}
