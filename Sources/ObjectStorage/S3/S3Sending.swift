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
    /// - Parameter partSize: larger files are sent in parts of this size, four at a time. At least 5 MiB.
    /// - Throws: `ObjectStorageError`: `.notFound` and others for the file, `.changedWhileReading` when somebody
    ///   writes to it; those of the service.
    public func send(
        file path: String, to location: S3Location, partSize: Int64 = S3Client.partThreshold,
        because reason: SendReason = .request
    ) async throws -> SentFile {
        let partSize = max(5 << 20, partSize)
        if reason == .request, let sent = try await sendCached(path, to: location) { return sent }
        return try await withTaskExecutorPreference(POSIXObjectStore.sharedPool) {
            try await sendUncached(path, to: location, partSize: partSize, because: reason)
        }
    }

    /// Sends a short file that the system has in memory, all of it on the thread where the task is; `nil` for others.
    private func sendCached(_ path: String, to location: S3Location) async throws -> SentFile? {
        guard let (file, bytes) = LocalFileSource.cached(path, upTo: Int64(FilePieces.short)) else { return nil }
        let md5 = await TurnDigests.md5(of: bytes)
        do {
            let status = try await put(location, S3Body(bytes, md5: md5), mode: .overwrite)
            try file.checkUnchanged()
            return SentFile(size: file.size, parts: 1, etag: status.etag, wasThere: false)
        } catch {
            try file.checkUnchanged()
            throw error
        }
    }

    private func sendUncached(
        _ path: String, to location: S3Location, partSize: Int64, because reason: SendReason
    ) async throws -> SentFile {
        let file = try await POSIXObjectStore.sharedPool.run { try LocalFileSource(path) }
        let parts = max(1, Int((file.size + partSize - 1) / partSize))
        func sent(_ status: ObjectStatus, wasThere: Bool = false) -> SentFile {
            SentFile(size: file.size, parts: parts, etag: status.etag, wasThere: wasThere)
        }
        guard reason == .recovery else {
            return sent(try await put(location, file: file, mode: .overwrite, partSize: partSize, isSeenEarly: true))
        }
        if let status = try await holds(location, file, partSize: partSize) { return sent(status, wasThere: true) }
        if parts > 1 { try await abandonUploads(of: location) }
        guard try await stat(location) == nil else {
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
    func abandonUploads(of location: S3Location) async throws {
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
            if let identifier = upload["UploadId"]?.text { try await abortUpload(location, identifier) }
        }
    }
}
