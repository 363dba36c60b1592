import ByteText
import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What tells a file from all others of this machine, whatever its name.
public struct FileNode: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64

    /// Of what a path leads to, over symbolic links; `nil` when that is nothing.
    public init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}

/// Where symbolic links in some folders lead to.
public struct LinkTargets: Sendable {
    private var files: Set<FileNode> = []
    /// Folders, without symbolic links, with a slash at the end.
    private var folders: Set<ExactName> = []

    public init() {}

    /// Adds the links in a folder and in all below it. Blocks.
    mutating func collect(below root: String) throws {
        var pending = [root.withoutFinalSlash]
        while let folder = pending.popLast() {
            for name in try JournalFiles.names(in: folder) ?? [] {
                let path = folder + "/" + name
                var status = stat()
                guard lstat(path, &status) == 0 else { continue }
                if status.st_mode & S_IFMT == S_IFDIR { pending.append(path) }
                guard status.st_mode & S_IFMT == S_IFLNK, stat(path, &status) == 0 else { continue }
                if status.st_mode & S_IFMT == S_IFDIR {
                    folders.insert(try JournalFiles.resolved(path) + "/")
                } else if let node = FileNode(path) {
                    files.insert(node)
                }
            }
        }
    }

    /// Whether a link leads to a file that is none itself, or to a folder above it.
    func lead(to path: String) -> Bool {
        if !LocalFile.isLink(path), let node = FileNode(path), files.contains(node) { return true }
        guard let resolved = try? JournalFiles.resolved(JournalFiles.folder(of: path)) else { return true }
        return folders.contains { (resolved + "/").utf8.starts(with: $0.text.utf8) }
    }
}

extension FileDatastore.IncomingFile {
    /// Whether the file is not in a folder itself, but a symbolic link, or behind one, that leads out of it. Blocks.
    ///
    /// - Parameter folder: `nil`: whether the file itself is a link.
    public func isLinked(outOf folder: String?) -> Bool {
        guard let local = location.localPath, let resolved = try? JournalFiles.resolved(local) else { return false }
        guard let folder else { return LocalFile.isLink(local) }
        guard let inside = try? JournalFiles.resolved(folder) else { return false }
        return !resolved.utf8.starts(with: inside.withFinalSlash.utf8)
    }
}

/// When a file was changed.
struct FileTimes {
    /// Of its content or its name and owner, whichever is later: seconds since 1970.
    let latestChange: Int64

    /// Of the file itself if it is a symbolic link; `nil` when there is none.
    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        #if canImport(Glibc)
            latestChange = Int64(max(status.st_mtim.tv_sec, status.st_ctim.tv_sec))
        #else
            latestChange = Int64(max(status.st_mtimespec.tv_sec, status.st_ctimespec.tv_sec))
        #endif
    }
}

extension LocalFile {
    static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether a file begins with these bytes. One that cannot be read does not.
    static func begins(_ path: String, with bytes: [UInt8]) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var found = [UInt8](repeating: 0, count: bytes.count)
        let count = found.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return count == bytes.count && found == bytes
    }

    /// Whether a folder in a path, below a root, is a symbolic link that leads to nothing.
    static func isBehindBrokenLink(_ path: String, below root: String) -> Bool {
        path.pathsOnTheWay(after: root).contains { isLink($0) && FileNode($0) == nil }
    }
}
