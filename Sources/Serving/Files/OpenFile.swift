import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A regular file open for reading. Size and time are those of the open file, so that headers and bytes agree even
/// when the path gets another file meanwhile. All disk access happens on a thread pool.
final class OpenFile: Sendable {
    enum Failure: Error, Equatable {
        case notFound
        case notRegular
        case system(errno: CInt)
        /// The file became shorter while it was read.
        case truncated
    }

    let size: Int64
    let modified: UTCDate
    private let descriptor: CInt
    private let pool: NIOThreadPool

    private init(descriptor: CInt, size: Int64, modified: UTCDate, pool: NIOThreadPool) {
        self.descriptor = descriptor
        self.size = size
        self.modified = modified
        self.pool = pool
    }

    deinit { _ = close(descriptor) }

    /// - Throws: ``Failure``; `notRegular` for directories, pipes and devices.
    static func open(_ path: String, pool: NIOThreadPool = .singleton) async throws -> OpenFile {
        try await pool.runIfActive {
            // Opening a pipe must not wait for a writer.
            let descriptor = path.withCString { systemOpen($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
            guard descriptor >= 0 else {
                let code = errno
                throw code == ENOENT || code == ENOTDIR ? Failure.notFound : Failure.system(errno: code)
            }
            var status = stat()
            guard fstat(descriptor, &status) == 0 else {
                let code = errno
                _ = close(descriptor)
                throw Failure.system(errno: code)
            }
            guard status.st_mode & S_IFMT == S_IFREG else {
                _ = close(descriptor)
                throw Failure.notRegular
            }
            #if canImport(Glibc)
                let time = status.st_mtim
            #else
                let time = status.st_mtimespec
            #endif
            return OpenFile(
                descriptor: descriptor, size: Int64(status.st_size),
                modified: UTCDate(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec)), pool: pool)
        }
    }

    /// Exactly these bytes.
    /// - Throws: ``Failure/truncated`` when the file has no longer that many.
    func read(_ range: Range<Int64>) async throws -> ByteBuffer {
        try await pool.runIfActive { [self] in
            var buffer = ByteBuffer()
            buffer.reserveCapacity(range.count)
            var offset = range.lowerBound
            while offset < range.upperBound {
                let wanted = Int(range.upperBound - offset)
                var failure: CInt = 0
                let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { target in
                    let count = pread(descriptor, target.baseAddress, wanted, off_t(offset))
                    if count < 0 { failure = errno }
                    return max(0, count)
                }
                if failure == EINTR { continue }
                if failure != 0 { throw Failure.system(errno: failure) }
                guard count > 0 else { throw Failure.truncated }
                offset += Int64(count)
            }
            return buffer
        }
    }
}

private func systemOpen(_ path: UnsafePointer<CChar>, _ flags: CInt) -> CInt {
    #if canImport(Glibc)
        Glibc.open(path, flags)
    #else
        Darwin.open(path, flags)
    #endif
}
