import Crypto
import Synchronization

/// Objects in the memory of this process, for tests and rehearsals. Copies of the value share them.
public struct MemoryObjectStore: ObjectStore {
    public let root: ResourceURI
    private let contents: MemoryContents

    /// - Throws: `.unsupported` for another scheme than `mem`.
    public init(root: ResourceURI) throws(ObjectStorageError) {
        guard root.scheme == "mem" else {
            throw .unsupported(
                path: root.description, operation: "keep in memory", remedy: "give a root such as mem://name/")
        }
        self.root = root.withoutFragment.asDirectory
        contents = MemoryContents()
    }

    public func localPath(_ path: ObjectPath) -> String? { nil }

    public func stat(_ path: ObjectPath) async throws -> ObjectStatus? { contents[path]?.status }

    public func read(_ path: ObjectPath) async throws -> [UInt8] { try contents.object(path).bytes }

    public func read(_ path: ObjectPath, range: Range<Int64>) async throws -> [UInt8] {
        try contents.object(path).cut(range, path: path)
    }

    public func read(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [[UInt8]] {
        let object = try contents.object(path)
        return try ranges.map { try object.cut($0, path: path) }
    }

    public func chunks(of path: ObjectPath, size: Int) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        let bytes = try contents.object(path).bytes
        let size = max(1, size)
        let offset = Mutex(0)
        return AsyncThrowingStream {
            offset.withLock { offset in
                let piece = Array(bytes[offset..<min(bytes.count, offset + size)])
                offset += piece.count
                return piece.isEmpty ? nil : piece
            }
        }
    }

    public func write(_ path: ObjectPath, bytes: [UInt8], mode: WriteMode) async throws {
        try contents.store(bytes, at: path, mode: mode)
    }

    public func write(
        _ path: ObjectPath, fromLocalFile source: String, transfer: TransferMode, mode: WriteMode
    ) async throws {
        guard transfer == .copy || transfer == .move else {
            throw ObjectStorageError.unsupported(
                path: path.description, operation: "link", remedy: "transfer with mode copy or move instead")
        }
        let file = try LocalFileSource(source)
        try await write(path, bytes: file.readAll(), mode: mode)
        if transfer == .move { try await file.remove() }
    }

    public func upload(_ path: ObjectPath, mode: WriteMode, resuming token: String?) async throws -> any ObjectUpload {
        if let token {
            guard let upload = contents.upload(token), upload.path == path else {
                throw ObjectStorageError.notFound(path: path.description)
            }
            return upload
        }
        if mode == .createOnly, contents[path] != nil {
            throw ObjectStorageError.alreadyExists(path: path.description)
        }
        return contents.begin(path, mode)
    }

    public func copy(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws {
        try contents.store(contents.object(source).bytes, at: target, mode: mode)
    }

    public func delete(_ path: ObjectPath) async throws { contents.remove(path) }

    public func list(_ prefix: ObjectPath?) async throws -> AsyncThrowingStream<[ObjectEntry], any Error> {
        let entries = contents.entries(below: prefix)
        let next = Mutex(0)
        return AsyncThrowingStream {
            next.withLock { next in
                let page = Array(entries[next..<min(entries.count, next + 500)])
                next += page.count
                return page.isEmpty ? nil : page
            }
        }
    }
}

/// What the copies of a store share.
private final class MemoryContents: Sendable {
    struct Object: Sendable {
        let bytes: [UInt8]
        let status: ObjectStatus

        func cut(_ range: Range<Int64>, path: ObjectPath) throws(ObjectStorageError) -> [UInt8] {
            let size = Int64(bytes.count)
            guard range.lowerBound >= 0, range.lowerBound <= size else {
                throw .invalidRange(
                    path: path.description, lower: range.lowerBound, upper: range.upperBound, size: size)
            }
            return Array(bytes[Int(range.lowerBound)..<Int(min(range.upperBound, size))])
        }
    }

    private struct State {
        var objects: [ObjectPath: Object] = [:]
        var uploads: [String: MemoryUpload] = [:]
        var version = 0
    }

    private let state = Mutex(State())

    subscript(path: ObjectPath) -> Object? { state.withLock { $0.objects[path] } }

    func object(_ path: ObjectPath) throws(ObjectStorageError) -> Object {
        guard let object = self[path] else { throw .notFound(path: path.description) }
        return object
    }

    @discardableResult
    func store(_ bytes: [UInt8], at path: ObjectPath, mode: WriteMode) throws(ObjectStorageError) -> ObjectStatus {
        let digest = Array(Insecure.MD5.hash(data: bytes))
        let status = state.withLock { state -> ObjectStatus? in
            guard mode == .overwrite || state.objects[path] == nil else { return nil }
            state.version += 1
            let status = ObjectStatus(
                size: Int64(bytes.count), modificationTime: UTCTime.now, etag: String(state.version),
                checksums: [.md5: digest])
            state.objects[path] = Object(bytes: bytes, status: status)
            return status
        }
        guard let status else { throw .alreadyExists(path: path.description) }
        return status
    }

    func remove(_ path: ObjectPath) { state.withLock { _ = $0.objects.removeValue(forKey: path) } }

    func entries(below prefix: ObjectPath?) -> [ObjectEntry] {
        state.withLock { state in
            state.objects.filter { prefix == nil || $0.key.isInside(prefix!) }
                .map { ObjectEntry(path: $0.key, status: $0.value.status) }
        }
        .sorted { $0.path < $1.path }
    }

    func begin(_ path: ObjectPath, _ mode: WriteMode) -> MemoryUpload {
        state.withLock { state in
            state.version += 1
            let upload = MemoryUpload(self, path: path, mode: mode, token: "upload-\(state.version)")
            state.uploads[upload.token] = upload
            return upload
        }
    }

    func upload(_ token: String) -> MemoryUpload? { state.withLock { $0.uploads[token] } }
    func end(_ token: String) { state.withLock { _ = $0.uploads.removeValue(forKey: token) } }
}

private final class MemoryUpload: ObjectUpload {
    let token: String
    let path: ObjectPath
    private let mode: WriteMode
    private let contents: MemoryContents
    private let bytes = Mutex<[UInt8]>([])

    init(_ contents: MemoryContents, path: ObjectPath, mode: WriteMode, token: String) {
        self.contents = contents
        self.path = path
        self.mode = mode
        self.token = token
    }

    var stored: Int64 { bytes.withLock { Int64($0.count) } }

    func append(_ more: [UInt8]) async throws {
        guard contents.upload(token) != nil else { throw ObjectStorageError.notFound(path: path.description) }
        bytes.withLock { $0 += more }
    }

    func finish() async throws -> ObjectStatus {
        guard contents.upload(token) != nil else { throw ObjectStorageError.notFound(path: path.description) }
        let status = try contents.store(bytes.withLock { $0 }, at: path, mode: mode)
        contents.end(token)
        return status
    }

    func abort() async throws {
        contents.end(token)
        bytes.withLock { $0 = [] }
    }
}
