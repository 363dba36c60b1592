#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file on its way to its final name: it is filled under a temporary name in the target's folder, then put in place in
/// one step.
///
/// The temporary name is `.steward-<16 hexadecimal digits>.partial`. Every failure removes the file; only a process
/// that is killed in between leaves one, which listings skip and
/// `POSIXObjectStore.removeAbandonedWrites(olderThan:)` deletes.
struct AtomicWrite: ~Copyable {
    let target: String
    let directory: String
    let temporary: String
    /// The object the errors name.
    let path: String
    var committed = false

    static let prefix = ".steward-"
    static let suffix = ".partial"

    static func isTemporaryName(_ name: String) -> Bool {
        name.utf8.count == prefix.utf8.count + 16 + suffix.utf8.count && name.hasPrefix(prefix)
            && name.hasSuffix(suffix)
    }

    /// Makes the folder of the target where it is missing.
    init(target: String, naming path: String, synchronizing: Bool) throws(ObjectStorageError) {
        self.target = target
        self.path = path
        directory = PathText.parent(target)
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        let name = Self.prefix + String(repeating: "0", count: 16 - digits.utf8.count) + digits + Self.suffix
        temporary = (directory == "/" ? "" : directory) + "/" + name
        try Self.makeDirectory(directory, naming: path, synchronizing: synchronizing)
    }

    /// For a temporary file that is there already.
    init(target: String, temporary: String, path: String) {
        self.target = target
        self.path = path
        self.temporary = temporary
        directory = PathText.parent(target)
    }

    deinit { if !committed { unlink(temporary) } }

    /// Gives the temporary file its final name. With `.createOnly` exactly one of several writers succeeds.
    mutating func commit(mode: WriteMode, synchronizing: Bool) throws(ObjectStorageError) {
        switch mode {
        case .overwrite:
            guard rename(temporary, target) == 0 else { throw .from(errno, path: path, operation: "write") }
            committed = true
        case .createOnly:
            try Self.moveWithoutReplacing(temporary, to: target, naming: path)
            committed = true
        }
        if synchronizing { try synchronizeDirectory(directory, naming: path) }
    }

    /// Renames unless the target exists, by a hard link, which refuses an existing target atomically.
    private static func moveWithoutReplacing(
        _ source: String, to target: String, naming path: String
    ) throws(ObjectStorageError) {
        // AT_SYMLINK_FOLLOW is not given: a symbolic link is itself moved.
        if linkat(AT_FDCWD, source, AT_FDCWD, target, 0) == 0 {
            unlink(source)
            return
        }
        switch errno {
        case EPERM, EOPNOTSUPP, ENOSYS:
            throw .unsupported(
                path: path, operation: "create",
                remedy: "the file system has no hard links, which tell one of several writers that it came first; "
                    + "use a file system that has them")
        default: throw .from(errno, path: path, operation: "write")
        }
    }

    /// Makes a folder and the folders above it; folders that others make at the same time are fine.
    private static func makeDirectory(
        _ directory: String, naming path: String, synchronizing: Bool
    ) throws(ObjectStorageError) {
        var status = stat()
        if stat(directory, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { throw .notAFile(path: path) }
            return
        }
        guard errno == ENOENT else { throw .from(errno, path: path, operation: "write") }
        guard directory != "/" else { throw .notFound(path: path) }
        let parent = PathText.parent(directory)
        try makeDirectory(parent, naming: path, synchronizing: synchronizing)
        if mkdir(directory, 0o777) != 0 {
            guard errno == EEXIST else { throw .from(errno, path: path, operation: "make the folder of") }
            return
        }
        if synchronizing { try synchronizeDirectory(parent, naming: path) }
    }
}
