import ByteText
import ObjectStorage
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Resolves symbolic links in paths of files, most of which are in the folder of the one before. For one operation:
/// links may lead elsewhere later.
final class ResolvedFolder: Sendable {
    private struct Folder {
        let held: HeldFolder
        /// Its path with all links resolved, and a slash; `nil` when that is the path itself.
        let resolved: String?
    }

    private let last = Mutex<Folder?>(nil)
    private let user = geteuid()
    /// The file system of the folder that files are linked into, if links work there.
    private let target = Mutex<(folder: String, device: dev_t?)?>(nil)

    /// Whether a hard link to a file will surely be possible: it is on the same file system, which has links, ours, and has
    /// few names.
    ///
    /// - Parameter file: what the system knows of it, a regular one.
    func canLink(_ file: stat, into folder: String) -> Bool {
        let device = target.withLock { target in
            if let target, target.folder.hasSameBytes(as: folder) { return target.device }
            let found = JournalFiles.deviceWithLinks(folder)
            target = (folder, found)
            return found
        }
        return file.st_dev == device && file.st_nlink < 1000 && (user == 0 || file.st_uid == user)
    }

    /// The path of a file with all symbolic links resolved.
    func resolved(_ path: String) throws(ObjectStorageError) -> String {
        if let resolved = try status(path).resolved { return resolved }
        return try JournalFiles.resolved(path)
    }

    /// What the system knows of the file that a path leads to, and its path with all symbolic links resolved.
    func located(_ path: String) throws(ObjectStorageError) -> (status: stat, resolved: String) {
        let (status, resolved) = try status(path)
        guard let status, status.st_mode & S_IFMT == S_IFREG else {
            return (try LocalFile.status(path), try JournalFiles.resolved(path))
        }
        if let resolved { return (status, resolved) }
        return (status, try JournalFiles.resolved(path))
    }

    /// What has the name, `nil` when nothing has or it cannot be told, and the path without links, unless that must be looked
    /// up.
    private func status(_ path: String) throws(ObjectStorageError) -> (stat?, resolved: String?) {
        guard let folder = try folder(of: path) else { return (nil, nil) }
        var status = stat()
        let code = HeldFolder.find(path, in: folder.held) { fstatat($0, $1, &status, AT_SYMLINK_NOFOLLOW) }
        guard code == 0 else { return (nil, nil) }
        guard status.st_mode & S_IFMT != S_IFLNK else { return (status, nil) }
        return (status, folder.resolved.map { $0 + path.nameInPath } ?? path)
    }

    private func folder(of path: String) throws(ObjectStorageError) -> Folder? {
        if let last = last.withLock({ $0 }), last.held.holds(path) { return last }
        guard path.hasPrefix("/"), let held = HeldFolder(of: path), held.holds(path) else { return nil }
        let folder = JournalFiles.folder(of: path)
        let resolved = try JournalFiles.resolved(folder)
        let found = Folder(
            held: held, resolved: resolved.hasSameBytes(as: folder) ? nil : resolved.endsWithSlash ? resolved : resolved + "/")
        last.withLock { $0 = found }
        return found
    }
}
