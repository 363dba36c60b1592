import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A lock on a file, held until the value goes away or the process ends, however it ends.
///
/// `flock` on a file that is open for writing also works on NFS, where it counts between machines.
final class FileLock: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Takes the lock, waiting for others; makes the file. One that another user made may be closed to writing; then it is
    /// opened for reading, which is enough on local disks.
    ///
    /// - Returns: `nil` when the folder of the file does not exist.
    /// - Throws: `.permissionDenied` when the file is not there and this user may not make it.
    static func wait(_ path: String) throws(ObjectStorageError) -> FileLock? {
        var refusal: ObjectStorageError?
        for _ in 1...maximumAttempts {
            let opened: Int32?
            do {
                opened = try openFile(path, O_RDWR | O_CREAT | O_CLOEXEC)
            } catch let denial {
                guard case .permissionDenied = denial else { throw denial }
                guard let readable = try openFile(path, O_RDONLY | O_CLOEXEC) else {
                    refusal = denial
                    continue
                }
                opened = readable
            }
            guard let descriptor = opened else { return nil }
            let lock = FileLock(descriptor: descriptor)
            while flock(descriptor, LOCK_EX) != 0 {
                guard errno == EINTR else { throw JournalFiles.failure(path, "lock") }
            }
            if lock.isNamed(path) { return lock }
            // Whoever had it before has removed the file; another may have made a new one.
        }
        throw refusal
            ?? .system(path: path, operation: "lock", code: EAGAIN, message: "others replace it again and again")
    }

    /// How often a lock is tried that another has just removed: more often than there are writers at work.
    static let maximumAttempts = 1000

    enum Attempt {
        case taken(FileLock)
        case heldByOther
        case noFile
    }

    /// Takes the lock of an existing file if it is free. One that this user may not open counts as held.
    static func attempt(_ path: String) throws(ObjectStorageError) -> Attempt {
        let opened: Int32?
        do {
            opened = try openFile(path, O_RDWR | O_CLOEXEC)
        } catch .permissionDenied { return .heldByOther }
        guard let descriptor = opened else { return .noFile }
        let lock = FileLock(descriptor: descriptor)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { return .heldByOther }
            guard errno == EINTR else { throw JournalFiles.failure(path, "lock") }
        }
        return .taken(lock)
    }

    private static func openFile(_ path: String, _ flags: Int32) throws(ObjectStorageError) -> Int32? {
        let descriptor = open(path, flags, 0o666)
        if descriptor >= 0 { return descriptor }
        if errno == ENOENT { return nil }
        throw JournalFiles.failure(path, "open")
    }

    /// Whether the path still leads to the locked file.
    private func isNamed(_ path: String) -> Bool {
        var own = stat()
        var named = stat()
        return fstat(descriptor, &own) == 0 && stat(path, &named) == 0 && own.st_ino == named.st_ino
            && own.st_dev == named.st_dev
    }
}
