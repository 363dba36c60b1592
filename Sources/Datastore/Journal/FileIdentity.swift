#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What tells a file from any other under the same name: kept by hard links and renames, lost when it is written anew.
struct FileIdentity: Hashable, Sendable {
    let inode: UInt64
    /// Bytes; of a symbolic link, those of its target's name.
    let size: Int64
    /// Last modification in nanoseconds since 1970.
    let modified: Int64

    init(inode: UInt64, size: Int64, modified: Int64) {
        self.inode = inode
        self.size = size
        self.modified = modified
    }

    /// Of the file under a name, itself if it is a symbolic link; `nil` when there is none.
    /// - Parameter folder: that of the file, if it is held.
    init?(of path: String, in folder: HeldFolder? = nil) {
        var status = stat()
        let code = HeldFolder.find(path, in: folder) { fstatat($0, $1, &status, AT_SYMLINK_NOFOLLOW) }
        guard code == 0 else { return nil }
        self.init(status)
    }

    /// Whether a new hard link has this, of a file that was seen before it was made. Overlays of file systems copy a file
    /// when it gets a link, and it has another inode from then on.
    func isLink(to source: String, seenAs before: FileIdentity) -> Bool {
        self == before || (size == before.size && modified == before.modified && self == FileIdentity(of: source))
    }

    /// - Parameter status: of the file itself, not of a link to it.
    init(_ status: stat) {
        #if canImport(Glibc)
            let time = status.st_mtim
        #else
            let time = status.st_mtimespec
        #endif
        self.init(
            inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
