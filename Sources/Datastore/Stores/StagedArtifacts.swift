import ButlerModel
import ByteText
import Database
import ObjectStorage
import Synchronization

/// The files that one operation brings into datastores, all or none.
///
/// The course is: stage files; ``declare()``; in one registry transaction make the datasets, call
/// ``insertRecords(_:)`` and last ``publish()``; after it, ``finish()``. When the transaction failed, ``undo(_:)`` in
/// another one. A process that dies on the way leaves an intent, from which the next writer undoes or finishes.
///
/// All methods block.
public struct StagedArtifacts: Sendable {
    let files: [StagedFile]
    /// Copies that this process keeps in memory; no other knows of them, so they need no intents.
    let memory: [InMemoryDatastore.Staged]
    private let intents: Intents
    /// Whether all files have their names, whatever is known of each.
    private let isPublished: Bool

    /// An intent in effect: the file that it is in, and whose files it names.
    struct Intent: Sendable {
        let datastore: FileDatastore
        let path: String
        /// Whether all of its files are where it says that they will be; on this machine from the start.
        var isComplete = true
    }

    private final class Intents: Sendable {
        let inEffect: Mutex<[Intent]>

        init(_ intents: [Intent] = []) { inEffect = Mutex(intents) }
    }

    /// - Parameters:
    ///   - intents: about the files, when they are declared already.
    ///   - isPublished: whether all files have their names.
    init(files: [StagedFile], intents: [Intent] = [], isPublished: Bool = false) {
        self.init(files: files, memory: [], intents: Intents(intents), isPublished: isPublished)
    }

    private init(files: [StagedFile], memory: [InMemoryDatastore.Staged], intents: Intents, isPublished: Bool) {
        self.files = files
        self.memory = memory
        self.intents = intents
        self.isPublished = isPublished
    }

    public init(_ datasets: [StagedDataset]) {
        self.init(
            files: datasets.flatMap(\.files), memory: datasets.flatMap(\.memory), intents: Intents(), isPublished: false)
    }

    var declared: [Intent] { intents.inEffect.withLock { $0 } }

    func begin(_ intent: Intent) { intents.inEffect.withLock { $0.append(intent) } }

    func complete(_ path: String) {
        intents.inEffect.withLock { intents in
            for index in intents.indices where intents[index].path == path { intents[index].isComplete = true }
        }
    }

    func end(_ path: String) { intents.inEffect.withLock { intents in intents.removeAll { $0.path == path } } }

    init(_ dataset: StagedDataset) { self.init([dataset]) }

    /// Other files that are staged the same, with what this process has declared.
    func with(_ files: [StagedFile]) -> StagedArtifacts {
        StagedArtifacts(files: files, memory: memory, intents: intents, isPublished: isPublished)
    }

    /// Files that were staged apart, to be recorded together.
    public init(joining parts: [StagedArtifacts]) {
        self.init(files: parts.flatMap(\.files), memory: parts.flatMap(\.memory), intents: Intents(), isPublished: false)
    }

    /// The same without what is known of the files, where what is still to be done goes by the intents.
    public var settled: StagedArtifacts {
        isSettled ? StagedArtifacts(files: [], memory: memory, intents: intents, isPublished: true) : self
    }

    /// Whether all files have left their staged names, and none has a source that is to go.
    var isSettled: Bool {
        files.allSatisfy { $0.source == nil && ($0.placement == nil || $0.state.name == .published) }
    }

    var datastores: [FileDatastore] {
        // Two may have one name, in a chain.
        var found: [FileDatastore] = []
        for file in files where !found.contains(where: { $0 === file.datastore }) { found.append(file.datastore) }
        return found
    }

    // MARK: Before the transaction

    /// Waits until the staged files are on the disk, and writes down what is to happen to them.
    ///
    /// - Throws: `ObjectStorageError.alreadyExists` when a name is taken.
    public func declare() throws {
        let done = declared
        for datastore in datastores where !done.contains(where: { $0.datastore === datastore }) {
            if !datastore.isLocal {
                try declareRemote(in: datastore)
                continue
            }
            var staged: [String] = []
            var entries: [JournalIntent.NewFile] = []
            var last: (folder: String, isThere: Bool)?
            var missing: Set<ExactName> = []
            for file in files where file.datastore === datastore {
                if let placement = file.placement {
                    let target = try datastore.localPath(placement.target)
                    let folder = JournalFiles.folder(of: target)
                    if last?.folder.hasSameBytes(as: folder) != true {
                        last = (folder, LocalFile.exists(folder))
                        if last?.isThere == false { try datastore.addMissingFolders(of: placement.target, to: &missing) }
                    }
                    // In a folder that is not there all names are free.
                    guard last?.isThere == false || !LocalFile.exists(target) else {
                        throw ObjectStorageError.alreadyExists(path: target)
                    }
                    if placement.isWritten { staged.append(try datastore.stagedPath(placement)) }
                    entries.append(
                        .init(
                            path: placement.target.description, identity: try datastore.identity(placement),
                            source: file.source))
                }
            }
            guard !entries.isEmpty else { continue }
            KillPoint.pass()
            try JournalFiles.flush(staged, below: try datastore.rootPath())
            let path = try datastore.session().record(JournalIntent(.write(entries), folders: missing.sortedTexts()))
            intents.inEffect.withLock { $0.append(Intent(datastore: datastore, path: path)) }
            KillPoint.pass()
        }
    }

    // MARK: Inside the transaction

    /// Enters the datasets into `dataset_location` and the files into the records tables. The registry must know them.
    ///
    /// - Throws: `DatabaseError.constraintViolation` when a datastore already has one of the datasets.
    public func insertRecords(_ connection: any DatabaseConnection) throws {
        for datastore in datastores {
            try datastore.insertRecords(files.filter { $0.datastore === datastore }, connection)
            KillPoint.pass()
        }
    }

    /// The datasets that the files are of.
    public var datasets: [DatasetID] { files.flatMap { $0.rows.map(\.id) } }

    /// The datasets whose file is to have a name, a path of this machine.
    func owners(of path: String) throws -> [DatasetID] {
        let owner = try files.first { file in
            guard file.datastore.isLocal, let placement = file.placement else { return false }
            return try file.datastore.localPath(placement.target).hasSameBytes(as: path)
        }
        return owner?.rows.map(\.id) ?? []
    }

    // MARK: After the transaction

    /// Removes moved sources, staged names and intents. The records must be committed.
    ///
    /// - Throws: `ObjectStorageError` when a moved source cannot be removed. The datasets are there nevertheless, and
    ///   the source stays.
    public func finish() throws {
        var failure: (any Error)?
        for file in files {
            if let source = file.source {
                do {
                    try Self.remove(source)
                } catch { failure = failure ?? error }
                KillPoint.pass()
            }
        }
        try tidyUp()
        if let failure { throw failure }
    }

    /// Removes what this operation has made, unless it is recorded after all: a transaction can succeed although the
    /// answer of the database is lost.
    /// - Returns: whether the files are recorded.
    public func undo(_ connection: any DatabaseConnection) throws -> Bool {
        var result = FileDatastore.Recovered()
        for declared in declared {
            let intent = try made(try declared.datastore.intent(at: declared.path), in: declared.datastore)
            try declared.datastore.lockNames(connection, forRemoval: true)
            if try declared.isComplete && mayBeCommitted(in: declared.datastore, connection) {
                try declared.datastore.settle(intent, connection, &result)
            } else {
                // The transaction was not begun, or did not succeed, whoever else may have recorded such files.
                var others = FileDatastore.Recovered()
                try declared.datastore.settle(intent.withoutSources, connection, &others)
            }
        }
        let isRecorded = result.recorded > 0
        if isRecorded {
            try finish()
        } else {
            for copy in memory { copy.discard() }
            try tidyUp()
        }
        return isRecorded
    }

    /// The part of an intent that is about files which got their names here. Another client may have given such a name to
    /// a file that is the same as ours, as hard links to one file are, before it came to ours.
    ///
    /// A hard link is ours for as long as it leads to the same file, though somebody has written to that.
    private func made(_ intent: JournalIntent, in datastore: FileDatastore) throws -> JournalIntent {
        guard datastore.isLocal, case .write(let entries) = intent.content else { return intent }
        var given: [ExactName: (isLink: Bool, identity: FileIdentity?)] = [:]
        for file in files where file.datastore === datastore && (isPublished || file.state.isPublished) {
            guard let placement = file.placement else { continue }
            let name = file.state.given
            var isLink = false
            if case .linked = placement.staged { isLink = true }
            given[(name?.target ?? placement.target).description] = (isLink, name?.identity)
        }
        let own = try entries.compactMap { entry in
            guard let file = given[entry.path] else { return isPublished ? entry : nil }
            var entry = entry
            let known = file.identity ?? entry.identity
            let target = try datastore.localPath(try ObjectPath(entry.path))
            if file.isLink, let now = FileIdentity(of: target), now.inode == known.inode { entry.identity = now }
            return entry
        }
        return JournalIntent(.write(own), forgets: intent.forgets)
    }

    /// Whether the transaction may have succeeded: one of the datasets has a record. That a file has one says less, as
    /// another client may have recorded a file under this name that is the same as ours, as hard links to one file are.
    private func mayBeCommitted(in datastore: FileDatastore, _ connection: any DatabaseConnection) throws -> Bool {
        let ids = files.lazy.filter { $0.datastore === datastore }.flatMap { $0.rows.map(\.id) }
        if ids.isEmpty { return true }
        return try Array(ids).pieces(of: 5000).contains { try !datastore.table.records(of: $0, connection).isEmpty }
    }

    /// Removes the files, published or not, whatever the records say. Objects on other machines that an intent names are
    /// left to the next writer.
    public func discardFiles() throws {
        for copy in memory { copy.discard() }
        for file in files where file.datastore.isLocal && file.state.isPublished { try unpublish(file) }
        intents.inEffect.withLock { intents in intents.removeAll { !$0.datastore.isLocal } }
        try tidyUp()
    }

    /// Removes the files from a task that must not block.
    public func discard() async throws {
        let artifacts = self
        try await Self.pool.run { try artifacts.discardFiles() }
    }

    private func unpublish(_ file: StagedFile) throws {
        guard let target = file.state.given?.target else { return }
        try JournalFiles.remove(try file.datastore.localPath(target))
    }

    private func tidyUp() throws {
        let done = intents.inEffect.withLock { intents in
            defer { intents = [] }
            return intents
        }
        for intent in done { try intent.datastore.forgetIntent(intent.path) }
        KillPoint.pass()
        for file in files {
            guard let placement = file.placement, case .made = placement.staged,
                file.state.name != .published
            else { continue }
            try JournalFiles.remove(try file.datastore.stagedPath(placement))
            KillPoint.pass()
        }
    }

    /// Removes the source of a move, if it is still the file that was taken.
    static func remove(_ source: JournalIntent.MovedSource) throws {
        guard source.path.hasPrefix("/") else { return try removeRemote(source) }
        guard FileIdentity(of: source.path) == source.identity else { return }
        try JournalFiles.remove(source.path)
    }
}

extension FileDatastore {
    /// Where the file is that gets its name later.
    func stagedPath(_ placement: StagedFile.Placement) throws -> String {
        switch placement.staged {
        case .made(let path): try stagingRoot() + "/" + path.description
        case .linked(let source, _): source
        }
    }

    /// Adds the folders that a file needs and that are not there, relative to the root.
    fileprivate func addMissingFolders(of target: ObjectPath, to missing: inout Set<ExactName>) throws {
        var next = target.description.folderInPath
        while let folder = next, !missing.contains(folder), !LocalFile.exists(try localPath(try ObjectPath(folder))) {
            missing.insert(folder)
            next = folder.folderInPath
        }
    }

    /// What tells a staged file from all others, before and after it gets its name.
    func identity(_ placement: StagedFile.Placement) throws -> FileIdentity {
        if case .linked(_, let identity) = placement.staged { return identity }
        let path = try stagedPath(placement)
        guard let identity = FileIdentity(of: path) else { throw ObjectStorageError.notFound(path: path) }
        return identity
    }
}
