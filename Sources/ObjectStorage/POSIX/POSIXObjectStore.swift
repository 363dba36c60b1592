import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Objects as files below a folder of a local or mounted file system.
///
/// Writes go to a temporary file in the target's folder, which is flushed to the disk and then takes the final name in
/// one step (rename, or link for `.createOnly`); the folder is flushed too. Symbolic links inside the root are
/// followed, because transfers with `symlink` make them on purpose: whoever may write into the root decides where
/// they lead.
///
/// A process that is killed while writing leaves a file `.steward-<16 hexadecimal digits>.partial`. No listing shows
/// it and nothing reads it; `removeAbandonedWrites(olderThan:)` deletes such files.
public struct POSIXObjectStore: ObjectStore {
    public let root: ResourceURI
    private let rootPath: String
    private let pool: BlockingPool
    private let synchronizing: Bool

    /// One pool for all stores of the process: the disks are shared as well.
    public static let sharedPool = BlockingPool(label: "object-storage.posix", width: 8)

    /// - Parameters:
    ///   - root: an absolute folder; it need not exist before the first write. `file:///` gives a store that holds the
    ///     whole file system, for datasets that were ingested in place.
    ///   - synchronizing: whether a write waits until the bytes are on the disk. Turn off for scratch areas only.
    /// - Throws: `.unsupported` when the root is not a local location.
    public init(
        root: ResourceURI, synchronizing: Bool = true, pool: BlockingPool = POSIXObjectStore.sharedPool
    ) throws(ObjectStorageError) {
        guard let path = root.localPath else {
            throw .unsupported(
                path: root.description, operation: "use as a local folder",
                remedy: "give an absolute path or a file:// URI")
        }
        self.root = root.withoutFragment.asDirectory
        var trimmed = path.utf8[...]
        while trimmed.last == PathText.slash { trimmed.removeLast() }
        rootPath = String(Substring(trimmed))
        self.pool = pool
        self.synchronizing = synchronizing
    }

    public func localPath(_ path: ObjectPath) -> String? { file(path) }

    private func file(_ path: ObjectPath) -> String { rootPath + "/" + path.description }

    // MARK: Reading

    public func stat(_ path: ObjectPath) async throws -> ObjectStatus? {
        let file = file(path)
        return try await pool.run { try Self.status(of: file) }
    }

    static func status(of file: String) throws(ObjectStorageError) -> ObjectStatus? {
        var buffer = FileStatus()
        guard fstatat(AT_FDCWD, file, &buffer, 0) == 0 else {
            // Symbolic links that lead round in a circle lead to nothing.
            if errno == ENOENT || errno == ENOTDIR || errno == ELOOP { return nil }
            throw .from(errno, path: file, operation: "examine")
        }
        return buffer.st_mode & S_IFMT == S_IFREG ? buffer.objectStatus : nil
    }

    public func read(_ path: ObjectPath) async throws -> [UInt8] {
        let file = file(path)
        return try await pool.run {
            let descriptor = try FileDescriptor.reading(file, naming: file)
            let size = Int64(try descriptor.status().st_size)
            let bytes = try descriptor.read(at: 0, count: Int(size))
            guard bytes.count == Int(size) else { throw ObjectStorageError.changedWhileReading(path: file) }
            return bytes
        }
    }

    public func read(_ path: ObjectPath, range: Range<Int64>) async throws -> [UInt8] {
        try await read(path, ranges: [range])[0]
    }

    public func read(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [[UInt8]] {
        let file = file(path)
        return try await pool.run {
            let descriptor = try FileDescriptor.reading(file, naming: file)
            let size = Int64(try descriptor.status().st_size)
            return try ranges.map { range in
                guard range.lowerBound >= 0, range.lowerBound <= size else {
                    throw ObjectStorageError.invalidRange(
                        path: file, lower: range.lowerBound, upper: range.upperBound, size: size)
                }
                return try descriptor.read(
                    at: range.lowerBound, count: Int(min(range.upperBound, size) - range.lowerBound))
            }
        }
    }

    public func chunks(of path: ObjectPath, size: Int) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        let file = file(path)
        let pool = pool
        let size = max(1, size)
        let reader = try await pool.run { ChunkReader(try FileDescriptor.reading(file, naming: file)) }
        return AsyncThrowingStream { try await pool.run { try reader.next(size: size) } }
    }

    public func list(_ prefix: ObjectPath?) async throws -> AsyncThrowingStream<[ObjectEntry], any Error> {
        list(SharedWalk(DirectoryWalk(root: rootPath, prefix: prefix?.description ?? "")))
    }

    /// All files but those whose names are no text, which ``list(_:)`` throws for. Of them it is told what was the matter, once
    /// the others were given.
    public func listText() -> (
        pages: AsyncThrowingStream<[ObjectEntry], any Error>, problems: @Sendable () -> [ObjectStorageError]
    ) {
        let walk = SharedWalk(
            DirectoryWalk(root: rootPath, prefix: "") { if case .invalidPath = $0 { true } else { false } })
        return (list(walk), { walk.problems })
    }

    private func list(_ walk: SharedWalk) -> AsyncThrowingStream<[ObjectEntry], any Error> {
        let pool = pool
        return AsyncThrowingStream {
            try await pool.run {
                try walk.nextPage()?.map {
                    ObjectEntry(path: ObjectPath(trusted: $0.path), status: $0.status.objectStatus)
                }
            }
        }
    }

    /// All files, and what kept others from being looked at: names that are no text, folders that may not be read.
    /// Cost: the names of all files are in memory.
    ///
    /// - Throws: `ObjectStorageError` when the root itself cannot be read.
    public func accessibleFiles() async throws -> (files: [ObjectEntry], problems: [ObjectStorageError]) {
        let root = rootPath
        return try await pool.run {
            var walk = DirectoryWalk(root: root, prefix: "") { _ in true }
            var files: [ObjectEntry] = []
            while let page = try walk.nextPage() {
                files += page.map { ObjectEntry(path: ObjectPath(trusted: $0.path), status: $0.status.objectStatus) }
            }
            return (files, walk.problems)
        }
    }

    // MARK: Writing

    public func write(_ path: ObjectPath, bytes: [UInt8], mode: WriteMode) async throws {
        let file = file(path)
        let synchronizing = synchronizing
        try await pool.run {
            if mode == .createOnly {
                // Saves the work when it is clear already; the commit decides.
                guard try Self.status(of: file) == nil else { throw ObjectStorageError.alreadyExists(path: file) }
            }
            var write = try AtomicWrite(target: file, naming: file, synchronizing: synchronizing)
            let descriptor = try FileDescriptor.creating(write.temporary, naming: file)
            try bytes.withUnsafeBytes { try descriptor.writeAll($0) }
            if synchronizing { try descriptor.synchronize() }
            try write.commit(mode: mode, synchronizing: synchronizing)
        }
    }

    public func write(
        _ path: ObjectPath, fromLocalFile source: String, transfer: TransferMode, mode: WriteMode
    ) async throws {
        let step = LocalTransfer(source: source, target: file(path), path: file(path), synchronizing: synchronizing)
        try await pool.run { try step.run(transfer, mode: mode) }
    }

    public func upload(_ path: ObjectPath, mode: WriteMode, resuming token: String?) async throws -> any ObjectUpload {
        try await POSIXUpload(
            target: file(path), mode: mode, resuming: token, pool: pool, synchronizing: synchronizing)
    }

    public func copy(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws {
        try await write(target, fromLocalFile: file(source), transfer: .copy, mode: mode)
    }

    public func move(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws {
        try await write(target, fromLocalFile: file(source), transfer: .move, mode: mode)
    }

    public func delete(_ path: ObjectPath) async throws {
        let file = file(path)
        try await pool.run {
            guard unlink(file) != 0, errno != ENOENT, errno != ENOTDIR else { return }
            throw ObjectStorageError.from(errno, path: file, operation: "delete")
        }
    }

    /// Deletes the temporary files that killed writers left behind.
    ///
    /// - Parameter age: files changed within this time may belong to a running writer and are kept.
    /// - Returns: the number of deleted files. Cost: walks the whole store.
    @discardableResult
    public func removeAbandonedWrites(olderThan age: Duration) async throws -> Int {
        let root = rootPath
        return try await pool.run {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            let parts = age.components
            let limit =
                (Int64(now.tv_sec) - parts.seconds) * 1_000_000_000 + Int64(now.tv_nsec)
                - parts.attoseconds / 1_000_000_000
            var walk = DirectoryWalk(root: root, prefix: "")
            var removed = 0
            while let page = try walk.nextPage(temporaries: true) {
                for entry in page where entry.status.modificationNanoseconds <= limit {
                    let file = root + "/" + entry.path
                    guard unlink(file) == 0 || errno == ENOENT else {
                        throw ObjectStorageError.from(errno, path: file, operation: "delete")
                    }
                    removed += 1
                }
            }
            return removed
        }
    }
}

/// The C structure, under a name that the store's method `stat` does not hide.
private typealias FileStatus = stat

/// A file that is read from front to back. The lock keeps two consumers of one stream from reading the same piece.
private final class ChunkReader: Sendable {
    private let descriptor: FileDescriptor
    private let offset = Mutex<Int64>(0)

    init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

    func next(size: Int) throws -> [UInt8]? {
        try offset.withLock { offset in
            let piece = try descriptor.read(at: offset, count: size)
            offset += Int64(piece.count)
            return piece.isEmpty ? nil : piece
        }
    }
}

/// A walk whose pages are read on different threads, one after the other.
private final class SharedWalk: Sendable {
    private let walk: Mutex<DirectoryWalk>

    init(_ walk: sending DirectoryWalk) { self.walk = Mutex(walk) }

    var problems: [ObjectStorageError] { walk.withLock { $0.problems } }

    func nextPage() throws -> [(path: String, status: stat)]? { try walk.withLock { try $0.nextPage() } }
}
