import ByteText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads a folder tree page by page. Memory: the names of the folders that are still to be read, and one page.
///
/// Symbolic links to files count as files; symbolic links to folders are not followed, so a cycle cannot trap the walk.
struct DirectoryWalk {
    /// Folders still to read, relative to the root (empty for the root), the next one last.
    private var pending: [String]
    private let root: String
    private var open: (handle: Handle, folder: String)?
    /// Which names and folders that cannot be looked at are passed by, and what was the matter with them.
    private let passes: @Sendable (ObjectStorageError) -> Bool
    private(set) var problems: [ObjectStorageError] = []

    init(root: String, prefix: String, passing passes: @escaping @Sendable (ObjectStorageError) -> Bool = { _ in false }) {
        self.root = root
        self.passes = passes
        pending = [prefix]
    }

    /// The next entries, or `nil` at the end. Temporary files of unfinished writes are given only when asked for.
    mutating func nextPage(
        limit: Int = 500, temporaries: Bool = false
    ) throws(ObjectStorageError) -> [(path: String, status: stat)]? {
        var page: [(path: String, status: stat)] = []
        while page.count < limit {
            guard let current = try openFolder() else { break }
            let found: (path: String, status: stat)?
            do {
                guard let name = try current.handle.next(in: current.folder) else {
                    open = nil
                    continue
                }
                let path = current.folder.isEmpty ? name : current.folder + "/" + name
                found = try examine(path).map { (path, $0) }
            } catch {
                try pass(error)
                continue
            }
            guard let (path, status) = found else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: if !temporaries || !status.isSymbolicLink { pending.append(path) }
            case S_IFREG: if AtomicWrite.isTemporaryName(Self.name(path)) == temporaries { page.append((path, status)) }
            default: break
            }
        }
        return page.isEmpty ? nil : page
    }

    private static func name(_ path: String) -> String { path.nameInPath }

    private mutating func pass(_ problem: ObjectStorageError) throws(ObjectStorageError) {
        guard passes(problem) else { throw problem }
        problems.append(problem)
    }

    private mutating func openFolder() throws(ObjectStorageError) -> (handle: Handle, folder: String)? {
        if let open { return open }
        while let folder = pending.popLast() {
            let full = folder.isEmpty ? root : root + "/" + folder
            guard let stream = opendir(full) else {
                // Gone since it was listed, or the prefix is no folder: no objects there.
                if errno == ENOENT || errno == ENOTDIR { continue }
                let problem = ObjectStorageError.from(errno, path: full, operation: "list")
                if folder.isEmpty { throw problem }
                try pass(problem)
                continue
            }
            let entry = (Handle(stream), folder)
            open = entry
            return entry
        }
        return nil
    }

    /// `nil` for what vanished meanwhile, for dangling links and for links to folders.
    private func examine(_ path: String) throws(ObjectStorageError) -> stat? {
        var status = stat()
        let full = root + "/" + path
        guard lstat(full, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw .from(errno, path: full, operation: "examine")
        }
        guard status.isSymbolicLink else { return status }
        guard stat(full, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return status
    }

    /// Owns an open directory stream.
    private final class Handle {
        #if canImport(Glibc)
            private let stream: OpaquePointer
            init(_ stream: OpaquePointer) { self.stream = stream }
        #else
            private let stream: UnsafeMutablePointer<DIR>
            init(_ stream: UnsafeMutablePointer<DIR>) { self.stream = stream }
        #endif

        deinit { closedir(stream) }

        func next(in folder: String) throws(ObjectStorageError) -> String? {
            while true {
                errno = 0
                guard let entry = readdir(stream) else {
                    guard errno == 0 else { throw .from(errno, path: folder, operation: "list") }
                    return nil
                }
                let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
                if bytes == Array(".".utf8) || bytes == Array("..".utf8) { continue }
                guard let name = String(validating: bytes, as: UTF8.self) else {
                    throw .invalidPath(
                        path: folder + "/" + String(decoding: bytes, as: UTF8.self),
                        reason: "its name on disk is not UTF-8; rename it")
                }
                return name
            }
        }
    }
}

extension stat {
    var isSymbolicLink: Bool { st_mode & S_IFMT == S_IFLNK }

    /// UTC nanoseconds since 1970-01-01.
    var modificationNanoseconds: Int64 {
        #if canImport(Glibc)
            let time = st_mtim
        #else
            let time = st_mtimespec
        #endif
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// The tag changes with a replacement (inode), a change in place (time) and a truncation (size).
    var objectStatus: ObjectStatus {
        let etag = [UInt64(st_ino), UInt64(bitPattern: modificationNanoseconds), UInt64(bitPattern: Int64(st_size))]
            .map { String($0, radix: 16) }.joined(separator: "-")
        return ObjectStatus(size: Int64(st_size), modificationTime: modificationNanoseconds, etag: etag)
    }
}
