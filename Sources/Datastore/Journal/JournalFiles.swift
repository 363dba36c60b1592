import ByteText
import ObjectStorage
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The C functions, under names that the methods below do not hide.
private func posixUnlink(_ path: String) -> Int32 { unlink(path) }
private func posixRename(_ source: String, _ target: String) -> Int32 { rename(source, target) }

/// Blocking operations on names of files. Errors are `ObjectStorageError`.
enum JournalFiles {
    /// Gives a file, or symbolic link, another name, which must be free.
    ///
    /// That is a rename where the system has one that replaces nothing, else a hard link, and where there are no links a
    /// rename after a look.
    /// - Returns: whether the file still has its old name, too.
    /// - Throws: `.alreadyExists`.
    static func place(_ source: String, at target: String) throws(ObjectStorageError) -> Bool {
        #if canImport(Glibc)
            if let renameat2 = LinuxCalls.renameat2 {
                if renameat2(AT_FDCWD, source, AT_FDCWD, target, LinuxCalls.renameWithoutReplacing) == 0 { return false }
                guard errno == EINVAL || errno == ENOSYS else { throw failure(target, "write") }
            }
        #endif
        if linkat(AT_FDCWD, source, AT_FDCWD, target, 0) == 0 { return true }
        switch errno {
        case EPERM, EOPNOTSUPP, ENOSYS, EMLINK:
            guard FileIdentity(of: target) == nil else { throw .alreadyExists(path: target) }
            guard posixRename(source, target) == 0 else { throw failure(target, "write") }
            return false
        default: throw failure(target, "write")
        }
    }

    /// Removes a name. None is no error.
    ///
    /// - Parameter folder: that of the file, if it is held.
    /// - Returns: whether there was one.
    @discardableResult
    static func remove(_ path: String, in folder: HeldFolder? = nil) throws(ObjectStorageError) -> Bool {
        guard HeldFolder.find(path, in: folder, { unlinkat($0, $1, 0) }) != 0 else { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw failure(path, "delete") }
        // A folder that is held may be gone, and another have its name.
        return try folder == nil ? false : remove(path)
    }

    /// Makes a folder and those above it.
    ///
    /// - Parameter made: is told of each that was missing, one above before that below.
    /// - Throws: `.system` when a file of that name, or a symbolic link that leads nowhere, is in the way.
    static func makeFolder(_ path: String, made: (String) -> Void = { _ in }) throws(ObjectStorageError) {
        if mkdir(path, 0o777) == 0 { return made(path) }
        if errno == ENOENT, let folder = path.folderInPath, !folder.isEmpty {
            try makeFolder(folder, made: made)
            if mkdir(path, 0o777) == 0 { return made(path) }
        }
        guard errno == EEXIST else { throw failure(path, "make the folder") }
        var status = stat()
        var named = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
        // Another may just have removed the folder that was here.
        guard lstat(path, &named) == 0 else { throw .notFound(path: path) }
        let isLink = named.st_mode & S_IFMT == S_IFLNK
        throw .system(
            path: path, operation: "make the folder", code: EEXIST,
            message: isLink ? "a symbolic link of this name leads to no folder" : "a file has this name")
    }

    /// Lets those use a file or folder who may use the root, whatever mask the user has set: the journal is one for all
    /// users of a repository. Without effect on what others own, and where the system does not allow it.
    static func share(_ path: String, like root: String) {
        var own = stat()
        var common = stat()
        guard stat(root, &common) == 0, lstat(path, &own) == 0, own.st_uid == geteuid() else { return }
        let isFolder = own.st_mode & S_IFMT == S_IFDIR
        let mode = common.st_mode & (isFolder ? 0o2777 : 0o666) | (isFolder ? 0o700 : 0o600)
        if own.st_gid != common.st_gid { _ = chown(path, uid_t.max, common.st_gid) }
        if own.st_mode & 0o7777 != mode { _ = chmod(path, mode) }
    }

    static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// Waits until the names in a folder are on the disk.
    static func flushFolder(_ path: String) throws(ObjectStorageError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == EACCES { return }
            throw failure(path, "flush")
        }
        defer { close(descriptor) }
        // Some file systems cannot flush folders and say so.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == EBADF else { throw failure(path, "flush") }
    }

    /// Waits until the content of files is on the disk: one by one, or with all else on the file system when they are
    /// many, which is faster.
    static func flush(_ paths: [String], below root: String) throws(ObjectStorageError) {
        #if canImport(Glibc)
            if paths.count > 32, let syncfs = LinuxCalls.syncfs {
                let descriptor = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                guard descriptor >= 0 else { throw failure(root, "flush") }
                defer { close(descriptor) }
                guard syncfs(descriptor) == 0 else { throw failure(root, "flush") }
                return
            }
        #endif
        for path in paths {
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            guard descriptor >= 0 else {
                // A symbolic link has no content of its own.
                if errno == ELOOP { continue }
                throw failure(path, "flush")
            }
            defer { close(descriptor) }
            guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure(path, "flush") }
        }
    }

    /// The names in a folder; `nil` when there is no such folder.
    static func names(in path: String) throws(ObjectStorageError) -> [String]? {
        guard let folder = opendir(path) else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure(path, "list")
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a folder that holds files only.
    static func removeFolder(_ path: String) throws(ObjectStorageError) {
        for name in try names(in: path) ?? [] { try remove(path + "/" + name) }
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure(path, "delete") }
    }

    /// Removes a folder if nothing is in it.
    static func removeEmptyFolder(_ path: String) { _ = rmdir(path) }

    /// The path with all symbolic links resolved.
    static func resolved(_ path: String) throws(ObjectStorageError) -> String {
        guard let resolved = realpath(path, nil) else { throw failure(path, "read") }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The same of a folder that may not be there yet: that above it which is there decides.
    static func resolvedInTime(_ folder: String) throws(ObjectStorageError) -> String {
        var (there, missing) = (folder, [Substring]())
        while !LocalFile.exists(there), let name = there.namesInPath.last {
            missing.append(name)
            there = Self.folder(of: there)
        }
        return missing.reversed().reduce(try resolved(there)) { $0 + "/" + $1 }
    }

    /// The file system of a folder, if a file in it can get a second name and both have one inode.
    static func deviceWithLinks(_ folder: String) -> dev_t? {
        var status = stat()
        guard stat(folder, &status) == 0 else { return nil }
        let trial = "\(folder)/trial-\(UInt64.random(in: .min ... .max))"
        let lock = folder + "/" + JournalSession.lockName
        guard linkat(AT_FDCWD, lock, AT_FDCWD, trial, 0) == 0 else { return nil }
        let isSame = FileIdentity(of: trial)?.inode == FileIdentity(of: lock)?.inode
        _ = posixUnlink(trial)
        return isSame ? status.st_dev : nil
    }

    static func failure(_ path: String, _ operation: String) -> ObjectStorageError {
        let code = errno
        switch code {
        case ENOENT: return .notFound(path: path)
        case EEXIST: return .alreadyExists(path: path)
        case EISDIR, ENOTDIR: return .notAFile(path: path)
        case ENOSPC, EDQUOT, EFBIG: return .noSpace(path: path)
        case EROFS: return .readOnlyFileSystem(path: path)
        case EACCES, EPERM: return .permissionDenied(path: path, operation: operation)
        case ENAMETOOLONG: return .nameTooLong(path: path)
        default: return .system(path: path, operation: operation, code: code, message: String(cString: strerror(code)))
        }
    }
}
