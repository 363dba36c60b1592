import NIOCore

/// How local files are stored.
extension S3Client {
    /// Files larger than this go in parts of this size, several at a time.
    public static let partThreshold: Int64 = 16 << 20

    /// Stores a file. It must not change meanwhile.
    ///
    /// - Throws: `.changedWhileReading`; what ``put(_:_:mode:metadata:)`` throws. Nothing is stored then.
    func put(
        _ location: S3Location, file: LocalFileSource, mode: WriteMode, partSize: Int64 = S3Client.partThreshold
    ) async throws -> ObjectStatus {
        let pool = POSIXObjectStore.sharedPool
        guard file.size > partSize else {
            let (digest, bytes) = try await pool.run { try file.digest(0..<file.size) }
            let body = bytes.map { S3Body($0, md5: digest) } ?? S3Body(file, 0..<file.size, md5: digest)
            do {
                let status = try await put(location, body, mode: mode)
                try await pool.run { try file.checkUnchanged() }
                return status
            } catch {
                try await pool.run { try file.checkUnchanged() }
                throw error
            }
        }
        if mode == .createOnly, try await stat(location) != nil {
            throw ObjectStorageError.alreadyExists(path: "s3://\(location.bucket)/\(location.key)")
        }
        // At most ten thousand parts are allowed.
        let size = max(partSize, (file.size + 9_999) / 10_000)
        let ranges = stride(from: Int64(0), to: file.size, by: Int64.Stride(size)).map {
            $0..<min(file.size, $0 + size)
        }
        let identifier = try await beginUpload(location)
        do {
            let parts = try await inParallel(Array(ranges.enumerated()), width: 4) { index, range in
                let (digest, bytes) = try await pool.run { try file.digest(range) }
                return try await storePart(
                    location, identifier, number: index + 1,
                    bytes.map { S3Body($0, md5: digest) } ?? S3Body(file, range, md5: digest))
            }
            try await pool.run { try file.checkUnchanged() }
            return try await finishUpload(location, identifier, parts: parts, mode: mode)
        } catch {
            // Parts that nobody finishes cost space; a task that was cancelled must clean up all the same.
            await Task { try? await abortUpload(location, identifier) }.value
            // Some services drop an upload for one bad part: it has to begin anew.
            if case ObjectStorageError.notFound(let path) = error, path.hasPrefix("s3://") {
                throw ObjectStorageError.unreachable(
                    path: path, operation: "write", reason: "the service has dropped the upload in parts")
            }
            throw error
        }
    }
}
