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
            try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: range.count) { target in
                try fill(UnsafeMutableRawBufferPointer(rebasing: target.prefix(range.count)), from: range.lowerBound)
                return range.count
            }
            return buffer
        }
    }

    /// The same as an array, without a copy.
    func bytes(_ range: Range<Int64>) async throws -> [UInt8] {
        try await pool.runIfActive { [self] in
            try Array(unsafeUninitializedCapacity: range.count) { whole, count in
                let target = UnsafeMutableBufferPointer(rebasing: whole.prefix(range.count))
                try fill(UnsafeMutableRawBufferPointer(target), from: range.lowerBound)
                count = range.count
            }
        }
    }

    private func fill(_ target: UnsafeMutableRawBufferPointer, from start: Int64) throws {
        var done = 0
        while done < target.count {
            let count = pread(
                descriptor, target.baseAddress?.advanced(by: done), target.count - done, off_t(start + Int64(done)))
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                throw Failure.system(errno: code)
            }
            guard count > 0 else { throw Failure.truncated }
            done += count
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
