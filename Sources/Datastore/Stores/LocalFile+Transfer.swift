import Database
import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Copying and linking files of this machine, to names that are free. All of it blocks.
extension LocalFile {
    /// Bytes of the file that a path leads to.
    static func size(_ path: String) throws(ObjectStorageError) -> Int64 { Int64(try status(path).st_size) }

    /// What the system knows of the file that a path leads to.
    static func status(_ path: String) throws(ObjectStorageError) -> stat {
        var status = stat()
        guard stat(path, &status) == 0 else {
            // As a link that leads to nothing.
            if errno == ELOOP { throw .notFound(path: path) }
            throw JournalFiles.failure(path, "read")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path: path) }
        return status
    }

    /// BLAKE2b-512 of a file in hexadecimal digits. Memory: one mebibyte.
    static func checksum(_ path: String) throws(ObjectStorageError) -> String {
        var digest = BLAKE2b()
        try pieces(of: path) { bytes throws(ObjectStorageError) in digest.update(bytes) }
        return digest.hexadecimalDigest()
    }

    /// Makes a file. One that could not be written whole is removed.
    /// - Throws: `.alreadyExists`.
    static func create(_ path: String, _ bytes: [UInt8]) throws {
        let output = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard output >= 0 else { throw JournalFiles.failure(path, "write") }
        defer { close(output) }
        do {
            try bytes.withUnsafeBytes { try write($0, to: output, path) }
        } catch {
            unlink(path)
            throw error
        }
    }

    private static func write(
        _ bytes: UnsafeRawBufferPointer, to output: Int32, _ path: String
    ) throws(ObjectStorageError) {
        var written = 0
        while written < bytes.count, let base = bytes.baseAddress {
            let count = posixWrite(output, base + written, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw JournalFiles.failure(path, "write") }
            written += count
        }
    }

    /// Copies content and permission bits. A file that could not be copied whole is removed.
    ///
    /// - Throws: `.changedWhileReading` for a source that somebody writes to: what was copied would be a part of it.
    static func copy(_ source: String, to target: String) throws(ObjectStorageError) {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw JournalFiles.failure(source, "read") }
        defer { close(input) }
        var status = stat()
        guard fstat(input, &status) == 0 else { throw JournalFiles.failure(source, "read") }
        let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard output >= 0 else { throw JournalFiles.failure(target, "write") }
        defer { close(output) }
        do throws(ObjectStorageError) {
            if try !copyInside(input, output, Int(status.st_size), source, target) {
                var copied = 0
                try pieces(input, source) { bytes throws(ObjectStorageError) in
                    copied += bytes.count
                    guard copied <= Int(status.st_size) else { throw .changedWhileReading(path: source) }
                    try write(bytes, to: output, target)
                }
            }
            var after = stat()
            guard fstat(input, &after) == 0 else { throw JournalFiles.failure(source, "read") }
            guard after.st_size == status.st_size else { throw .changedWhileReading(path: source) }
            guard fchmod(output, status.st_mode & 0o777) == 0 else { throw JournalFiles.failure(target, "write") }
        } catch {
            unlink(target)
            throw error
        }
    }

    /// Lets the system copy, which shares blocks where the file system can.
    /// - Returns: false when it cannot; then nothing has been copied.
    private static func copyInside(
        _ input: Int32, _ output: Int32, _ size: Int, _ source: String, _ target: String
    ) throws(ObjectStorageError) -> Bool {
        #if canImport(Glibc)
            guard let copyFileRange = LinuxCalls.copyFileRange, size > 0 else { return false }
            var copied = 0
            while true {
                // One byte more than there should be tells that the file grows.
                let count = copyFileRange(input, nil, output, nil, size + 1 - copied, 0)
                if count == 0 { return copied > 0 }
                guard copied + count <= size else { throw .changedWhileReading(path: source) }
                if count > 0 {
                    copied += count
                    continue
                }
                if errno == EINTR { continue }
                guard copied == 0 else { throw JournalFiles.failure(target, "write") }
                switch errno {
                case EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM: return false
                default: throw JournalFiles.failure(target, "write")
                }
            }
        #else
            return false
        #endif
    }

    private static func pieces(
        of path: String, _ body: (UnsafeRawBufferPointer) throws(ObjectStorageError) -> Void
    ) throws(ObjectStorageError) {
        let input = open(path, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw JournalFiles.failure(path, "read") }
        defer { close(input) }
        try pieces(input, path, body)
    }

    private static func pieces(
        _ input: Int32, _ path: String, _ body: (UnsafeRawBufferPointer) throws(ObjectStorageError) -> Void
    ) throws(ObjectStorageError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = readPiece(input, buffer)
            if count < 0 {
                if errno == EINTR { continue }
                throw JournalFiles.failure(path, "read")
            }
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// - Throws: `.linkImpossible` between file systems, and for files of others where the system forbids that.
    static func hardLink(_ source: String, at target: String) throws(ObjectStorageError) {
        guard try hardLink(source, nil, at: target, nil) else { throw .notFound(path: source) }
    }

    /// The same with folders that are held: that of the source, and that of the target.
    /// - Returns: false when something on the way is not there.
    static func hardLink(
        _ source: String, _ sourceFolder: HeldFolder?, at target: String, _ targetFolder: HeldFolder?
    ) throws(ObjectStorageError) -> Bool {
        let code = HeldFolder.find(source, in: sourceFolder) { sourceFolder, source in
            HeldFolder.find(target, in: targetFolder) { targetFolder, target in
                linkat(sourceFolder, source, targetFolder, target, 0) == 0 ? 0 : errno
            }
        }
        switch code {
        case 0: return true
        case ENOENT: return false
        case EEXIST: throw .alreadyExists(path: target)
        case EXDEV, EPERM, EMLINK, EOPNOTSUPP, ENOSYS:
            throw .linkImpossible(path: target, source: source, reason: String(cString: strerror(code)))
        default:
            errno = code
            throw JournalFiles.failure(source, "link")
        }
    }

    static func symbolicLink(_ destination: String, at target: String) throws(ObjectStorageError) {
        guard symlink(destination, target) == 0 else { throw JournalFiles.failure(target, "link") }
    }

    /// The path of a file as seen from a folder; both without symbolic links, since the kernel resolves `..` there.
    static func relativeTarget(of file: String, from folder: String) -> String {
        let slash = UInt8(ascii: "/")
        let base = folder.utf8.split(separator: slash)
        let parts = file.utf8.split(separator: slash)
        var shared = 0
        while shared < base.count, shared < parts.count, base[shared].elementsEqual(parts[shared]) { shared += 1 }
        let up = Array(repeating: "..", count: base.count - shared)
        return (up + parts[shared...].map { String(Substring($0)) }).joined(separator: "/")
    }
}

private func posixWrite(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, base, count)
}

private func readPiece(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    read(descriptor, buffer.baseAddress, buffer.count)
}
