#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file that grows under a temporary name (see ``AtomicWrite``) until it takes its place. The token holds that name
/// and how many bytes were flushed.
actor POSIXUpload: ObjectUpload {
    private let path: String
    private let mode: WriteMode
    private let pool: BlockingPool
    private let synchronizing: Bool
    let temporary: String
    private(set) var stored: Int64 = 0
    private var isOver = false

    init(
        target: String, mode: WriteMode, resuming token: String?, pool: BlockingPool, synchronizing: Bool
    ) async throws {
        path = target
        self.mode = mode
        self.pool = pool
        self.synchronizing = synchronizing
        let directory = PathText.parent(target)
        guard let token else {
            temporary = try await pool.run {
                if mode == .createOnly {
                    var status = stat()
                    guard lstat(target, &status) != 0 else { throw ObjectStorageError.alreadyExists(path: target) }
                }
                let write = try AtomicWrite(target: target, naming: target, synchronizing: synchronizing)
                let name = write.temporary
                write.keep()
                _ = try FileDescriptor.creating(name, naming: target)
                return name
            }
            return
        }
        let parts = token.split(separator: ":")
        guard parts.count == 2, AtomicWrite.isTemporaryName(String(parts[0])), let size = Int64(parts[1]), size >= 0
        else { throw ObjectStorageError.notFound(path: target) }
        let name = (directory == "/" ? "" : directory) + "/" + parts[0]
        temporary = name
        stored = size
        try await pool.run {
            var status = stat()
            guard stat(name, &status) == 0, status.st_size >= size else {
                throw ObjectStorageError.notFound(path: target)
            }
            guard truncate(name, off_t(size)) == 0 else {
                throw ObjectStorageError.from(errno, path: target, operation: "write")
            }
        }
    }

    var token: String { "\(PathText.basename(temporary)):\(stored)" }

    func append(_ bytes: [UInt8]) async throws {
        try checkOpen()
        let (temporary, path, offset, synchronizing) = (temporary, path, stored, synchronizing)
        try await pool.run {
            let descriptor = try FileDescriptor.appending(temporary, at: offset, naming: path)
            try bytes.withUnsafeBytes { try descriptor.writeAll($0) }
            if synchronizing { try descriptor.synchronize() }
        }
        stored += Int64(bytes.count)
    }

    func finish() async throws -> ObjectStatus {
        try checkOpen()
        let (temporary, path, mode, size, synchronizing) = (temporary, path, mode, stored, synchronizing)
        let status = try await pool.run {
            let write = AtomicWrite(target: path, temporary: temporary)
            return try write.finish(size: size, mode: mode, synchronizing: synchronizing)
        }
        isOver = true
        return status
    }

    func abort() async throws {
        guard !isOver else { return }
        isOver = true
        let (temporary, path) = (temporary, path)
        try await pool.run {
            guard unlink(temporary) == 0 || errno == ENOENT else {
                throw ObjectStorageError.from(errno, path: path, operation: "delete")
            }
        }
    }

    private func checkOpen() throws { if isOver { throw ObjectStorageError.notFound(path: path) } }
}

extension AtomicWrite {
    /// The write of a file that is there already under its temporary name.
    init(target: String, temporary: String) {
        self.init(target: target, temporary: temporary, path: target)
    }

    /// Leaves the temporary name alone.
    consuming func keep() { committed = true }

    /// Puts a file of a known size in place; the temporary file stays when that fails.
    fileprivate consuming func finish(
        size: Int64, mode: WriteMode, synchronizing: Bool
    ) throws(ObjectStorageError) -> ObjectStatus {
        var status = stat()
        do throws(ObjectStorageError) {
            guard stat(temporary, &status) == 0, Int64(status.st_size) == size else { throw .notFound(path: path) }
            try commit(mode: mode, synchronizing: synchronizing)
        } catch {
            keep()
            throw error
        }
        return status.objectStatus
    }
}
