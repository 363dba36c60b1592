import Foundation

/// The folder of a spool. What lies there says which files are sent and removed, so nobody else may write there.
enum SpoolFolder {
    /// Makes the folder if there is none, for the daemon's user alone. Blocks.
    ///
    /// The folders above it are not looked at.
    ///
    /// - Throws: ``DaemonError/spoolUnsafe(path:reason:)`` for a folder, or a link to one, of another user, or that all
    ///   may write to; its group may. ``DaemonError/spoolBroken(path:reason:)``.
    static func prepare(_ path: String) throws(DaemonError) {
        // With these ends a link would be looked through.
        var path = path
        while path.count > 1, path.hasSuffix("/") || path.hasSuffix("/.") { path.removeLast() }
        let parent = (path as NSString).deletingLastPathComponent
        do {
            if !parent.isEmpty {
                try FileManager.default.createDirectory(
                    atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
            }
        } catch {
            throw .spoolBroken(path: path, reason: "the folder cannot be made (\(error.localizedDescription))")
        }
        var status = stat()
        guard mkdir(path, 0o700) == 0 || errno == EEXIST, lstat(path, &status) == 0 else { throw broken(path, errno) }
        try checkOwner(status, path)
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw broken(path, errno) }
        defer { close(folder) }
        guard fstat(folder, &status) == 0 else { throw broken(path, errno) }
        try checkOwner(status, path)
        guard status.st_mode & S_IWOTH == 0 else { throw .spoolUnsafe(path: path, reason: "all users may write there") }
    }

    /// Locks the spool for this process, until the descriptor is closed.
    ///
    /// - Throws: ``DaemonError/spoolInUse(path:)``, ``DaemonError/spoolBroken(path:reason:)``.
    static func lock(_ path: String) throws(DaemonError) -> Int32 {
        let lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw broken(path, errno) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .spoolInUse(path: path)
        }
        return lock
    }

    /// Whether a daemon is at work with the spool.
    static func isInUse(_ path: String) -> Bool {
        let lock = open(path + "/lock", O_RDONLY | O_CLOEXEC)
        guard lock >= 0 else { return false }
        defer { close(lock) }
        return flock(lock, LOCK_SH | LOCK_NB) != 0
    }

    private static func checkOwner(_ status: stat, _ path: String) throws(DaemonError) {
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw .spoolUnsafe(path: path, reason: "it belongs to user \(status.st_uid)")
        }
    }

    private static func broken(_ path: String, _ code: Int32) -> DaemonError {
        .spoolBroken(path: path, reason: String(cString: strerror(code)))
    }
}
