import ButlerModel
import Database
import ObjectStorage
import Synchronization

/// A dataset whose files are written, but under hidden names.
///
/// The usual course is: stage; then in one registry transaction insert the dataset, call ``insertRecords(_:)`` and
/// ``publish()``; on any error, ``discard()``. So a dataset that the registry refuses never touches a file that is in
/// use, and a crash leaves at worst a hidden file, or a file without record, as Python does.
public struct StagedDataset: Sendable {
    struct File: Sendable {
        let datastore: FileDatastore
        let info: StoredFileInfo
        let temporary: ObjectPath
        let target: ObjectPath
        let state = State()
    }

    /// Whether a file has its final name. Shared by all copies of the value.
    final class State: Sendable {
        let isPublished = Mutex(false)
    }

    public let ref: DatasetRef
    private(set) var files: [File] = []

    /// Copies that this process keeps in memory.
    private(set) var memory: [InMemoryDatastore.Staged] = []

    init(ref: DatasetRef) { self.ref = ref }

    init(ref: DatasetRef, memory: InMemoryDatastore.Staged) {
        self.ref = ref
        self.memory = [memory]
    }

    mutating func append(_ file: File) { files.append(file) }

    mutating func merge(_ other: StagedDataset) {
        files += other.files
        memory += other.memory
    }

    /// The records of the files in one datastore, by its name; for most repositories there is one.
    public var records: [String: [StoredFileInfo]] {
        Dictionary(grouping: files, by: \.datastore.name).mapValues { $0.map(\.info) }
    }

    /// Enters the dataset into `dataset_location` and its files into the records tables. The registry must know it.
    ///
    /// - Throws: `DatabaseError.constraintViolation` when a datastore already has the dataset.
    public func insertRecords(_ connection: any DatabaseConnection) throws {
        for datastore in datastores {
            let infos = files.filter { $0.datastore.name == datastore.name }.map(\.info)
            try datastore.insertRecords([(ref.id, infos)], connection)
        }
    }

    private var datastores: [FileDatastore] {
        var seen: Set<String> = []
        return files.map(\.datastore).filter { seen.insert($0.name).inserted }
    }

    /// Gives the files their names, replacing files of these names. Blocks: call it inside a registry transaction or on
    /// another thread that may block.
    public func publish() throws {
        for copy in memory { try copy.publish() }
        for file in files {
            try LocalFile.rename(
                try file.datastore.localPath(file.temporary), to: try file.datastore.localPath(file.target)
            ) { file.state.isPublished.withLock { $0 = true } }
        }
    }

    /// Removes the files, published or not. Files that are not there are no error.
    public func discard() async throws {
        for copy in memory { copy.discard() }
        for file in files {
            let store = try file.datastore.requireStore()
            let isPublished = file.state.isPublished.withLock { $0 }
            try await store.delete(isPublished ? file.target : file.temporary)
        }
    }

    /// For the way out after another error, which matters more than one from tidying up.
    func discardIgnoringErrors() async {
        do { try await discard() } catch {}
    }
}
