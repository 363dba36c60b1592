#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A local file whose bytes go into a store. Its identity, size and time are remembered, so that a file that changes
/// meanwhile is noticed.
struct LocalFileSource: Sendable {
    let path: String
    private let descriptor: FileDescriptor
    let size: Int64
    /// Changes with a replacement, a change in place and a change of size.
    let identity: String

    /// Blocks for a moment.
    ///
    /// - Throws: `.notFound`, `.notAFile`, `.permissionDenied`.
    init(_ path: String) throws(ObjectStorageError) {
        self.path = path
        descriptor = try FileDescriptor.reading(path, naming: path)
        let status = try descriptor.status()
        size = Int64(status.st_size)
        identity = status.objectStatus.etag
    }

    func readAll() async throws -> [UInt8] { try await read(0..<size) }

    /// - Throws: `.changedWhileReading` when the file ends before.
    func read(_ range: Range<Int64>) async throws -> [UInt8] {
        try await POSIXObjectStore.sharedPool.run { [self] in try readNow(range) }
    }

    func readNow(_ range: Range<Int64>) throws(ObjectStorageError) -> [UInt8] {
        let bytes = try descriptor.read(at: range.lowerBound, count: Int(range.count))
        guard bytes.count == range.count else { throw .changedWhileReading(path: path) }
        return bytes
    }

    /// Fills memory from an offset; all of it.
    func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(ObjectStorageError) {
        var filled = 0
        while filled < buffer.count, let base = buffer.baseAddress {
            let got = retryingOnInterrupt {
                pread(descriptor.number, base + filled, buffer.count - filled, off_t(offset) + filled)
            }
            guard got >= 0 else { throw .from(errno, path: path, operation: "read") }
            guard got > 0 else { throw .changedWhileReading(path: path) }
            filled += got
        }
    }

    /// - Throws: `.changedWhileReading` unless the open file is as it was at the beginning.
    func checkUnchanged() throws(ObjectStorageError) {
        guard try descriptor.status().objectStatus.etag == identity else { throw .changedWhileReading(path: path) }
    }

    /// Removes the file, unless another has taken its place.
    func remove() async throws {
        try await POSIXObjectStore.sharedPool.run { [self] in
            let resolved = realpath(path, nil)
            defer { free(resolved) }
            var status = stat()
            guard let resolved, stat(resolved, &status) == 0, status.objectStatus.etag == identity else {
                throw ObjectStorageError.changedWhileReading(path: path)
            }
            guard unlink(resolved) == 0 || errno == ENOENT else {
                throw ObjectStorageError.from(errno, path: path, operation: "remove the moved file")
            }
        }
    }
}
