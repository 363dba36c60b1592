import NIOCore

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

extension S3Client {
    /// Sends a local file and returns once the service has shown, by its checksum, that it has all of it.
    ///
    /// - Parameters:
    ///   - partSize: larger files are sent in parts of this size, four at a time. At least 5 MiB.
    ///   - check: looks at the path of the file that was opened, links resolved; if it throws, nothing is sent.
    /// - Throws: `ObjectStorageError`: `.notFound` and others for the file, `.changedWhileReading` when somebody
    ///   writes to it; those of the service.
    public func send(
        file path: String, to location: S3Location, partSize: Int64 = S3Client.partThreshold,
        because reason: SendReason = .request, check: FileCheck? = nil
    ) async throws -> SentFile {
        let partSize = max(5 << 20, partSize)
        func uncached(_ reason: SendReason) async throws -> SentFile {
            try await withTaskExecutorPreference(POSIXObjectStore.sharedPool) {
                try await sendUncached(path, to: location, partSize: partSize, because: reason, check)
            }
        }
        do {
            if reason == .request, let sent = try await sendCached(path, to: location, check) { return sent }
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
        do {
            let status = try await putShort(location, bytes)
            try file.checkUnchanged()
            return SentFile(size: file.size, parts: 1, etag: status.etag, wasThere: false)
        } catch {
            try file.checkUnchanged()
            throw error
        }
    }

    /// On an event loop the digest is made when the bytes are on their way, while the service deals with them.
    private func putShort(_ location: S3Location, _ bytes: ByteBuffer) async throws -> ObjectStatus {
        guard let digest = TurnDigests.md5(of: bytes) else {
            return try await put(location, S3Body(bytes, md5: PiecewiseMD5.digests(of: [bytes])[0]), mode: .overwrite)
        }
        if tags.areDigests.load(ordering: .relaxed) {
            let status = try await withLaterDigest {
                try await put(location, S3Body(bytes) { try await digest.get() }, mode: .overwrite)
            }
            if let status { return status }
        }
        return try await put(location, S3Body(bytes, md5: try await digest.get()), mode: .overwrite)
    }

    private func sendUncached(
        _ path: String, to location: S3Location, partSize: Int64, because reason: SendReason, _ check: FileCheck?
    ) async throws -> SentFile {
        let file = try await POSIXObjectStore.sharedPool.run {
            let file = try LocalFileSource(path)
            try check?(file.resolvedPath())
            return file
        }
        let parts = max(1, Int((file.size + partSize - 1) / partSize))
        func sent(_ status: ObjectStatus, wasThere: Bool = false) -> SentFile {
            SentFile(size: file.size, parts: parts, etag: status.etag, wasThere: wasThere)
        }
        guard reason == .recovery else {
            return sent(try await put(location, file: file, mode: .overwrite, partSize: partSize, isSeenEarly: true))
        }
        var isAbsent = false
        do {
            if let status = try await holds(location, file, partSize: partSize) {
                return sent(status, wasThere: true)
            }
            if parts > 1 {
                // Without the right to look for them they are left to the bucket's own rules.
                do { try await abandonUploads(of: location, begunBefore: began) } catch
                    ObjectStorageError.permissionDenied
                {}
            }
            isAbsent = try await stat(location) == nil
        } catch ObjectStorageError.permissionDenied {
            // Keys that may only write are told nothing of what is there.
        }
        guard isAbsent else {
            return sent(try await put(location, file: file, mode: .overwrite, partSize: partSize, isSeenEarly: true))
        }
        do {
            return sent(try await put(location, file: file, mode: .createOnly, partSize: partSize, isSeenEarly: true))
        } catch ObjectStorageError.alreadyExists {
            // What the process that died had sent appeared just now.
            if let status = try await holds(location, file, partSize: partSize) { return sent(status, wasThere: true) }
            return sent(try await put(location, file: file, mode: .overwrite, partSize: partSize, isSeenEarly: true))
        }
    }

    /// The object's status if it has the file's bytes, as far as its tag tells.
    private func holds(_ location: S3Location, _ file: LocalFileSource, partSize: Int64) async throws -> ObjectStatus? {
        guard let (status, _) = try await stat(location), status.size == file.size else { return nil }
        let isWhole = file.size <= partSize
        let tag = try await POSIXObjectStore.sharedPool.run {
            if isWhole { return try file.digest(0..<file.size).digest }
            var digests: [UInt8] = []
            for start in stride(from: Int64(0), to: file.size, by: Int64.Stride(partSize)) {
                digests += try file.digest(start..<min(file.size, start + partSize)).digest
            }
            return digests
        }
        if isWhole { return status.checksums[.md5] == tag ? status : nil }
        return status.etag == Self.tag(ofParts: tag) ? status : nil
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
            if case ObjectStorageError.remote(_, _, let status, _, _) = error, !HTTPAnswer.isTransient(status) {
                return
            }
            throw error
        }
        for upload in document.all("Upload") where upload["Key"]?.text == location.key {
            let began = upload["Initiated"].flatMap { UTCTime.parseISO($0.text) } ?? 0
            guard began < time else { continue }
            if let identifier = upload["UploadId"]?.text { try await abortUpload(location, identifier) }
        }
    }
}
