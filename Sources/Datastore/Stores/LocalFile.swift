import ByteText
import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The C functions, under names that the methods below do not hide.
private func posixRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}

private func posixRename(_ source: String, _ target: String) -> Int32 { rename(source, target) }

/// Blocking operations on files of this machine, for threads that may block: formatters and database transactions.
enum LocalFile {
    /// The whole content.
    static func read(_ path: String) throws(ObjectStorageError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, "read") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = buffer.withUnsafeMutableBytes { posixRead(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure(path, "read")
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer.prefix(count))
        }
    }

    /// Gives a file another name in the same folder, in one step, and waits until the folder is on the disk.
    ///
    /// - Parameter renamed: called as soon as the file has its new name.
    static func rename(
        _ source: String, to target: String, renamed: () -> Void
    ) throws(ObjectStorageError) {
        guard posixRename(source, target) == 0 else { throw failure(target, "write") }
        renamed()
        let folder = target.folderInPath ?? "."
        let descriptor = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(folder, "open") }
        defer { close(descriptor) }
        // Some file systems cannot flush folders and say so.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == EBADF else { throw failure(folder, "flush") }
    }

    /// Whether there is anything of this name, a broken link included.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Makes a folder and those above it, as far as they are missing.
    static func makeFolder(_ path: String) throws(ObjectStorageError) {
        for folder in path.pathsOnTheWay() {
            guard mkdir(folder, 0o777) == 0 || errno == EEXIST || errno == EISDIR else {
                throw failure(path, "make")
            }
        }
    }

    /// Whether two paths lead to one file, over hard or symbolic links.
    static func isSame(_ first: String, _ second: String) -> Bool {
        var a = stat()
        var b = stat()
        guard stat(first, &a) == 0, stat(second, &b) == 0 else { return false }
        return a.st_dev == b.st_dev && a.st_ino == b.st_ino
    }

    static func failure(_ path: String, _ operation: String) -> ObjectStorageError {
        let code = errno
        switch code {
        case ENOENT, ENOTDIR: return .notFound(path: path)
        case EACCES, EPERM: return .permissionDenied(path: path, operation: operation)
        case ENOSPC, EDQUOT: return .noSpace(path: path)
        default: return .system(path: path, operation: operation, code: code, message: String(cString: strerror(code)))
        }
    }
}
