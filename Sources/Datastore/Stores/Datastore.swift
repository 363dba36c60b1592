import ButlerModel
import Database
import RepositoryConfiguration

/// Where datasets are kept, and what a registry database says about their files.
///
/// Methods that take a connection are synchronous and run inside its transaction; the others do their file work on
/// threads of their own. All may be called from any task.
public protocol Datastore: Sendable {
    /// What messages call it, and how Python prints it.
    var name: String { get }

    /// The datastores that make it up, in the order in which they are searched.
    var members: [DatastoreMember] { get }

    /// Encodes a dataset and writes it under hidden names, in every part of the datastore that accepts it.
    ///
    /// Nothing else sees the files before ``StagedArtifacts/publish()``. Whoever calls this must end it as
    /// ``StagedArtifacts`` says, or with ``StagedDataset/discard()``.
    ///
    /// - Parameters:
    ///   - ref: with an expanded data ID, or the path differs from the one that other clients would choose.
    ///   - provenance: goes into files whose format has a place for it; `nil` for one that is not known.
    /// - Throws: ``DatastoreError``, `ObjectStorageError`. Nothing stays behind then.
    /// - Note: blocks, and uses the processor.
    func stage(_ value: DatasetValue, _ ref: DatasetRef, provenance: DatasetProvenance?) throws -> StagedDataset

    /// The file datastores whose constraints accept a dataset, in the order in which they are searched.
    func accepting(_ subject: LookupSubject) -> [FileDatastore]
}

/// A datastore that is no chain.
public enum DatastoreMember: Sendable {
    case file(FileDatastore)
    case memory(InMemoryDatastore)
}

extension Datastore {
    /// The file datastores, in the order in which they are searched.
    public var files: [FileDatastore] {
        members.compactMap { if case .file(let datastore) = $0 { datastore } else { nil } }
    }

    /// The datastores in the memory of this process.
    public var memories: [InMemoryDatastore] {
        members.compactMap { if case .memory(let datastore) = $0 { datastore } else { nil } }
    }

    /// ``stage(_:_:provenance:)``, on a thread that may block.
    public func stage(
        _ value: DatasetValue, _ ref: DatasetRef, provenance: DatasetProvenance? = nil
    ) async throws -> StagedDataset {
        let datastore = self
        return try await FormatterCatalog.pool.run { try datastore.stage(value, ref, provenance: provenance) }
    }

    /// Stages many datasets, several at a time. When one fails, all are discarded. Memory: `jobs` encoded files.
    ///
    /// - Parameter jobs: the most datasets that are encoded and written at the same time.
    /// - Throws: as ``stage(_:_:provenance:)``.
    public func stage(
        _ count: Int, jobs: Int,
        _ dataset: @escaping @Sendable (Int) -> (value: DatasetValue, ref: DatasetRef, provenance: DatasetProvenance?)
    ) async throws -> StagedArtifacts {
        let datastore = self
        let (staged, failure) = await FormatterCatalog.pool.each(count, jobs: jobs) { number in
            let (value, ref, provenance) = dataset(number)
            return try datastore.stage(value, ref, provenance: provenance)
        }
        let artifacts = StagedArtifacts(staged.compactMap { $0 })
        if let failure {
            // The first error matters; a file that cannot be removed stays hidden.
            try? await artifacts.discard()
            throw failure
        }
        return artifacts
    }

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

    /// Whether files without records may be found by their templates in one of the datastores.
    public var trustsGetRequests: Bool { files.contains { $0.configuration.trustsGetRequests } }

    /// Reads a dataset, or a part of it, from the first datastore that has it.
    ///
    /// A datastore that trusts requests is searched for files without records; then the data ID of `ref` must be
    /// expanded.
    ///
    /// - Parameters:
    ///   - ref: a component reference reads that component.
    ///   - stored: what ``stored(_:_:)`` found.
    /// - Throws: ``DatastoreError/notStored(dataset:datastore:)`` when no datastore has it, else what
    ///   ``StoredDataset/read(_:_:)`` throws.
    public func read(
        _ ref: DatasetRef, from stored: [StoredDataset], _ request: ReadRequest
    ) async throws -> DatasetValue {
        var firstMissing: DatastoreError?
        for member in members {
            let dataset: StoredDataset?
            switch member {
            case .memory(let datastore):
                guard let value = try datastore.read(ref, request) else { continue }
                return value
            case .file(let datastore):
                if let recorded = stored.first(where: { $0.datastore.name == datastore.name }) {
                    dataset = recorded
                } else {
                    dataset = try await datastore.guess(ref)
                }
            }
            do {
                if let dataset { return try await dataset.read(ref, request) }
            } catch let error as DatastoreError {
                guard case .missingArtifact = error else { throw error }
                firstMissing = firstMissing ?? error
            }
        }
        throw firstMissing ?? .notStored(dataset: ref.description, datastore: name)
    }

    /// Reads a dataset, or one of its components, as it is recorded.
    public func read(
        _ ref: DatasetRef, from stored: [StoredDataset], component: String? = nil
    ) async throws -> DatasetValue {
        try await read(ref, from: stored, ReadRequest(component: component))
    }

    /// Whether a datastore knows a dataset: it has records of it, or has it in memory.
    public func knows(_ id: DatasetID, _ stored: [StoredDataset]) -> Bool {
        !stored.isEmpty || memories.contains { $0.contains(id) }
    }

    /// Whether all parts of a dataset are there in one of the datastores. Sizes are not looked at. A datastore that
    /// trusts requests looks for files without records; then the data ID of `ref` must be expanded.
    public func exists(_ ref: DatasetRef, _ stored: [StoredDataset]) async throws -> Bool {
        for member in members {
            switch member {
            case .memory(let datastore): if datastore.contains(ref.id) { return true }
            case .file(let datastore):
                if let recorded = stored.first(where: { $0.datastore.name == datastore.name }) {
                    if try await recorded.exists() { return true }
                } else if try await datastore.guess(ref) != nil {
                    return true
                }
            }
        }
        return false
    }

    /// Ends the use of folders for staged files. Blocks.
    public func endSessions() throws {
        for datastore in files { try datastore.endSession() }
    }

    /// Forgets datasets without touching their files. Those in memory are gone at once.
    public func forget(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        for datastore in files { try datastore.deleteRecords(ids, connection) }
        for datastore in memories { datastore.remove(ids) }
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
            return try FileDatastore(
                file, universe: universe, storageClasses: storageClasses, remotes: RemoteStores.process)
        case .inMemory(let constraints):
            return InMemoryDatastore(
                constraints: constraints.conformed(by: universe.lookupConformer), storageClasses: storageClasses)
        case .chained(let entries, let constraints):
            return try ChainedDatastore(
                entries, constraints: constraints, universe: universe, storageClasses: storageClasses)
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
