import CFileCache

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Owns an open file and closes it. Calls are repeated on EINTR, short reads and writes are continued.
///
/// `@unchecked` is not needed: the number never changes, and `pread`, `write`, `fsync` on one descriptor are thread safe.
final class FileDescriptor: Sendable {
    let number: Int32
    /// The object the errors name.
    let path: String

    private init(number: Int32, path: String) {
        self.number = number
        self.path = path
    }

    deinit { _ = closeDescriptor(number) }

    /// Opens a regular file for reading. `O_NONBLOCK` keeps a FIFO from blocking the thread before it is refused.
    static func reading(_ file: String, naming path: String) throws(ObjectStorageError) -> FileDescriptor {
        let number = retryingOnInterrupt { open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard number >= 0 else { throw .from(errno, path: path, operation: "read") }
        let descriptor = FileDescriptor(number: number, path: path)
        let status = try descriptor.status()
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path: path) }
        return descriptor
    }

    /// Opens a file for reading if that takes no access to a disk; `nil` otherwise.
    static func cached(_ path: String) -> FileDescriptor? {
        let number = retryingOnInterrupt { steward_open_cached(path) }
        return number < 0 ? nil : FileDescriptor(number: number, path: path)
    }

    /// Creates a file that must not exist yet, with mode 0666 as the process's umask allows.
    static func creating(_ file: String, naming path: String) throws(ObjectStorageError) -> FileDescriptor {
        let number = retryingOnInterrupt { open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) }
        guard number >= 0 else { throw .from(errno, path: path, operation: "write") }
        return FileDescriptor(number: number, path: path)
    }

    /// Opens a file for writing behind an offset; what is there behind it is overwritten.
    static func appending(_ file: String, at offset: Int64, naming path: String) throws(ObjectStorageError)
        -> FileDescriptor
    {
        let number = retryingOnInterrupt { open(file, O_WRONLY | O_CLOEXEC) }
        guard number >= 0 else { throw .from(errno, path: path, operation: "write") }
        let descriptor = FileDescriptor(number: number, path: path)
        guard lseek(number, off_t(offset), SEEK_SET) >= 0 else { throw .from(errno, path: path, operation: "write") }
        return descriptor
    }

    func status() throws(ObjectStorageError) -> stat {
        var buffer = stat()
        guard fstat(number, &buffer) == 0 else { throw .from(errno, path: path, operation: "examine") }
        return buffer
    }

    /// The path of what is open, without links. Linux only asks the kernel which file it is; a file that was removed
    /// has a path that is none.
    func resolvedPath() throws(ObjectStorageError) -> String {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX) + 1)
        #if canImport(Glibc)
            let length = bytes.withUnsafeMutableBytes { memory in
                memory.withMemoryRebound(to: CChar.self) { text in
                    text.baseAddress.map { readlink("/proc/self/fd/\(number)", $0, text.count - 1) } ?? -1
                }
            }
            guard length >= 0 else { throw .from(errno, path: path, operation: "examine") }
        #else
            let result = bytes.withUnsafeMutableBytes { $0.baseAddress.map { fcntl(number, F_GETPATH, $0) } ?? -1 }
            guard result == 0 else { throw .from(errno, path: path, operation: "examine") }
            let length = bytes.firstIndex(of: 0) ?? 0
        #endif
        return String(decoding: bytes[..<length], as: UTF8.self)
    }

    /// Whether somebody has the file open for writing, as far as the system tells. For descriptors for reading.
    var isBeingWritten: Bool { steward_is_being_written(number) == 1 }

    /// Up to `count` bytes from an offset; fewer only at the end of the file.
    func read(at offset: Int64, count: Int) throws(ObjectStorageError) -> [UInt8] {
        var failure: ObjectStorageError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            guard let base = buffer.baseAddress else { return }
            while filled < count {
                let got = retryingOnInterrupt { pread(number, base + filled, count - filled, off_t(offset) + filled) }
                if got < 0 {
                    failure = .from(errno, path: path, operation: "read")
                    return
                }
                if got == 0 { return }
                filled += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    func writeAll(_ bytes: UnsafeRawBufferPointer) throws(ObjectStorageError) {
        var written = 0
        while written < bytes.count, let base = bytes.baseAddress {
            let count = retryingOnInterrupt { Self.write(number, base + written, bytes.count - written) }
            guard count > 0 else { throw .from(count == 0 ? ENOSPC : errno, path: path, operation: "write") }
            written += count
        }
    }

    func synchronize() throws(ObjectStorageError) {
        guard retryingOnInterrupt({ fsync(number) }) == 0 else {
            throw .from(errno, path: path, operation: "write")
        }
    }

    func setMode(_ mode: mode_t) throws(ObjectStorageError) {
        guard fchmod(number, mode & 0o777) == 0 else {
            throw .from(errno, path: path, operation: "set the mode of")
        }
    }

    private static func write(_ number: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
        #if canImport(Glibc)
            Glibc.write(number, base, count)
        #else
            Darwin.write(number, base, count)
        #endif
    }
}

private func closeDescriptor(_ number: Int32) -> Int32 { close(number) }

/// Calls again as long as a signal interrupts the call.
func retryingOnInterrupt<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}

/// Makes the names in a folder durable.
func synchronizeDirectory(_ directory: String, naming path: String) throws(ObjectStorageError) {
    let number = retryingOnInterrupt { open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard number >= 0 else {
        // A folder that may be written but not listed cannot be opened; its entries are then as durable as the
        // file system makes them by itself.
        if errno == EACCES { return }
        throw .from(errno, path: path, operation: "write")
    }
    defer { close(number) }
    // Some network file systems refuse fsync on folders (EINVAL) and order the operations themselves.
    guard retryingOnInterrupt({ fsync(number) }) == 0 || errno == EINVAL else {
        throw .from(errno, path: path, operation: "write")
    }
}

extension ObjectStorageError {
    /// Translates an errno into the error that names the remedy.
    static func from(_ code: Int32, path: String, operation: String) -> ObjectStorageError {
        switch code {
        case ENOENT: .notFound(path: path)
        case EEXIST: .alreadyExists(path: path)
        case EISDIR, ENOTDIR: .notAFile(path: path)
        case ENOSPC, EDQUOT, EFBIG: .noSpace(path: path)
        case EROFS: .readOnlyFileSystem(path: path)
        case EACCES, EPERM: .permissionDenied(path: path, operation: operation)
        case ENAMETOOLONG: .nameTooLong(path: path)
        case EMFILE, ENFILE: .tooManyOpenFiles(path: path)
        default:
            .system(path: path, operation: operation, code: code, message: String(cString: strerror(code)))
        }
    }
}
