import Synchronization

/// A store that is opened when it is first used: those who only look at its location need no keys to it.
public struct DeferredObjectStore: ObjectStore {
    public let root: ResourceURI
    private let opened: Opened

    private final class Opened: Sendable {
        let store = Mutex<(any ObjectStore)?>(nil)
        let open: @Sendable () throws -> any ObjectStore
        init(_ open: @escaping @Sendable () throws -> any ObjectStore) { self.open = open }
    }

    public init(root: ResourceURI, open: @escaping @Sendable () throws -> any ObjectStore) {
        self.root = root.withoutFragment.asDirectory
        opened = Opened(open)
    }

    private func store() async throws -> any ObjectStore {
        if let store = opened.store.withLock({ $0 }) { return store }
        let made = try await POSIXObjectStore.sharedPool.run { [opened] in try opened.open() }
        opened.store.withLock { $0 = made }
        return made
    }

    public func localPath(_ path: ObjectPath) -> String? { nil }

    public func stat(_ path: ObjectPath) async throws -> ObjectStatus? { try await store().stat(path) }
    public func read(_ path: ObjectPath) async throws -> [UInt8] { try await store().read(path) }

    public func read(_ path: ObjectPath, range: Range<Int64>) async throws -> [UInt8] {
        try await store().read(path, range: range)
    }

    public func read(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [[UInt8]] {
        try await store().read(path, ranges: ranges)
    }

    public func chunks(of path: ObjectPath, size: Int) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        try await store().chunks(of: path, size: size)
    }

    public func chunks(
        of path: ObjectPath, size: Int, tagged etag: String
    ) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        try await store().chunks(of: path, size: size, tagged: etag)
    }

    public func write(_ path: ObjectPath, bytes: [UInt8], mode: WriteMode) async throws {
        try await store().write(path, bytes: bytes, mode: mode)
    }

    public func write(
        _ path: ObjectPath, fromLocalFile source: String, transfer: TransferMode, mode: WriteMode
    ) async throws {
        try await store().write(path, fromLocalFile: source, transfer: transfer, mode: mode)
    }

    public func upload(_ path: ObjectPath, mode: WriteMode, resuming token: String?) async throws -> any ObjectUpload {
        try await store().upload(path, mode: mode, resuming: token)
    }

    public func copy(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws {
        try await store().copy(source, to: target, mode: mode)
    }

    public func move(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws {
        try await store().move(source, to: target, mode: mode)
    }

    public func delete(_ path: ObjectPath) async throws { try await store().delete(path) }

    public func delete(_ paths: [ObjectPath]) async throws -> [ObjectPath: any Error] {
        try await store().delete(paths)
    }

    public func existing(_ paths: [ObjectPath]) async throws -> Set<ObjectPath> {
        try await store().existing(paths)
    }

    public func list(_ prefix: ObjectPath?) async throws -> AsyncThrowingStream<[ObjectEntry], any Error> {
        try await store().list(prefix)
    }

    public func discardUnfinished(_ path: ObjectPath) async throws { try await store().discardUnfinished(path) }

    public func signedURL(_ access: SignedAccess, of path: ObjectPath, for lifetime: Int64) async throws -> String? {
        try await store().signedURL(access, of: path, for: lifetime)
    }
}
