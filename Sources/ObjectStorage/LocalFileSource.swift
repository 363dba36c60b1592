import CFileCache
import NIOCore

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
    private let identity: Identity

    /// Changes with a replacement, a change in place and a change of size.
    private struct Identity: Sendable, Hashable {
        let inode: UInt64
        /// Nanoseconds.
        let modification: Int64
        let size: Int64

        init(_ status: stat) {
            inode = UInt64(status.st_ino)
            modification = status.modificationNanoseconds
            size = Int64(status.st_size)
        }
    }

    /// Blocks for a moment.
    ///
    /// - Throws: `.notFound`, `.notAFile`, `.permissionDenied`.
    init(_ path: String) throws(ObjectStorageError) {
        let descriptor = try FileDescriptor.reading(path, naming: path)
        let status = try descriptor.status()
        // Files of the kernel's have no size that one could send.
        if status.st_size == 0, try !descriptor.read(at: 0, count: 1).isEmpty { throw .changedWhileReading(path: path) }
        self.init(path, descriptor, status)
    }

    private init(_ path: String, _ descriptor: FileDescriptor, _ status: stat) {
        self.path = path
        self.descriptor = descriptor
        size = Int64(status.st_size)
        identity = Identity(status)
    }

    /// A short file and all its bytes, if the system has them in memory: this never waits for a disk. `nil` otherwise,
    /// and for a file that cannot be read.
    ///
    /// - Parameter limit: bytes.
    static func cached(_ path: String, upTo limit: Int64) -> (source: LocalFileSource, bytes: ByteBuffer)? {
        guard let descriptor = FileDescriptor.cached(path), let status = try? descriptor.status(),
            status.st_mode & S_IFMT == S_IFREG, (1...limit).contains(Int64(status.st_size))
        else { return nil }
        let size = Int(status.st_size)
        var bytes = ByteBufferAllocator().buffer(capacity: size)
        while bytes.readableBytes < size {
            let (start, rest) = (bytes.readableBytes, size - bytes.readableBytes)
            let got = bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: rest) { memory in
                max(0, steward_read_cached(descriptor.number, memory.baseAddress, rest, off_t(start)))
            }
            guard got > 0 else { return nil }
        }
        return (LocalFileSource(path, descriptor, status), bytes)
    }

    /// The path of what is open, without links.
    func resolvedPath() throws(ObjectStorageError) -> String { try descriptor.resolvedPath() }

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
        guard try Identity(descriptor.status()) == identity else { throw .changedWhileReading(path: path) }
    }

    /// Removes the file, unless another has taken its place.
    func remove() async throws {
        try await POSIXObjectStore.sharedPool.run { [self] in
            let resolved = realpath(path, nil)
            defer { free(resolved) }
            var status = stat()
            guard let resolved, stat(resolved, &status) == 0, Identity(status) == identity else {
                throw ObjectStorageError.changedWhileReading(path: path)
            }
            guard unlink(resolved) == 0 || errno == ENOENT else {
                throw ObjectStorageError.from(errno, path: path, operation: "remove the moved file")
            }
        }
    }
}
