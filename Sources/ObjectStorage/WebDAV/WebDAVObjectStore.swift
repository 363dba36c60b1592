import ByteText
import NIOHTTP1
import Synchronization

/// Objects of an HTTP server below a folder.
///
/// With WebDAV objects are written under a temporary name and moved into place; `.createOnly` moves without
/// overwriting, which servers check with more or less care when two writers come at the same moment. Servers without
/// WebDAV take `GET`, `HEAD`, `PUT` and `DELETE`; they cannot be listed. What a server says of the digest of what it has
/// stored is compared with what was sent; of servers that say nothing it is read back.
public struct WebDAVObjectStore: ObjectStore {
    public let root: ResourceURI
    private let client: WebDAVClient
    /// Quoted, with slashes at both ends.
    private let base: String
    private let ability = ServerAbility()
    private let digests = StoredDigests()
    /// An object whose address is not made from its path.
    private var given: (path: ObjectPath, address: String, hasQuery: Bool)?

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
        base = path.isEmpty || path == "/" ? "/" : "/" + path.namesInPath.joined(separator: "/") + "/"
        client = WebDAVClient(
            transport: transport, origin: "\(scheme)://\(root.authority)", authorization: authorization)
    }

    /// The place of one file, whose address is taken as it is written, with its query.
    ///
    /// - Throws: `.invalidPath` for a folder, and as ``init(root:authorization:transport:)``.
    static func place(
        of uri: ResourceURI, authorization: HTTPAuthorization, transport: HTTPTransport
    ) throws(ObjectStorageError) -> (store: any ObjectStore, path: ObjectPath) {
        guard !uri.isDirectory else { throw .invalidPath(path: uri.description, reason: "it names no object") }
        let folder = uri.withoutFragment.directory
        var store = try WebDAVObjectStore(root: folder, authorization: authorization, transport: transport)
        let path = try ObjectPath(
            PercentQuoting.unquote(String(uri.encodedPath.dropFirst(folder.encodedPath.count))))
        let query = uri.query.isEmpty ? "" : "?" + uri.query
        store.given = (path, PercentQuoting.quoteRest(uri.encodedPath + query), !query.isEmpty)
        return (store, path)
    }

    private func address(_ path: ObjectPath) -> String {
        if let given, given.path == path { return given.address }
        return base + PercentQuoting.quote(path.description)
    }

    private func name(_ path: ObjectPath) -> String { client.origin + address(path) }

    /// What has a query is answered by a program, not by a folder of files.
    private func isWebDAV() async throws -> Bool {
        if given?.hasQuery ?? false { return false }
        return try await ability.ask { try await client.isWebDAV(base) }
    }

    public func localPath(_ path: ObjectPath) -> String? { nil }

    // MARK: Reading

    public func stat(_ path: ObjectPath) async throws -> ObjectStatus? {
        if try await isWebDAV() {
            let found = try await client.resources(address(path), depth: 0)?.first { !$0.isCollection }
            // Some servers tell tags of what is read only, and by them readers know the version that they mean.
            guard let found, !found.isTagged else { return found?.status }
        }
        let call = WebDAVClient.Call(method: .HEAD, path: address(path), operation: "examine")
        let isSigned = given?.hasQuery ?? false
        // Addresses that are signed for reading are refused to those who only ask.
        let refusals: Set<Int> = isSigned ? [403, 405, 501] : []
        var answer = try await client.perform(call, accepting: refusals.union([301, 404, 410]))
        // The name of a folder leads to its name with a slash.
        if answer.status == 301, !(answer.headers.first(name: "location")?.hasSuffix("/") ?? true) {
            answer = try await client.perform(call, accepting: refusals.union([404, 410]))
        }
        if [403, 405, 501].contains(answer.status) { return try await firstByteStatus(path) }
        guard answer.status < 300 else { return nil }
        do { return try Self.status(answer.headers, path: name(path)) } catch let failure as TransientFailure {
            throw failure.error
        }
    }

    private static func status(_ headers: HTTPHeaders, size: Int64? = nil, path: String) throws -> ObjectStatus {
        let said = try S3Client.status(headers, size: size, path: path)
        let tag = said.etag.isEmpty ? WebDAVClient.tag(said.modificationTime, said.size) : said.etag
        // Tags are no digests here, whatever they look like.
        return ObjectStatus(
            size: said.size, modificationTime: said.modificationTime, etag: tag,
            checksums: StoredDigests.stated(headers))
    }

    /// What the answer to a request for the first byte says of the object.
    private func firstByteStatus(_ path: ObjectPath) async throws -> ObjectStatus? {
        let call = WebDAVClient.Call(
            method: .GET, path: address(path), headers: [("range", "bytes=0-0")], operation: "examine")
        let (response, slot) = try await client.open(call, accepting: [404, 410, 416])
        defer { slot.release() }
        switch response.status.code {
        case 404, 410: return nil
        // Of no bytes there is no first one.
        case 416: return try Self.status(response.headers, size: 0, path: name(path))
        default:
            let size = ContentRange(response.headers)?.size
            do { return try Self.status(response.headers, size: size, path: name(path)) } catch
                let failure as TransientFailure
            { throw failure.error }
        }
    }

    private func object(_ path: ObjectPath) -> RemoteObject {
        let (client, address) = (client, address(path))
        return RemoteObject(path: name(path), transport: client.transport) { headers, accepted in
            try await client.open(
                WebDAVClient.Call(method: .GET, path: address, headers: headers, operation: "read"),
                accepting: accepted)
        } status: { [path = name(path)] headers in
            try Self.status(headers, path: path)
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
                        pending.withLock { $0.append(inner.withFinalSlash) }
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
        _ path: ObjectPath, _ body: S3Body, mode: WriteMode, check: @Sendable () throws -> Void = {}
    ) async throws {
        if mode == .createOnly, try await stat(path) != nil {
            throw ObjectStorageError.alreadyExists(path: name(path))
        }
        guard try await isWebDAV() else {
            try check()
            return try await storeInPlace(path, body, mode: mode)
        }
        let folder = Self.folder(of: address(path))
        let word = String(UInt32.random(in: .min ... .max), radix: 16)
        let temporary =
            folder + Self.temporaryPrefix(path) + String(repeating: "0", count: 8 - word.count) + word
            + AtomicWrite.suffix
        do {
            let put = WebDAVClient.Call(
                method: .PUT, path: temporary, headers: body.headers, body: body, operation: "write")
            try await repeatingWhileDamaged {
                let answer = try await client.perform(put, accepting: [404, 409])
                if answer.status == 404 || answer.status == 409 {
                    try await client.makeCollections(folder)
                    _ = try await client.perform(put)
                }
                try await digests.check(temporary, body, named: name(path), client)
            }
            try check()
            do { try await transfer("MOVE", from: temporary, to: path, mode: mode) } catch
                let error as ObjectStorageError
            {
                // The answer to an attempt before may have been lost: the name is gone then, and the object there.
                guard try await client.resources(temporary, depth: 0) == nil,
                    try await digests.isStored(address(path), body, named: name(path), client)
                else { throw error }
            }
        } catch {
            await Task { [client] in
                _ = try? await client.perform(
                    WebDAVClient.Call(method: .DELETE, path: temporary, operation: "delete"), accepting: [404])
            }.value
            throw error
        }
    }

    /// Without WebDAV an object has its name before it can be looked at.
    private func storeInPlace(_ path: ObjectPath, _ body: S3Body, mode: WriteMode) async throws {
        var call = WebDAVClient.Call(
            method: .PUT, path: address(path), headers: body.headers, body: body, operation: "write")
        if mode == .createOnly { call.headers.append(("if-none-match", "*")) }
        let attempts = Mutex(0)
        do { _ = try await client.perform(call) { attempts.withLock { $0 += 1 } } } catch
            ObjectStorageError.alreadyExists
        {
            // An attempt whose answer was lost may have been the one that came first.
            guard attempts.withLock({ $0 }) > 1,
                try await digests.isStored(address(path), body, named: name(path), client)
            else { throw ObjectStorageError.alreadyExists(path: name(path)) }
            return
        }
        call.headers = body.headers
        let isRepeated = Mutex(false)
        try await repeatingWhileDamaged { [call] in
            // The name is taken now, by what has to be replaced.
            if isRepeated.withLock({ $0 }) { _ = try await client.perform(call) }
            isRepeated.withLock { $0 = true }
            try await digests.check(address(path), body, named: name(path), client)
        }
    }

    private func repeatingWhileDamaged(_ body: () async throws -> Void) async throws {
        try await client.transport.settings.retries.run(client.transport.budget) { _ in
            do { try await body() } catch let error as ObjectStorageError {
                switch error {
                case .damaged, .truncated: throw TransientFailure(error: error)
                default: throw error
                }
            }
        }
    }

    private static func folder(of address: String) -> String {
        (address.folderInPath ?? "") + "/"
    }

    /// How temporary names of an object begin: with a digest of its name, by which they are found again.
    private static func temporaryPrefix(_ path: ObjectPath) -> String {
        let sum = RunningChecksum.digest(of: path.basename).prefix(4)
        return AtomicWrite.prefix + Hexadecimal.encode(sum)
    }

    public func discardUnfinished(_ path: ObjectPath) async throws {
        guard try await isWebDAV() else { return }
        let address = address(path)
        let folder = Self.folder(of: address)
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
                try await client.makeCollections(Self.folder(of: address(path)))
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
        guard let status = try await stat(source) else { throw ObjectStorageError.notFound(path: name(source)) }
        if source == target { return }
        let before = try await stat(target)
        if mode == .createOnly, before != nil { throw ObjectStorageError.alreadyExists(path: name(target)) }
        guard try await isWebDAV() else {
            try await write(target, bytes: read(source), mode: mode)
            if method == "MOVE" { try await delete(source) }
            return
        }
        try await client.makeCollections(Self.folder(of: address(target)))
        do { try await transfer(method, from: address(source), to: target, mode: mode) } catch
            let error as ObjectStorageError
        {
            // The answer to an attempt before may have been lost: the source is gone then, and the target another.
            guard method == "MOVE", try await stat(source) == nil, let now = try await stat(target), now != before,
                now.size == status.size
            else { throw error }
        }
    }

    public func delete(_ path: ObjectPath) async throws {
        // A folder of this name would go with all that is in it.
        if try await isWebDAV(), try await stat(path) == nil { return }
        _ = try await client.perform(
            WebDAVClient.Call(method: .DELETE, path: address(path), operation: "delete"), accepting: [404, 410])
    }
}

/// Something that a server can or cannot do: asked once.
final class ServerAbility: Sendable {
    private let known = Mutex<Bool?>(nil)

    func ask(_ question: () async throws -> Bool) async throws -> Bool {
        if let known = known.withLock({ $0 }) { return known }
        let answer = try await question()
        known.withLock { $0 = answer }
        return answer
    }
}
