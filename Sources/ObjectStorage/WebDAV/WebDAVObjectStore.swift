import ByteText
import NIOHTTP1
import Synchronization

/// Objects of an HTTP server below a folder.
///
/// With WebDAV objects are written under a temporary name and moved into place; `.createOnly` moves without
/// overwriting, which servers check with more or less care when two writers come at the same moment. Servers without WebDAV take
/// `GET`, `HEAD`, `PUT` and `DELETE`; they cannot be listed.
public struct WebDAVObjectStore: ObjectStore {
    public let root: ResourceURI
    private let client: WebDAVClient
    /// Quoted, with slashes at both ends.
    private let base: String
    private let ability = ServerAbility()

    /// - Parameter root: `http://`, `https://`, `dav://` or `davs://`.
    /// - Throws: `.unsupported` for another scheme, `.invalidURI` without host.
    public init(
        root: ResourceURI, authorization: HTTPAuthorization = .none, transport: HTTPTransport
    ) throws(ObjectStorageError) {
        let schemes = ["http": "http", "https": "https", "dav": "http", "davs": "https"]
        guard let scheme = schemes[root.scheme] else {
            throw .unsupported(
                path: root.description, operation: "reach over HTTP", remedy: "give a root such as https://host/folder/"
            )
        }
        guard !root.authority.isEmpty else {
            throw .invalidURI(text: root.description, reason: "it names no host, as in https://host/folder/")
        }
        self.root = root.withoutFragment.asDirectory
        let path = PercentQuoting.quote(PathText.normalize(root.path))
        base = path.isEmpty || path == "/" ? "/" : "/" + path.split(separator: "/").joined(separator: "/") + "/"
        client = WebDAVClient(
            transport: transport, origin: "\(scheme)://\(root.authority)", authorization: authorization)
    }

    private func address(_ path: ObjectPath) -> String { base + PercentQuoting.quote(path.description) }
    private func name(_ path: ObjectPath) -> String { client.origin + address(path) }
    private func isWebDAV() async throws -> Bool { try await ability.ask { try await client.isWebDAV(base) } }

    public func localPath(_ path: ObjectPath) -> String? { nil }

    // MARK: Reading

    public func stat(_ path: ObjectPath) async throws -> ObjectStatus? {
        if try await isWebDAV() {
            return try await client.resources(address(path), depth: 0)?.first { !$0.isCollection }?.status
        }
        let call = WebDAVClient.Call(method: .HEAD, path: address(path), operation: "examine")
        // A redirection leads to a folder.
        let answer = try await client.perform(call, accepting: [301, 404, 410])
        guard answer.status < 300 else { return nil }
        do { return try S3Client.status(answer.headers, path: name(path)) } catch let failure as TransientFailure {
            throw failure.error
        }
    }

    private func object(_ path: ObjectPath) -> RemoteObject {
        let (client, address) = (client, address(path))
        return RemoteObject(path: name(path), transport: client.transport) { headers, accepted in
            try await client.open(
                WebDAVClient.Call(method: .GET, path: address, headers: headers, operation: "read"),
                accepting: accepted)
        } status: { [path = name(path)] headers in
            // Tags are no digests here, whatever they look like.
            let status = try S3Client.status(headers, path: path)
            return ObjectStatus(size: status.size, modificationTime: status.modificationTime, etag: status.etag)
        } stat: {
            try await stat(path)
        }
    }

    public func read(_ path: ObjectPath) async throws -> [UInt8] { try await object(path).read() }

    public func read(_ path: ObjectPath, range: Range<Int64>) async throws -> [UInt8] {
        try await object(path).read(range)
    }

    public func read(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [[UInt8]] {
        try await object(path).read(ranges)
    }

    public func chunks(of path: ObjectPath, size: Int) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        try await object(path).chunks(size)
    }

    public func chunks(
        of path: ObjectPath, size: Int, tagged etag: String
    ) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        try await object(path).chunks(size, etag: etag)
    }

    public func list(_ prefix: ObjectPath?) async throws -> AsyncThrowingStream<[ObjectEntry], any Error> {
        guard try await isWebDAV() else {
            throw ObjectStorageError.unsupported(
                path: root.description, operation: "list", remedy: "the server has no WebDAV; use one that has it")
        }
        let start = prefix.map { address($0) + "/" } ?? base
        let pending = Mutex([start])
        let (client, rootPath) = (client, PercentQuoting.unquote(base))
        return AsyncThrowingStream {
            while let folder = pending.withLock({ $0.popLast() }) {
                var entries: [ObjectEntry] = []
                let own = PercentQuoting.unquote(folder)
                for resource in try await client.resources(folder, depth: 1) ?? [] {
                    guard resource.path.utf8.starts(with: own.utf8), resource.path.utf8.count > own.utf8.count else {
                        continue
                    }
                    if resource.isCollection {
                        let inner = PercentQuoting.quote(resource.path)
                        pending.withLock { $0.append(inner.hasSuffix("/") ? inner : inner + "/") }
                    } else if !AtomicWrite.isTemporaryName(PathText.basename(resource.path)) {
                        let relative = String(
                            decoding: resource.path.utf8.dropFirst(rootPath.utf8.count), as: UTF8.self)
                        entries.append(ObjectEntry(path: try ObjectPath(relative), status: resource.status))
                    }
                }
                if !entries.isEmpty { return entries }
            }
            return nil
        }
    }

    public func signedURL(_ access: SignedAccess, of path: ObjectPath, for lifetime: Int64) async throws -> String? {
        access == .get ? name(path) : nil
    }

    // MARK: Writing

    public func write(_ path: ObjectPath, bytes: [UInt8], mode: WriteMode) async throws {
        try await store(path, S3Body(bytes), mode: mode)
    }

    public func write(
        _ path: ObjectPath, fromLocalFile source: String, transfer: TransferMode, mode: WriteMode
    ) async throws {
        guard transfer == .copy || transfer == .move else {
            throw ObjectStorageError.unsupported(
                path: path.description, operation: "link", remedy: "transfer with mode copy or move instead")
        }
        let (file, body) = try await POSIXObjectStore.sharedPool.run {
            let file = try LocalFileSource(source)
            let (digest, bytes) = try file.digest(0..<file.size)
            return (file, bytes.map { S3Body($0, md5: digest) } ?? S3Body(file, 0..<file.size, md5: digest))
        }
        try await store(path, body, mode: mode) { try file.checkUnchanged() }
        if transfer == .move { try await file.remove() }
    }

    /// - Parameter check: what must hold before the object becomes visible.
    private func store(
        _ path: ObjectPath, _ body: S3Body, mode: WriteMode, check: () throws -> Void = {}
    ) async throws {
        if mode == .createOnly, try await stat(path) != nil {
            throw ObjectStorageError.alreadyExists(path: name(path))
        }
        guard try await isWebDAV() else {
            try check()
            let condition = mode == .createOnly ? [(name: "if-none-match", value: "*")] : []
            _ = try await client.perform(
                WebDAVClient.Call(
                    method: .PUT, path: address(path), headers: body.headers + condition, body: body,
                    operation: "write"))
            guard try await stat(path)?.size == body.length else {
                throw ObjectStorageError.truncated(path: name(path), expected: body.length, received: 0)
            }
            return
        }
        let folder = String(address(path).prefix(through: address(path).lastIndex(of: "/") ?? address(path).startIndex))
        let word = String(UInt32.random(in: .min ... .max), radix: 16)
        let temporary =
            folder + Self.temporaryPrefix(path) + String(repeating: "0", count: 8 - word.count) + word
            + AtomicWrite.suffix
        do {
            let put = WebDAVClient.Call(
                method: .PUT, path: temporary, headers: body.headers, body: body, operation: "write")
            let answer = try await client.perform(put, accepting: [404, 409])
            if answer.status == 404 || answer.status == 409 {
                try await client.makeCollections(folder)
                _ = try await client.perform(put)
            }
            let size = try await client.resources(temporary, depth: 0)?.first?.status.size ?? 0
            guard size == body.length else {
                throw ObjectStorageError.truncated(path: name(path), expected: body.length, received: size)
            }
            try check()
            do { try await transfer("MOVE", from: temporary, to: path, mode: mode) } catch ObjectStorageError.notFound {
                // An attempt whose answer was lost has done it, if the object is there now.
                guard let status = try await stat(path), status.size == body.length else {
                    throw ObjectStorageError.notFound(path: name(path))
                }
            }
        } catch {
            await Task { [client] in
                _ = try? await client.perform(
                    WebDAVClient.Call(method: .DELETE, path: temporary, operation: "delete"), accepting: [404])
            }.value
            throw error
        }
    }

    /// How temporary names of an object begin: with a digest of its name, by which they are found again.
    private static func temporaryPrefix(_ path: ObjectPath) -> String {
        let sum = RunningChecksum.digest(of: path.basename).prefix(4)
        return AtomicWrite.prefix + Hexadecimal.encode(sum)
    }

    public func discardUnfinished(_ path: ObjectPath) async throws {
        guard try await isWebDAV() else { return }
        let address = address(path)
        let folder = String(address.prefix(through: address.lastIndex(of: "/") ?? address.startIndex))
        let start = Self.temporaryPrefix(path)
        for resource in try await client.resources(folder, depth: 1) ?? [] where !resource.isCollection {
            let name = PathText.basename(resource.path)
            guard name.hasPrefix(start), AtomicWrite.isTemporaryName(name) else { continue }
            _ = try await client.perform(
                WebDAVClient.Call(method: .DELETE, path: folder + name, operation: "delete"), accepting: [404])
        }
    }

    private func transfer(_ method: String, from source: String, to path: ObjectPath, mode: WriteMode) async throws {
        let call = WebDAVClient.Call(
            method: .RAW(value: method), path: source,
            headers: [("destination", name(path)), ("overwrite", mode == .overwrite ? "T" : "F")], operation: "write")
        do {
            let answer = try await client.perform(call, accepting: [409])
            if answer.status == 409 {
                let target = address(path)
                try await client.makeCollections(
                    String(target.prefix(through: target.lastIndex(of: "/") ?? target.startIndex)))
                _ = try await client.perform(call)
            }
        } catch ObjectStorageError.alreadyExists {
            throw ObjectStorageError.alreadyExists(path: name(path))
        }
    }

    public func upload(_ path: ObjectPath, mode: WriteMode, resuming token: String?) async throws -> any ObjectUpload {
        if token == nil, mode == .createOnly, try await stat(path) != nil {
            throw ObjectStorageError.alreadyExists(path: name(path))
        }
        return try await SpooledUpload(self, path, mode: mode, resuming: token)
    }

    public func copy(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws {
        try await place("COPY", source, target, mode: mode)
    }

    public func move(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws {
        try await place("MOVE", source, target, mode: mode)
    }

    private func place(_ method: String, _ source: ObjectPath, _ target: ObjectPath, mode: WriteMode) async throws {
        guard try await exists(source) else { throw ObjectStorageError.notFound(path: name(source)) }
        if source == target { return }
        if mode == .createOnly, try await exists(target) {
            throw ObjectStorageError.alreadyExists(path: name(target))
        }
        guard try await isWebDAV() else {
            try await write(target, bytes: read(source), mode: mode)
            if method == "MOVE" { try await delete(source) }
            return
        }
        let folder = address(target)
        if let end = folder.lastIndex(of: "/") { try await client.makeCollections(String(folder[...end])) }
        try await transfer(method, from: address(source), to: target, mode: mode)
    }

    public func delete(_ path: ObjectPath) async throws {
        // A folder of this name would go with all that is in it.
        if try await isWebDAV(), try await stat(path) == nil { return }
        _ = try await client.perform(
            WebDAVClient.Call(method: .DELETE, path: address(path), operation: "delete"), accepting: [404, 410])
    }
}

/// Whether a server has WebDAV: asked once.
private final class ServerAbility: Sendable {
    private let known = Mutex<Bool?>(nil)

    func ask(_ question: () async throws -> Bool) async throws -> Bool {
        if let known = known.withLock({ $0 }) { return known }
        let answer = try await question()
        known.withLock { $0 = answer }
        return answer
    }
}
