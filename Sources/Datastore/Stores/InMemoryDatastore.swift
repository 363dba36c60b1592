import ButlerModel
import Foundation
import ObjectStorage
import RepositoryConfiguration
import Synchronization

/// A datastore in the memory of this process: values are kept as they are, and nothing is recorded in the database, so
/// other processes do not see them. Source: repository format reference, section 1.6.
public final class InMemoryDatastore: Datastore {
    /// `InMemoryDatastore@` and the time when it was made.
    public let name: String
    private let constraints: DatasetConstraints
    private let storageClasses: StorageClassRegistry
    private let held = Mutex<[DatasetID: Entry]>([:])

    private struct Entry {
        let value: DatasetValue
        let storageClass: String
    }

    public var members: [DatastoreMember] { [.memory(self)] }

    /// - Parameter constraints: with completed dimension groups.
    init(constraints: DatasetConstraints, storageClasses: StorageClassRegistry) {
        name = "InMemoryDatastore@\(Date().timeIntervalSince1970)"
        self.constraints = constraints
        self.storageClasses = storageClasses
    }

    /// No file datastore is here.
    public func accepting(_ subject: LookupSubject) -> [FileDatastore] { [] }

    // MARK: Writing

    /// A dataset that is not visible yet.
    struct Staged: Sendable {
        let datastore: InMemoryDatastore
        let ref: DatasetRef
        let value: DatasetValue
        private let isPublished = Published()

        /// Shared by all copies of the value.
        private final class Published: Sendable {
            let flag = Mutex(false)
        }

        init(datastore: InMemoryDatastore, ref: DatasetRef, value: DatasetValue) {
            self.datastore = datastore
            self.ref = ref
            self.value = value
        }

        func publish() throws {
            let entry = Entry(value: value, storageClass: ref.datasetType.storageClass)
            try datastore.held.withLock { held in
                guard held[ref.id] == nil else {
                    throw DatastoreError.alreadyStored(dataset: ref.description, datastore: datastore.name)
                }
                held[ref.id] = entry
            }
            isPublished.flag.withLock { $0 = true }
        }

        func discard() {
            guard isPublished.flag.withLock({ $0 }) else { return }
            datastore.remove([ref.id])
        }
    }

    public func stage(
        _ value: DatasetValue, _ ref: DatasetRef, provenance: DatasetProvenance?
    ) throws -> StagedDataset {
        guard constraints.accepts(LookupSubject(ref)) else {
            throw DatastoreError.rejected(dataset: ref.description, datastore: name)
        }
        guard !contains(ref.id) else { throw DatastoreError.alreadyStored(dataset: ref.description, datastore: name) }
        let definition = try storageClasses.definition(
            named: ref.datasetType.storageClass, usedBy: "dataset type '\(ref.datasetType.name)'")
        if let content = value.structured, let wanted = definition.mismatch(content) {
            throw DatastoreError.unwritable(
                dataset: ref.description, formatter: "of values in memory",
                reason: "storage class '\(definition.name)' needs \(wanted), not \(content.kindName)")
        }
        return StagedDataset(ref: ref, memory: Staged(datastore: self, ref: ref, value: value))
    }

    /// Forgets datasets; those that are not here are no error.
    public func remove(_ ids: [DatasetID]) {
        held.withLock { held in
            for id in ids { held[id] = nil }
        }
    }

    // MARK: Reading

    public func contains(_ id: DatasetID) -> Bool { held.withLock { $0[id] != nil } }

    /// `nil` when the dataset is not here.
    func read(_ ref: DatasetRef, _ request: ReadRequest) throws -> DatasetValue? {
        guard let entry = held.withLock({ $0[ref.id] }) else { return nil }
        let definition = storageClasses[entry.storageClass]
        guard let component = request.component ?? ref.datasetType.nameAndComponent.component else {
            return try storageClasses.finish(
                entry.value, recorded: entry.storageClass, request, dataset: ref.description)
        }
        return try storageClasses.finish(
            try StoredDataset.derive(component, from: entry.value, definition, ref),
            recorded: definition?.component(named: component) ?? entry.storageClass, request, dataset: ref.description)
    }

    /// What stands for the place of a dataset: no file has it.
    public func location(of ref: DatasetRef) throws -> ResourceURI {
        try ResourceURI("mem://\(ref.datasetType.name)/\(ref.id)")
    }
}
