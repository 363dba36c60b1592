#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Short text files, such as those with credentials.
public enum SmallFile {
    private static let limit = 1 << 20

    /// The text; `nil` when there is no such file. Blocks.
    ///
    /// - Throws: ``ObjectStorageError`` for a file that cannot be read, has more than one MiB, or is a link to nothing.
    public static func text(_ path: String) throws(ObjectStorageError) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR {
                var status = stat()
                guard lstat(path, &status) == 0 else { return nil }
            }
            throw failure(path, code)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure(path, errno)
            }
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer.prefix(count))
            guard bytes.count <= limit else { throw failure(path, EFBIG) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func failure(_ path: String, _ code: CInt) -> ObjectStorageError {
        code == EACCES
            ? .permissionDenied(path: path, operation: "read")
            : .system(path: path, operation: "read", code: code, message: String(cString: strerror(code)))
    }
}
