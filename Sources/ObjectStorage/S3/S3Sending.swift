import ByteText
import Crypto
import NIOCore
import NIOHTTP1

/// A local file that is in a bucket, as its service says.
public struct SentFile: Sendable, Hashable {
    /// Bytes.
    public let size: Int64
    public let parts: Int
    public let etag: String
    /// Whether the object was there before, with the same bytes, so that nothing was sent.
    public let wasThere: Bool
}

/// How the file that is sent came to be sent.
public enum SendReason: Sendable, Hashable {
    /// Somebody asks for it now: an object of the name is replaced.
    case request
    /// It may have been sent before, by a process that died: an object with the same bytes is left alone.
    case recovery
}

/// Which objects with other bytes a file may replace.
public enum Replaceable: Sendable, Hashable {
    case all
    /// Those with the same source, of which an object gets a header.
    case sameSource(String)
    /// Those that were stored before a time, or for a request that was made no later than this one. Of that an object gets
    /// a header. Both in nanoseconds since 1970.
    case older(than: Int64, request: Int64)
}

extension S3Client {
    /// Sends a local file and returns once the service has shown, by its checksum, that it has all of it.
    ///
    /// - Parameters:
    ///   - partSize: larger files are sent in parts of this size, four at a time. At least 5 MiB.
    ///   - replacing: what of other bytes may be replaced. Keys that may only write are told nothing of what is there: with
    ///     them `.sameSource` replaces all, and `.older` nothing, by services that know `If-None-Match`.
    ///   - check: looks at the path of the file that was opened, links resolved; if it throws, nothing is sent.
    /// - Throws: `ObjectStorageError`: `.notFound` and others for the file, `.changedWhileReading` when somebody
    ///   writes to it; `.heldByOther` and `.newerThere` for what is not replaced; those of the service.
    public func send(
        file path: String, to location: S3Location, partSize: Int64 = S3Client.partThreshold,
        because reason: SendReason = .request, replacing: Replaceable = .all, check: FileCheck? = nil
    ) async throws -> SentFile {
        let partSize = max(5 << 20, partSize)
        func uncached(_ reason: SendReason) async throws -> SentFile {
            try await withTaskExecutorPreference(POSIXObjectStore.sharedPool) {
                try await sendUncached(path, to: location, partSize: partSize, because: reason, replacing, check)
            }
        }
        do {
            if reason == .request, replacing == .all, let sent = try await sendCached(path, to: location, check) {
                return sent
            }
            return try await uncached(reason)
        } catch is StaleConnection {
            // The service may have got it all the same.
            do { return try await uncached(.recovery) } catch let stale as StaleConnection { throw stale.error }
        }
    }

    public typealias FileCheck = @Sendable (_ path: String) throws -> Void

    /// Sends a short file that the system has in memory, all of it on the thread where the task is; `nil` for others.
    private func sendCached(
        _ path: String, to location: S3Location, _ check: FileCheck?
    ) async throws -> SentFile? {
        guard let (file, bytes) = LocalFileSource.cached(path, upTo: Int64(FilePieces.short)) else { return nil }
        try check?(file.resolvedPath())
        try file.checkUnchanged()
        do {
            let status = try await putShort(location, bytes)
            try file.checkUnchanged()
            return SentFile(size: file.size, parts: 1, etag: status.etag, wasThere: false)
        } catch {
            try file.checkUnchanged()
            throw error
        }
    }

    /// On an event loop the digest is made when the bytes are on their way, beside others.
    private func putShort(_ location: S3Location, _ bytes: ByteBuffer) async throws -> ObjectStatus {
        guard let digest = LoopDigests.md5(of: bytes) else {
            return try await put(location, S3Body(bytes, md5: PiecewiseMD5.digests(of: [bytes])[0]), mode: .overwrite)
        }
        if tags.areDigests.load(ordering: .relaxed) {
            let status = try await withLaterDigest {
                try await put(location, S3Body(bytes) { await digest.get() }, mode: .overwrite)
            }
            if let status { return status }
        }
        return try await put(location, S3Body(bytes, md5: await digest.get()), mode: .overwrite)
    }

    private func sendUncached(
        _ path: String, to location: S3Location, partSize: Int64, because reason: SendReason,
        _ replacing: Replaceable, _ check: FileCheck?
    ) async throws -> SentFile {
        let file = try await POSIXObjectStore.sharedPool.run {
            let file = try LocalFileSource(path)
            try check?(file.resolvedPath())
            return file
        }
        let parts = max(1, Int((file.size + partSize - 1) / partSize))
        var metadata: [(name: String, value: String)] = []
        var replacesUnseen = true
        switch replacing {
        case .all: break
        case .sameSource(let source): metadata = [(Self.sourceHeader, Self.headerValue(ofSource: source))]
        case .older(_, let request):
            metadata = [(Self.requestHeader, String(request))]
            replacesUnseen = false
        }
        var (isAbsent, isBlind) = (false, false)
        func sent(_ status: ObjectStatus, wasThere: Bool = false) -> SentFile {
            SentFile(size: file.size, parts: parts, etag: status.etag, wasThere: wasThere)
        }
        func store(_ mode: WriteMode) async throws -> SentFile {
            sent(
                try await put(
                    location, file: file, mode: mode, partSize: partSize,
                    // What is stored and cannot be looked at cannot be stored once more.
                    isSeenEarly: !isBlind || replacesUnseen, isBlind: isBlind, metadata: metadata
                ) {
                    // Parts take long to send.
                    if mode == .overwrite, replacing != .all, !isBlind { _ = try await mayReplace(location, replacing) }
                })
        }
        guard reason == .recovery || replacing != .all else { return try await store(.overwrite) }
        do {
            if let status = try await holds(location, file, partSize) { return sent(status, wasThere: true) }
            isAbsent = try await mayReplace(location, replacing) == nil
            if parts > 1 {
                do { try await abandonUploads(of: location, begunBefore: began) } catch let error as ObjectStorageError {
                    // Without the right to look for them they are left to the bucket's own rules.
                    guard case .permissionDenied = error else { throw error }
                }
            }
        } catch ObjectStorageError.permissionDenied {
            // Keys that may only write are told nothing of what is there, those that may not list nothing of what is not.
            isBlind = true
        }
        guard isAbsent || isBlind && replacing != .all else { return try await store(.overwrite) }
        do { return try await store(.createOnly) } catch ObjectStorageError.alreadyExists {
            // What the process that died had sent appeared just now, or what another one sends.
            do {
                if let status = try await holds(location, file, partSize) { return sent(status, wasThere: true) }
                _ = try await mayReplace(location, replacing)
            } catch ObjectStorageError.permissionDenied where isBlind && replacesUnseen {
            } catch ObjectStorageError.permissionDenied where isBlind {
                throw ObjectStorageError.newerThere(path: location.path)
            }
            return try await store(.overwrite)
        }
    }

    private static let sourceHeader = "x-amz-meta-steward-source"
    private static let requestHeader = "x-amz-meta-steward-request"

    /// The source, quoted; of a long one a digest and its end, because headers have a limit.
    static func headerValue(ofSource source: String) -> String {
        let text = PercentQuoting.quote(source)
        guard text.utf8.count > 1000 else { return text }
        return Hexadecimal.encode(SHA256.hash(data: Array(source.utf8))) + "-" + text.suffix(900)
    }

    /// The status of what is there; `nil` for nothing.
    ///
    /// - Throws: `.heldByOther`, `.newerThere`.
    private func mayReplace(_ location: S3Location, _ replacing: Replaceable) async throws -> ObjectStatus? {
        guard let (status, headers) = try await stat(location) else { return nil }
        switch replacing {
        case .all: break
        case .sameSource(let source):
            let other = headers.first(name: Self.sourceHeader) ?? ""
            guard other == Self.headerValue(ofSource: source) else {
                throw ObjectStorageError.heldByOther(path: location.path, source: PercentQuoting.unquote(other))
            }
        case .older(let time, let request):
            let isOlder =
                headers.first(name: Self.requestHeader).flatMap { Int64($0) }.map { $0 <= request }
                ?? Self.isOlder(status, than: time, headers)
            guard isOlder else { throw ObjectStorageError.newerThere(path: location.path) }
        }
        return status
    }

    /// Whether an object was surely stored before a time of this machine's clock. Services tell whole seconds of theirs, and
    /// with each answer what it shows.
    static func isOlder(_ status: ObjectStatus, than time: Int64, _ headers: HTTPHeaders, now: Int64 = UTCTime.now) -> Bool {
        let ahead = headers.first(name: "date").flatMap(UTCTime.parseHTTP).map { $0 - now } ?? 0
        // An object without a time may be of any.
        return status.modificationTime > 0 && status.modificationTime < time + ahead - 1_000_000_000
    }

    /// The object's status if it has the file's bytes, as far as its tag tells.
    private func holds(_ location: S3Location, _ file: LocalFileSource, _ partSize: Int64) async throws -> ObjectStatus? {
        guard let (status, _) = try await stat(location), status.size == file.size else { return nil }
        let isSame = try await POSIXObjectStore.sharedPool.run {
            if let digest = status.checksums[.md5] { return try file.digest(0..<file.size).digest == digest }
            return try PartSizes.likely(for: status, own: partSize).contains { partSize in
                var digests: [UInt8] = []
                for start in stride(from: Int64(0), to: file.size, by: Int64.Stride(partSize)) {
                    digests += try file.digest(start..<min(file.size, start + partSize)).digest
                }
                return status.etag == Self.tag(ofParts: digests)
            }
        }
        return isSame ? status : nil
    }

    /// Gives up uploads in parts that nobody will finish, and whose parts would be kept for ever.
    ///
    /// - Parameter time: nanoseconds since 1970; later ones may be somebody's who is at work.
    func abandonUploads(of location: S3Location, begunBefore time: Int64 = .max) async throws {
        let call = Call(
            bucket: location.bucket, query: [("uploads", ""), ("prefix", location.key)],
            operation: "look for unfinished uploads in")
        let document: XMLElement
        do { document = try await performAndRead(call, named: "ListMultipartUploadsResult") } catch {
            // Services without such a list keep nothing either, or have another way to clean up.
            switch error {
            case ObjectStorageError.remote(_, _, let status, _, _) where !HTTPAnswer.isTransient(status): return
            // Some answer so where there are none.
            case ObjectStorageError.notFound: return
            default: throw error
            }
        }
        for upload in document.all("Upload") where upload["Key"]?.text == location.key {
            let began = upload["Initiated"].flatMap { UTCTime.parseISO($0.text) } ?? 0
            guard began < time else { continue }
            if let identifier = upload["UploadId"]?.text { try await abortUpload(location, identifier) }
        }
    }
}
