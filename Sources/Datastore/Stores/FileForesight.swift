import ButlerModel
import ByteText
import Database
import ObjectStorage
import RepositoryConfiguration

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What bringing files into datastores would meet, found out without writing: sources that are missing or contradict their
/// records, names that are taken or given twice, and room that is lacking.
///
/// Memory: a number for each name.
public struct FileForesight: Sendable {
    /// Files that would get a name, or be recorded where they are.
    public private(set) var files = 0
    /// Bytes that would be copied.
    public var bytes: Int64 { needs.values.reduce(0, +) }
    /// Bytes to be copied, by the root of the datastore.
    private var needs: [ExactName: Int64] = [:]
    /// Hashes: two names that share one are no more likely than damage to the disk.
    private var names: Set<Int> = []
    /// Names that are taken, by what nobody has looked at yet.
    private var taken: [(datastore: FileDatastore, path: ObjectPath)] = []

    public init() {}

    /// One file.
    struct Entry: Sendable {
        /// The root of the datastore and the absolute path there; `nil` for a file that stays where it is.
        var target: (root: String, path: String)?
        /// Bytes of a file whose content has to be copied.
        var copied: Int64 = 0
        /// Its name, where there is a file or object of that.
        var taken: (datastore: FileDatastore, path: ObjectPath)?
        var ids: [DatasetID]
    }

    /// - Throws: ``DatastoreError/ambiguousTarget(path:datasets:)`` for a name that a file of before has.
    mutating func add(_ entries: [Entry]) throws {
        for entry in entries {
            files += 1
            if let name = entry.taken { taken.append(name) }
            guard let (root, path) = entry.target else { continue }
            guard names.insert(ExactName(path).hashValue).inserted else {
                throw DatastoreError.ambiguousTarget(path: path, datasets: entry.ids.map(\.description))
            }
            needs[root, default: 0] += entry.copied
        }
    }

    /// Looks at what has the names that are taken: a file that waits for its deletion is in nobody's way.
    ///
    /// - Throws: `ObjectStorageError.alreadyExists` for others.
    public mutating func refuseTaken(_ connection: any DatabaseConnection) throws {
        let groups = Dictionary(grouping: taken, by: { ObjectIdentifier($0.datastore) }).values
        taken = []
        for names in groups {
            guard let datastore = names.first?.datastore else { continue }
            let paths = names.map(\.path)
            let waiting = try datastore.recordedFiles(byUse: paths.map(\.description), connection).waiting
            if let path = paths.filter({ !waiting.contains($0.description) }).min() {
                throw ObjectStorageError.alreadyExists(path: try datastore.nameOfTarget(path))
            }
        }
    }

    /// - Throws: ``DatastoreError/notEnoughRoom(root:needed:free:)``. Blocks.
    public func checkRoom() throws {
        for (root, needed) in needs where needed > 0 {
            var status = statvfs()
            guard statvfs(root.text, &status) == 0 else { continue }
            let free = Int64(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
            guard needed <= free else { throw DatastoreError.notEnoughRoom(root: root.text, needed: needed, free: free) }
        }
    }
}

extension FileDatastore {
    /// - Throws: as staging the file does.
    func foresee(_ file: IncomingFile, transfer: ArtifactTransfer, _ folders: ResolvedFolder) throws -> FileForesight.Entry {
        if transfer == .direct, let member = try stageMember(file) {
            return FileForesight.Entry(ids: member.rows.map(\.id))
        }
        let (place, rows) = try plan(file, transfer: transfer)
        return try foresee(place, rows, transfer: transfer, attributes: .unknown, folders)
    }

    func foresee(
        _ place: Place, _ rows: [StagedFile.Row], transfer: ArtifactTransfer, attributes: Attributes,
        _ folders: ResolvedFolder
    ) throws -> FileForesight.Entry {
        let source = place.name
        var size: Int64?
        if case .remote(let location, _) = place {
            // Its content is read when it comes, not before.
            size = try remoteStatus(location).size
        } else {
            _ = try measured(rows, attributes, at: source)
        }
        var entry = FileForesight.Entry(ids: rows.map(\.id))
        guard let mode = transfer.mode, let object = try target(of: rows, from: place) else { return entry }
        if try !existing([object]).isEmpty { entry.taken = (self, object) }
        guard isLocal else { return entry }
        let target = try localPath(object)
        let root = try rootPath()
        entry.target = (root, target)
        let isLinked =
            switch mode {
            case .link, .symlink, .relsymlink, .hardlink: true
            case .move: try size == nil && folders.canLink(LocalFile.status(source), into: root)
            case .copy: false
            }
        if !isLinked || size != nil { entry.copied = try size ?? LocalFile.size(source) }
        return entry
    }
}

extension Datastore {
    /// Looks what bringing files would meet; see ``stage(_:transfers:recordsAttributes:jobs:)``.
    public func foresee(
        _ files: [FileDatastore.IncomingFile], transfers: FileTransfers, jobs: Int, into foresight: inout FileForesight
    ) async throws {
        let works = try stagings(files, transfers)
        let folders = ResolvedFolder()
        try await Self.foresee(works.count, jobs: jobs, into: &foresight) { index in
            try works[index].datastore.foresee(works[index].file, transfer: works[index].transfer, folders)
        }
    }

    /// Looks what bringing files would meet whose records are known; see ``stage(recorded:transfer:jobs:)``.
    public func foresee(
        recorded files: [(source: ResourceURI, rows: [(ref: DatasetRef, info: StoredFileInfo)])],
        transfer: ArtifactTransfer, jobs: Int, into foresight: inout FileForesight
    ) async throws {
        let works = try recordedStagings(files)
        let folders = ResolvedFolder()
        try await Self.foresee(works.count, jobs: jobs, into: &foresight) { index in
            let work = works[index]
            return try work.datastore.foresee(
                try work.datastore.place(work.source), work.rows, transfer: work.transfer(transfer), attributes: .given, folders)
        }
    }

    private static func foresee(
        _ count: Int, jobs: Int, into foresight: inout FileForesight,
        _ body: @escaping @Sendable (Int) throws -> FileForesight.Entry
    ) async throws {
        let (entries, failure) = await POSIXObjectStore.sharedPool.each(count, jobs: jobs, body)
        if let failure { throw failure }
        try foresight.add(entries.compactMap { $0 })
    }
}
