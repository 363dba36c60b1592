/// Named byte sequences below one root: the one interface through which datastores reach files, whatever holds them.
///
/// Guarantees every backend gives (and `ObjectStoreBehaviour` in the tests checks):
/// - a write appears whole or not at all, and readers see the old or the new bytes, never a mixture;
/// - of several `.createOnly` writers of one path exactly one succeeds, the others throw `.alreadyExists`;
/// - a failed write leaves nothing under the path and no temporary file;
/// - folders are not objects: they come into being with the first object in them.
///
/// Errors are `ObjectStorageError`, or `CancellationError` when the task was cancelled before the work began. All
/// methods may be called from any task at the same time; none blocks the cooperative thread pool.
public protocol ObjectStore: Sendable {
    /// The root folder of the store, with final slash.
    var root: ResourceURI { get }

    /// Size, time and tag of an object, or `nil` if there is none at the path.
    func stat(_ path: ObjectPath) async throws -> ObjectStatus?

    /// The whole object. Memory: its size.
    func read(_ path: ObjectPath) async throws -> [UInt8]

    /// The bytes of a half-open range. A range that ends behind the object is cut at its end.
    ///
    /// - Throws: `.invalidRange` when the range starts below zero or behind the end of the object.
    func read(_ path: ObjectPath, range: Range<Int64>) async throws -> [UInt8]

    /// The object in pieces of at most `size` bytes, read as they are asked for. The object is opened by this call, so
    /// a missing one fails here, and a concurrent overwrite does not mix versions.
    func chunks(of path: ObjectPath, size: Int) async throws -> AsyncThrowingStream<[UInt8], any Error>

    /// The same, of one version of the object.
    ///
    /// - Throws: `.changedWhileReading` when there is another.
    func chunks(
        of path: ObjectPath, size: Int, tagged etag: String
    ) async throws -> AsyncThrowingStream<[UInt8], any Error>

    /// Stores bytes under a path.
    ///
    /// - Throws: `.alreadyExists` when `mode` is `.createOnly` and there is an object.
    func write(_ path: ObjectPath, bytes: [UInt8], mode: WriteMode) async throws

    /// Stores a local file (absolute path; symbolic links are followed) under a path. A file that is the same as
    /// the target is left alone.
    ///
    /// - Throws: `.unsupported` when the backend has no such transfer mode.
    func write(_ path: ObjectPath, fromLocalFile source: String, transfer: TransferMode, mode: WriteMode) async throws

    /// Removes an object. No object at the path is not an error.
    func delete(_ path: ObjectPath) async throws

    /// All objects in the folder `prefix` and below it (`nil`: in the store), in pages, in no promised order.
    /// A folder that does not exist has no objects.
    func list(_ prefix: ObjectPath?) async throws -> AsyncThrowingStream<[ObjectEntry], any Error>

    /// Where the object is, or would be, on this machine; `nil` for a store that is not local.
    func localPath(_ path: ObjectPath) -> String?

    /// Several ranges of an object, in the order asked for. They are of one version of it.
    ///
    /// - Throws: `.changedWhileReading` when the object is replaced meanwhile; see `read(_:range:)`.
    func read(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [[UInt8]]

    /// Begins to store an object piece by piece, or goes on with an upload that was begun before.
    ///
    /// - Parameter token: of the upload to go on with; see ``ObjectUpload``.
    /// - Throws: `.notFound` for a token of an upload that is over; `.unsupported`.
    func upload(_ path: ObjectPath, mode: WriteMode, resuming token: String?) async throws -> any ObjectUpload

    /// Copies an object inside the store. Where services can, no bytes come through this process.
    func copy(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws

    /// Gives an object another path. Stores without renaming copy it and then delete the source.
    func move(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws

    /// Removes many objects.
    ///
    /// - Returns: what could not be removed, and why. Objects that are not there are no failures.
    func delete(_ paths: [ObjectPath]) async throws -> [ObjectPath: any Error]

    /// Which of many objects there are.
    func existing(_ paths: [ObjectPath]) async throws -> Set<ObjectPath>

    /// Removes what writers of an object that died on the way have left: parts, temporary names. One that is still at
    /// work on this object may fail then. The object itself stays.
    func discardUnfinished(_ path: ObjectPath) async throws

    /// A URL with which anybody can read or write the object for a while; `nil` where there is no such thing.
    ///
    /// - Parameter lifetime: seconds.
    func signedURL(_ access: SignedAccess, of path: ObjectPath, for lifetime: Int64) async throws -> String?
}

extension ObjectStore {
    public func exists(_ path: ObjectPath) async throws -> Bool { try await stat(path) != nil }

    public func upload(_ path: ObjectPath, mode: WriteMode) async throws -> any ObjectUpload {
        try await upload(path, mode: mode, resuming: nil)
    }

    public func chunks(
        of path: ObjectPath, size: Int, tagged etag: String
    ) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        let chunks = try await chunks(of: path, size: size)
        guard try await stat(path)?.etag == etag else {
            throw ObjectStorageError.changedWhileReading(path: path.description)
        }
        return chunks
    }

    /// The full location of an object.
    public func uri(_ path: ObjectPath) throws(ObjectStorageError) -> ResourceURI {
        if let local = localPath(path) { return try ResourceURI(localPath: local) }
        return try root.join(untrusted: path.description)
    }

    /// Pieces of one mebibyte.
    public func chunks(of path: ObjectPath) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        try await chunks(of: path, size: 1 << 20)
    }
}

/// What a store knows about an object without reading it.
public struct ObjectStatus: Sendable, Hashable {
    /// Bytes.
    public let size: Int64
    /// Last modification: UTC nanoseconds since 1970-01-01.
    public let modificationTime: Int64
    /// Changes whenever the content may have changed; opaque.
    public let etag: String
    /// Digests of the whole object that the store knows.
    public let checksums: [ChecksumAlgorithm: [UInt8]]

    public init(
        size: Int64, modificationTime: Int64, etag: String, checksums: [ChecksumAlgorithm: [UInt8]] = [:]
    ) {
        self.size = size
        self.modificationTime = modificationTime
        self.etag = etag
        self.checksums = checksums
    }
}

/// One line of a listing.
public struct ObjectEntry: Sendable, Hashable {
    public let path: ObjectPath
    public let status: ObjectStatus

    public init(path: ObjectPath, status: ObjectStatus) {
        self.path = path
        self.status = status
    }
}

/// What a write does when the path is taken.
public enum WriteMode: Sendable, Hashable {
    case createOnly
    case overwrite
}

/// How a local file comes into a store, in the words of `butler ingest-raws --transfer`.
public enum TransferMode: String, Sendable, Hashable, CaseIterable {
    case copy
    case move
    /// A hard link, or a symbolic link where that is impossible.
    case link
    case hardlink
    /// A symbolic link with an absolute target.
    case symlink
    /// A symbolic link with a target relative to the folder of the link.
    case relsymlink
}

/// What a signed URL allows.
public enum SignedAccess: String, Sendable, Hashable, CaseIterable {
    case get = "GET"
    case put = "PUT"
}
