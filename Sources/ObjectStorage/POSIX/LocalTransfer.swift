#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Brings a local file to a target by copying, moving or linking, always through a temporary name where the target may
/// already be in use.
struct LocalTransfer {
    let source: String
    let target: String
    /// The object the errors name.
    let path: String
    let synchronizing: Bool

    func run(_ transfer: TransferMode, mode: WriteMode) throws(ObjectStorageError) {
        let resolved = try resolveSource()
        var sourceStatus = stat()
        guard stat(resolved, &sourceStatus) == 0 else { throw .from(errno, path: source, operation: "read") }
        guard sourceStatus.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path: source) }

        var targetStatus = stat()
        if lstat(target, &targetStatus) == 0 {
            if targetStatus.st_ino == sourceStatus.st_ino, targetStatus.st_dev == sourceStatus.st_dev { return }
            guard mode == .overwrite else { throw .alreadyExists(path: path) }
            guard targetStatus.st_mode & S_IFMT != S_IFDIR else { throw .notAFile(path: path) }
        }
        var write = try AtomicWrite(target: target, naming: path, synchronizing: synchronizing)
        switch transfer {
        case .copy:
            try copy(resolved, into: write.temporary, mode: sourceStatus.st_mode)
        case .move:
            if try moveInOneStep(resolved, mode: mode) { return }
            try copy(resolved, into: write.temporary, mode: sourceStatus.st_mode)
        case .hardlink:
            try hardLink(resolved, at: write.temporary)
        case .link:
            if linkat(AT_FDCWD, resolved, AT_FDCWD, write.temporary, 0) != 0 {
                try symbolicLink(resolved, at: write.temporary)
            }
        case .symlink:
            try symbolicLink(resolved, at: write.temporary)
        case .relsymlink:
            try symbolicLink(try relativeTarget(of: resolved, from: write.directory), at: write.temporary)
        }
        try write.commit(mode: mode, synchronizing: synchronizing)
        if transfer == .move {
            // The object is in place: a source that cannot be removed is an error, but not a reason to undo.
            guard unlink(resolved) == 0 || errno == ENOENT else {
                throw .from(errno, path: source, operation: "remove the moved file")
            }
        }
    }

    private func resolveSource() throws(ObjectStorageError) -> String { try realPath(source) }

    private func realPath(_ name: String) throws(ObjectStorageError) -> String {
        guard let resolved = realpath(name, nil) else { throw .from(errno, path: name, operation: "read") }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// `false` when the file is on another file system and must be copied.
    private func moveInOneStep(_ resolved: String, mode: WriteMode) throws(ObjectStorageError) -> Bool {
        if mode == .overwrite {
            if rename(resolved, target) != 0 {
                if errno == EXDEV { return false }
                throw .from(errno, path: path, operation: "write")
            }
        } else {
            if linkat(AT_FDCWD, resolved, AT_FDCWD, target, 0) != 0 {
                switch errno {
                case EEXIST: throw .alreadyExists(path: path)
                // Links may be impossible across devices, on this file system, or to another user's file.
                case EXDEV, EPERM, EOPNOTSUPP, EMLINK, ENOSYS: return false
                default: throw .from(errno, path: path, operation: "write")
                }
            }
            guard unlink(resolved) == 0 else {
                let code = errno
                unlink(target)
                throw .from(code, path: source, operation: "remove the moved file")
            }
        }
        if synchronizing {
            try synchronizeDirectory(PathText.parent(target), naming: path)
        }
        return true
    }

    /// Copies bytes and permission bits.
    private func copy(_ resolved: String, into temporary: String, mode: mode_t) throws(ObjectStorageError) {
        let input = try FileDescriptor.reading(resolved, naming: source)
        let output = try FileDescriptor.creating(temporary, naming: path)
        var offset: Int64 = 0
        while true {
            let piece = try input.read(at: offset, count: 1 << 20)
            if piece.isEmpty { break }
            let failure: ObjectStorageError? = piece.withUnsafeBytes { bytes in
                do throws(ObjectStorageError) {
                    try output.writeAll(bytes)
                    return nil
                } catch { return error }
            }
            if let failure { throw failure }
            offset += Int64(piece.count)
        }
        try output.setMode(mode)
        if synchronizing { try output.synchronize() }
    }

    private func hardLink(_ resolved: String, at temporary: String) throws(ObjectStorageError) {
        guard linkat(AT_FDCWD, resolved, AT_FDCWD, temporary, 0) == 0 else {
            let code = errno
            if code == EXDEV || code == EPERM || code == EMLINK || code == EOPNOTSUPP {
                throw .linkImpossible(path: path, source: source, reason: String(cString: strerror(code)))
            }
            throw .from(code, path: path, operation: "link")
        }
    }

    private func symbolicLink(_ destination: String, at temporary: String) throws(ObjectStorageError) {
        guard symlink(destination, temporary) == 0 else { throw .from(errno, path: path, operation: "link") }
    }

    /// The path of the source as seen from the real folder of the target, since the kernel resolves `..` there.
    private func relativeTarget(of resolved: String, from directory: String) throws(ObjectStorageError) -> String {
        let base = try realPath(directory).utf8.split(separator: PathText.slash)
        let file = resolved.utf8.split(separator: PathText.slash)
        var shared = 0
        while shared < base.count, shared < file.count, base[shared].elementsEqual(file[shared]) { shared += 1 }
        let up = Array(repeating: "..", count: base.count - shared)
        return (up + file[shared...].map { String(Substring($0)) }).joined(separator: "/")
    }
}
