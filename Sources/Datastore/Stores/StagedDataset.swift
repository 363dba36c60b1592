import ButlerModel
import Database
import ObjectStorage
import Synchronization

/// A dataset whose files are written, but under names in a hidden folder. See ``StagedArtifacts`` for its further way.
public struct StagedDataset: Sendable {
    public let ref: DatasetRef
    private(set) var files: [StagedFile] = []
    /// Copies that this process keeps in memory.
    private(set) var memory: [InMemoryDatastore.Staged] = []

    init(ref: DatasetRef) { self.ref = ref }

    init(ref: DatasetRef, memory: InMemoryDatastore.Staged) {
        self.ref = ref
        self.memory = [memory]
    }

    mutating func append(_ file: StagedFile) { files.append(file) }

    mutating func merge(_ other: StagedDataset) {
        files += other.files
        memory += other.memory
    }

    /// The records of the files in one datastore, by its name; for most repositories there is one.
    public var records: [String: [StoredFileInfo]] {
        Dictionary(grouping: files, by: \.datastore.name).mapValues { $0.flatMap { $0.rows.map(\.info) } }
    }

    /// Enters the dataset into `dataset_location` and its files into the records tables. The registry must know it.
    ///
    /// - Throws: `DatabaseError.constraintViolation` when a datastore already has the dataset.
    public func insertRecords(_ connection: any DatabaseConnection) throws {
        try StagedArtifacts(self).insertRecords(connection)
    }

    /// Gives the files their names. Blocks: call it inside a registry transaction or on another thread that may block.
    /// - Throws: `ObjectStorageError.alreadyExists` when there is a file of such a name.
    public func publish() throws { try StagedArtifacts(self).publish() }

    /// Removes the files, published or not. Files that are not there are no error.
    public func discard() async throws {
        try await StagedArtifacts(self).discard()
    }

    /// For the way out after another error, which matters more than one from tidying up.
    func discardIgnoringErrors() {
        do { try StagedArtifacts(self).discardFiles() } catch {}
    }
}

/// One file on its way into a datastore, and the records that it is to have. There can be as many as an operation has
/// files, in several lists, so it is an object and not a value of many parts.
final class StagedFile: Sendable {
    struct Row: Sendable {
        let id: DatasetID
        let info: StoredFileInfo
    }

    let datastore: FileDatastore
    let rows: [Row]
    /// Where it is now and what it will be called; `nil` for a file that is recorded where it is.
    let placement: Placement?
    /// What goes away once the file is recorded.
    let source: JournalIntent.MovedSource?
    let state: State

    struct Placement: Sendable {
        let staged: Staged
        fileprivate(set) var target: ObjectPath
        /// Whether its content is new, not that of a file which is linked to.
        var isWritten = true
    }

    /// What becomes the file.
    enum Staged: Sendable, Hashable {
        /// A file in the session's folder, by its path below the root.
        case made(ObjectPath)
        /// A file elsewhere on the same file system, by its absolute path, which gets another name, and as it was when its
        /// records were made.
        case linked(String, FileIdentity)
    }

    /// Which names a file has. Shared with those that are the same under another name.
    final class State: Sendable {
        enum Name { case staged, published, both }

        /// The name that it was given, and what had it then.
        struct Given {
            let target: ObjectPath
            let identity: FileIdentity?
        }

        private let names = Mutex((name: Name.staged, given: Given?.none))

        var name: Name { names.withLock { $0.name } }
        var given: Given? { names.withLock { $0.given } }
        var isPublished: Bool { name != .staged }

        /// - Parameter identity: `nil` where it is an object.
        func publish(as target: ObjectPath, _ identity: FileIdentity?, isKept: Bool = false) {
            names.withLock { $0 = (isKept ? .both : .published, Given(target: target, identity: identity)) }
        }
    }

    init(
        datastore: FileDatastore, rows: [Row], placement: Placement?, source: JournalIntent.MovedSource? = nil,
        state: State = State()
    ) {
        self.datastore = datastore
        self.rows = rows
        self.placement = placement
        self.source = source
        self.state = state
    }

    /// The same under another name.
    func named(_ target: ObjectPath) -> StagedFile {
        var placement = placement
        placement?.target = target
        let rows = rows.map { row in
            var info = row.info
            let member = info.path.utf8.firstRange(of: "#zip-path=".utf8).map { String(info.path[$0.lowerBound...]) } ?? ""
            info.path = target.description + member
            return Row(id: row.id, info: info)
        }
        return StagedFile(datastore: datastore, rows: rows, placement: placement, source: source, state: state)
    }
}
