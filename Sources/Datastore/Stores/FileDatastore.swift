import ByteText
import ButlerModel
import Database
import ObjectStorage
import RepositoryConfiguration
import Synchronization

/// A datastore that keeps datasets as files below a root, described by a table of the registry database.
public final class FileDatastore: Datastore {
    /// The name that `dataset_location` holds.
    public let name: String
    public let configuration: FileDatastoreConfiguration
    let storageClasses: StorageClassRegistry
    let templates: LookupTable<FileTemplate>
    let fallbackTemplate: FileTemplate?
    let formatters: LookupTable<FormatterConfiguration>
    let constraints: DatasetConstraints
    let disassembled: LookupTable<Bool>
    let root: ResourceURI
    /// `nil` when the root is not on this machine, as ``localRoot``.
    private let store: POSIXObjectStore?
    /// The path of the root, without a slash at the end.
    private let localRoot: String?
    /// The file system, for files that were ingested in place.
    private let fileSystem: POSIXObjectStore
    /// A root on another machine.
    let remote: (any ObjectStore)?
    /// Opens stores on other machines, for files that were ingested where they are.
    let remotes: ObjectStores?
    /// Local copies of remote files; `nil` for a local root and when caching is disabled.
    let cache: ArtifactCache?
    let table: FileRecordsTable
    let locations: DatasetLocationTable
    private let known = Mutex(Choices())
    /// The folder for files on their way here, made with the first of them.
    private let openSession = Mutex<JournalSession?>(nil)
    /// What stands for this process in the journal at a root on another machine.
    private let openRemoteSession = Mutex<RemoteSession?>(nil)
    private let isLookedAfter = Mutex(false)
    /// Those of the same chain, which may have records of files below the same root.
    private let chain = Mutex<[Neighbour]>([])

    /// What the registry is called; empty if it is not known.
    private let registryName = Mutex("")

    private struct Neighbour {
        weak var datastore: FileDatastore?
    }

    public var members: [DatastoreMember] { [.file(self)] }

    /// - Parameters:
    ///   - remote: reads files of a root that is not on this machine; without it they are only looked at.
    ///   - remotes: opens the root, if need be, and stores of files that were ingested where they are, when they are
    ///     first read.
    /// - Throws: ``DatastoreError/invalidTemplate(template:reason:)``, `ObjectStorageError` for an unusable root.
    public init(
        _ configuration: FileDatastoreConfiguration, universe: DimensionUniverse, storageClasses: StorageClassRegistry,
        remote: (any ObjectStore)? = nil, remotes: ObjectStores? = nil
    ) throws {
        let conform = universe.lookupConformer
        self.configuration = configuration
        self.storageClasses = storageClasses
        name = configuration.name
        templates = LookupTable(
            entries: try configuration.templates.conformed(by: conform).entries.map {
                ($0.key, try FileTemplate($0.value))
            })
        fallbackTemplate = try configuration.defaultTemplate.map { try FileTemplate($0) }
        formatters = configuration.formatters.conformed(by: conform)
        constraints = configuration.constraints.conformed(by: conform)
        disassembled = configuration.composites.disassembled.conformed(by: conform)
        if let path = configuration.root.localPath {
            root = try ResourceURI(localPath: path).asDirectory
            store = try POSIXObjectStore(root: root)
            localRoot = root.localPath?.withoutFinalSlash
        } else {
            root = try ResourceURI(configuration.root.description).asDirectory
            store = nil
            localRoot = nil
        }
        var remote = remote
        if remote == nil, store == nil, let remotes {
            remote = DeferredObjectStore(root: root) { [root] in try remotes.open(root) }
        }
        self.remote = remote
        self.remotes = remotes
        cache = remote == nil ? nil : try configuration.conformed(by: conform).cache.map { try ArtifactCache($0) }
        fileSystem = try POSIXObjectStore(root: try ResourceURI(localPath: "/"))
        table = FileRecordsTable(name: configuration.recordsTable)
        locations = DatasetLocationTable(datastore: configuration.name)
    }

    /// Tells which datastores make up the chain that this one is in.
    func join(_ chain: [FileDatastore]) {
        self.chain.withLock { $0 = chain.map { Neighbour(datastore: $0) } }
    }

    /// Tells whose files these are. Other registries may have files below the same root, and what their writers were about
    /// to do is theirs to finish.
    ///
    /// - Parameter name: the same for all clients; of a database in a file `sqlite:` and its path, without links.
    public func belong(toRegistry name: String) { registryName.withLock { $0 = name } }

    /// The name of the registry for the journal: of a file below the root its path there, which stays when the repository
    /// is moved.
    func nameInJournal() throws -> String {
        let name = registryName.withLock { $0 }
        guard let root = try existingRoot() else { return name }
        return name.after("sqlite:" + root + "/") ?? name
    }

    /// The others of the chain.
    var neighbours: [FileDatastore] {
        chain.withLock { $0.compactMap(\.datastore) }.filter { $0 !== self }
    }

    public func accepting(_ subject: LookupSubject) -> [FileDatastore] { constraints.accepts(subject) ? [self] : [] }

    // MARK: Records

    func records(
        of ids: [DatasetID], _ connection: any DatabaseConnection
    ) throws -> [DatasetID: [StoredFileInfo]] {
        try table.records(of: ids, connection)
    }

    /// The datasets that share a zip archive with a recorded file, by member; none for a file of its own.
    public func members(
        sharingZipOf info: StoredFileInfo, _ connection: any DatabaseConnection
    ) throws -> [ExactName: Set<DatasetID>] {
        guard let mark = info.path.utf8.firstRange(of: "#zip-path=".utf8) else { return [:] }
        return try table.members(ofZip: String(info.path[..<mark.lowerBound]), connection)
    }

    /// Enters datasets and their files, of which one may have several; makes the records table when it is missing. The
    /// registry must know the datasets.
    ///
    /// - Throws: `DatabaseError.constraintViolation` when the datastore already has one of the datasets.
    func insertRecords(_ files: [StagedFile], _ connection: any DatabaseConnection) throws {
        try lockNames(connection, forRemoval: false)
        var seen: Set<DatasetID> = []
        seen.reserveCapacity(files.count)
        var ids: [DatasetID] = []
        ids.reserveCapacity(files.count)
        for file in files {
            for index in file.rows.indices {
                let id = file.rows[index].id
                if seen.insert(id).inserted { ids.append(id) }
            }
        }
        try locations.insert(ids, connection)
        try table.insert(files, connection)
        // Of clients that died; others that empty the trash would take the new files.
        if try !trash.isEmpty(connection) { for chunk in ids.pieces(of: 10_000) { try trash.delete(chunk, connection) } }
    }

    /// Keeps those who remove files and those who give files names apart, until the transaction ends. Whoever removes
    /// then sees all records of those before him, also of one whose answer from the database was lost.
    func lockNames(_ connection: any DatabaseConnection, forRemoval: Bool) throws {
        try connection.lock(name: "files of \(table.specification.name)", isExclusive: forRemoval)
    }

    /// Removes datasets from both tables; the files stay.
    public func deleteRecords(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        try table.delete(ids, connection)
        try locations.delete(ids, connection)
    }

    /// Makes the records table as the first writing client does.
    public func createTables(_ connection: any DatabaseConnection) throws { try table.create(connection) }

    // MARK: Locations

    /// The absolute location of a recorded file, with the fragment that names a zip member.
    public func location(of info: StoredFileInfo) throws -> ResourceURI {
        switch try ArtifactLocation(recorded: info.path) {
        case .outside(let uri, _): return uri
        // Parsing has made sure that the path does not leave the root.
        case .inside: return try root.join(info.path)
        }
    }

    func requireStore() throws -> POSIXObjectStore {
        guard let store else { throw DatastoreError.unsupportedLocation(uri: root.description) }
        return store
    }

    /// Where this process stages files and writes down what it is about to do. Blocks when it is made.
    func session() throws -> JournalSession {
        try openSession.withLock { held in
            if let held { return held }
            let session = try JournalSession.begin(root: try stagingRoot(), registry: try nameInJournal())
            held = session
            return session
        }
    }

    /// The journal of this process at a root on another machine. Blocks, and speaks with the service, when it is made.
    func remoteSession() throws -> RemoteSession {
        let (store, scratch) = (try requireRemote(), try session())
        return try openRemoteSession.withLock { held in
            if let held { return held }
            let session = try RemoteSession.begin(store, scratch: scratch, registry: try nameInJournal())
            held = session
            return session
        }
    }

    /// Where files are staged, without a slash at the end: the root, or for one on another machine a folder here. Blocks.
    func stagingRoot() throws -> String { try isLocal ? rootPath() : ScratchFolder.path(for: root) }

    /// Whether nobody has yet looked, through this value, for what writers of a root on another machine left.
    public func claimsRecovery() -> Bool {
        !isLocal
            && isLookedAfter.withLock { isDone in
                defer { isDone = true }
                return !isDone
            }
    }

    /// Ends the use of the folder for staged files, if there is one. Blocks.
    func endSession() throws {
        let remote = openRemoteSession.withLock { held in
            defer { held = nil }
            return held
        }
        try remote?.end()
        let session = openSession.withLock { held in
            defer { held = nil }
            return held
        }
        try session?.end()
    }

    /// The root on this machine, without a slash at the end.
    func rootPath() throws -> String {
        guard let localRoot else { throw DatastoreError.unsupportedLocation(uri: root.description) }
        return localRoot
    }

    /// Where the files are, with a slash at the end.
    public var rootLocation: ResourceURI { root }

    /// Whether the files are on this machine.
    public var isLocal: Bool { store != nil }

    func localPath(_ path: ObjectPath) throws -> String {
        guard let localRoot else {
            throw DatastoreError.unsupportedLocation(uri: root.description + path.description)
        }
        return localRoot == "/" ? localRoot + path.description : localRoot + "/" + path.description
    }

    /// The store and path of a recorded file, and the zip member.
    func place(of info: StoredFileInfo) throws -> (store: POSIXObjectStore, path: ObjectPath, member: String?) {
        switch try ArtifactLocation(recorded: info.path) {
        case .inside(let path, let member): return (try requireStore(), path, member)
        case .outside(let uri, let member):
            guard let local = uri.localPath else { throw DatastoreError.unsupportedLocation(uri: uri.description) }
            return (fileSystem, try ObjectPath(local.withoutFirstSlashes), member)
        }
    }

    /// The size of the file that a record points to, for a zip member that of the archive; `nil` when there is none.
    func size(of info: StoredFileInfo) async throws -> Int64? {
        if let (store, path, _) = try remotePlace(of: info) { return try await store.stat(path)?.size }
        let (store, path, _) = try place(of: info)
        return try await store.stat(path)?.size
    }

    // MARK: Configuration

    /// Whether the constraints let a dataset in.
    public func accepts(_ ref: DatasetRef) -> Bool { constraints.accepts(LookupSubject(ref)) }

    /// The template for a dataset, checked against its type.
    func template(for ref: DatasetRef) throws -> BoundTemplate {
        let key = key(ref)
        if let known = known.withLock({ $0.choice(key).template }) { return known }
        guard let template = templates.match(LookupSubject(ref))?.value ?? fallbackTemplate else {
            throw DatastoreError.noTemplate(datasetType: ref.datasetType.name, datastore: name)
        }
        try template.validate(for: ref.datasetType, byIdentifier: true)
        let bound = BoundTemplate(template, ref.datasetType)
        known.withLock { $0.keep(key) { .init(template: bound, formatter: $0.formatter) } }
        return bound
    }

    /// The formatter that writes a dataset.
    func formatter(for ref: DatasetRef) throws -> FormatterConfiguration {
        let key = key(ref)
        if let known = known.withLock({ $0.choice(key).formatter }) { return known }
        guard let formatter = formatters.match(LookupSubject(ref))?.value else {
            throw DatastoreError.noFormatter(
                datasetType: ref.datasetType.name, storageClass: ref.datasetType.storageClass, datastore: name)
        }
        known.withLock { $0.keep(key) { .init(template: $0.template, formatter: formatter) } }
        return formatter
    }

    /// What the configuration says about datasets that were asked about before: it looks at dataset type and instrument
    /// alone.
    private struct Choices: Sendable {
        struct Key: Hashable {
            let type: DatasetType
            let parentStorageClass: String?
            let instrument: DataIDValue?
        }

        /// An object, as each file of an operation asks for one.
        final class Choice: Sendable {
            let template: BoundTemplate?
            let formatter: FormatterConfiguration?

            init(template: BoundTemplate? = nil, formatter: FormatterConfiguration? = nil) {
                self.template = template
                self.formatter = formatter
            }
        }

        private var all: [Key: Choice] = [:]
        /// Datasets that follow one another are mostly of one type.
        private var latest: (key: Key, choice: Choice)?

        mutating func choice(_ key: Key) -> Choice {
            if let latest, latest.key == key { return latest.choice }
            let choice = all[key] ?? Choice()
            latest = (key, choice)
            return choice
        }

        mutating func keep(_ key: Key, _ change: (Choice) -> Choice) {
            all[key] = change(all[key] ?? Choice())
            latest = nil
        }
    }

    private func key(_ ref: DatasetRef) -> Choices.Key {
        Choices.Key(
            type: ref.datasetType, parentStorageClass: ref.datasetType.parentStorageClass,
            instrument: ref.dataID["instrument"])
    }
}
