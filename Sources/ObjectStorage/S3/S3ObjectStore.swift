import ByteText
import Synchronization

/// Objects of an S3 bucket below a prefix.
///
/// Copies are made by the service. Folders are not objects: keys that end with a slash, which other programs make for
/// folders, are not listed.
public struct S3ObjectStore: ObjectStore {
    public let root: ResourceURI
    let client: S3Client
    private let bucket: String
    /// Empty, or with a final slash.
    private let prefix: String
    private let signatureVersion: S3Presigner.SignatureVersion?

    /// - Parameters:
    ///   - root: `s3://[profile@]bucket/prefix/`, or `gs://…` with a client for that service.
    ///   - signatureVersion: of signed URLs; `nil` for the one that boto3 chooses.
    /// - Throws: `.invalidURI` for a root without bucket.
    public init(
        root: ResourceURI, client: S3Client, signatureVersion: S3Presigner.SignatureVersion? = nil
    ) throws(ObjectStorageError) {
        guard let (_, bucket) = S3Location.authority(of: root) else {
            throw .invalidURI(text: root.description, reason: "it does not name a bucket, as in s3://bucket/folder/")
        }
        self.root = root.withoutFragment.asDirectory
        self.client = client
        self.bucket = bucket
        self.signatureVersion = signatureVersion
        let folder = S3Location.key(of: root)
        prefix = folder.isEmpty ? folder : folder.withFinalSlash
    }

    /// The place of one object, whose key is taken as it is written.
    ///
    /// - Throws: `S3Error.badLocation`; `ObjectStorageError.invalidPath` for keys that end with a slash or a dot.
    static func place(
        of uri: ResourceURI, client: S3Client
    ) throws -> (store: any ObjectStore, path: ObjectPath) {
        let key = try S3Location(uri).key
        let name = key.nameInPath
        guard !name.isEmpty, name != ".", name != ".." else {
            throw ObjectStorageError.invalidPath(path: uri.description, reason: "it names no object")
        }
        let folder = ResourceURI(
            scheme: uri.scheme, authority: uri.authority,
            encodedPath: "/" + PercentQuoting.quote(String(Substring(key.utf8.dropLast(name.utf8.count)))))
        return (try S3ObjectStore(root: folder, client: client), try ObjectPath(name))
    }

    private func location(_ path: ObjectPath) -> S3Location {
        S3Location(bucket: bucket, key: prefix + path.description)
    }

    public func localPath(_ path: ObjectPath) -> String? { nil }

    public func stat(_ path: ObjectPath) async throws -> ObjectStatus? { try await client.stat(location(path))?.status }

    public func read(_ path: ObjectPath) async throws -> [UInt8] { try await client.object(location(path)).read() }

    public func read(_ path: ObjectPath, range: Range<Int64>) async throws -> [UInt8] {
        try await client.object(location(path)).read(range)
    }

    public func read(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [[UInt8]] {
        try await client.object(location(path)).read(ranges)
    }

    public func chunks(of path: ObjectPath, size: Int) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        try await client.object(location(path)).chunks(size)
    }

    public func chunks(
        of path: ObjectPath, size: Int, tagged etag: String
    ) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        try await client.object(location(path)).chunks(size, etag: etag)
    }

    public func write(_ path: ObjectPath, bytes: [UInt8], mode: WriteMode) async throws {
        try await client.put(location(path), S3Body(bytes), mode: mode)
    }

    public func write(
        _ path: ObjectPath, fromLocalFile source: String, transfer: TransferMode, mode: WriteMode
    ) async throws {
        guard transfer == .copy || transfer == .move else {
            throw ObjectStorageError.unsupported(
                path: path.description, operation: "link", remedy: "transfer with mode copy or move instead")
        }
        let file = try await POSIXObjectStore.sharedPool.run { try LocalFileSource(source) }
        _ = try await client.put(location(path), file: file, mode: mode)
        if transfer == .move { try await file.remove() }
    }

    public func upload(_ path: ObjectPath, mode: WriteMode, resuming token: String?) async throws -> any ObjectUpload {
        try await S3Upload(client, location(path), mode: mode, resuming: token)
    }

    public func copy(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws {
        guard let (status, _) = try await client.stat(location(source)) else {
            throw ObjectStorageError.notFound(path: "s3://\(bucket)/\(location(source).key)")
        }
        if mode == .createOnly, try await client.stat(location(target)) != nil {
            throw ObjectStorageError.alreadyExists(path: "s3://\(bucket)/\(location(target).key)")
        }
        guard source != target else { return }
        try await client.copy(location(source), to: location(target), size: status.size)
    }

    public func delete(_ path: ObjectPath) async throws { try await client.delete(location(path)) }

    public func delete(_ paths: [ObjectPath]) async throws -> [ObjectPath: any Error] {
        let pages = stride(from: 0, to: paths.count, by: 1000).map { Array(paths[$0..<min(paths.count, $0 + 1000)]) }
        let failures = try await inParallel(pages, width: 4) { page -> [(ObjectPath, any Error)] in
            let keys = Dictionary(page.map { (ExactName(location($0).key), $0) }) { first, _ in first }
            do {
                return try await client.delete(bucket: bucket, keys: keys.keys.map(\.text)).compactMap { key, error in
                    keys[key].map { ($0, error) }
                }
            } catch let error as ObjectStorageError { return page.map { ($0, error) } }
        }
        return Dictionary(failures.joined()) { first, _ in first }
    }

    public func list(_ prefix: ObjectPath?) async throws -> AsyncThrowingStream<[ObjectEntry], any Error> {
        let start = self.prefix + (prefix.map { $0.description + "/" } ?? "")
        let cursor = Mutex<ListCursor>(.at(nil))
        return AsyncThrowingStream {
            while case .at(let token) = cursor.withLock({ $0 }) {
                let page = try await client.list(bucket: bucket, prefix: start, from: token)
                cursor.withLock { $0 = page.next.map { .at($0) } ?? .end }
                let entries = page.objects.compactMap { object -> ObjectEntry? in
                    guard object.key.utf8.starts(with: start.utf8), !object.key.endsWithSlash,
                        let path = object.key.after(self.prefix).flatMap({ try? ObjectPath($0) })
                    else { return nil }
                    return ObjectEntry(path: path, status: object.status)
                }
                if !entries.isEmpty { return entries }
            }
            return nil
        }
    }

    public func discardUnfinished(_ path: ObjectPath) async throws {
        try await client.abandonUploads(of: location(path))
    }

    public func signedURL(_ access: SignedAccess, of path: ObjectPath, for lifetime: Int64) async throws -> String? {
        let service = S3Service(
            endpoint: client.service.endpoint, region: client.service.region,
            credentials: try await client.keys.current())
        return try S3Presigner.url(
            access, location(path), of: service, version: signatureVersion, for: lifetime,
            at: UTCTime.now / 1_000_000_000)
    }
}

private enum ListCursor: Sendable {
    case at(String?)
    case end
}
