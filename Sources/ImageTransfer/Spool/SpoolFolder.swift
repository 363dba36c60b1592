import Foundation

/// The folder of a spool. What lies there says which files are sent and removed, so nobody else may write there.
enum SpoolFolder {
    /// Makes the folder if there is none, for the daemon's user alone. Blocks.
    ///
    /// - Throws: ``DaemonError/spoolUnsafe(path:reason:)`` for a folder, or a link to one, of another user, or that all
    ///   may write to; its group may. ``DaemonError/spoolExposed(path:reason:remedy:)`` for the folders above it: see
    ///   ``SpoolPath``. ``DaemonError/spoolBroken(path:reason:)``.
    static func prepare(_ path: String) throws(DaemonError) {
        var way = SpoolPath(path)
        let folder = open(try way.resolved(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { throw broken(path, errno) }
        defer { close(folder) }
        var status = stat()
        guard fstat(folder, &status) == 0 else { throw broken(path, errno) }
        guard way.isTrusted(status.st_uid) else {
            throw .spoolUnsafe(path: path, reason: "it belongs to user \(status.st_uid)")
        }
        guard status.st_mode & S_IWOTH == 0 else { throw .spoolUnsafe(path: path, reason: "all users may write there") }
        try way.checkGroups(letIn: status.st_mode & S_IWGRP != 0 ? status.st_gid : nil)
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

    static func broken(_ path: String, _ code: Int32) -> DaemonError {
        .spoolBroken(path: path, reason: String(cString: strerror(code)))
    }
}
