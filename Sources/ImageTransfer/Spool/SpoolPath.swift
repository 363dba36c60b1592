import ByteText
import Foundation

/// The way from `/` to the folder of a spool. Whoever may rename a folder of it can put another spool in the place of this
/// one, so none may belong to others, or let them write without the sticky bit, with which each renames only what is
/// his own. Of links the folders that they lie in count, and those that they lead through.
///
/// As sshd's `StrictModes` (`safe_path` in misc.c of OpenSSH) but for the sticky bit; for the group that a user has for
/// himself, which is what folders in his home often let in; and for a group that may write to the spool itself: it gains
/// nothing from doing so above. The owner of `/` counts as root: where users have other numbers
/// than outside, as in some containers, root may have none.
struct SpoolPath {
    /// The path as it was given.
    private let path: String
    private let owner: uid_t
    /// Folders that their groups may write to.
    private var grouped: [(folder: String, group: gid_t)] = []

    init(_ path: String) {
        self.path = path
        var status = stat()
        owner = stat("/", &status) == 0 ? status.st_uid : 0
    }

    func isTrusted(_ user: uid_t) -> Bool { user == 0 || user == owner || user == geteuid() }

    /// Goes the whole way, and makes the folders that are missing, but those that a link leads to.
    ///
    /// - Returns: the path of the spool, without links.
    mutating func resolved() throws(DaemonError) -> String {
        var names = Self.names(path)
        if !path.hasPrefix("/") { names = Self.names(FileManager.default.currentDirectoryPath) + names }
        var (here, own, links) = ("/", names.count, 0)
        while !names.isEmpty {
            let isOwn = names.count == own
            if isOwn { own -= 1 }
            let name = names.removeFirst()
            if name == ".." {
                here = (here as NSString).deletingLastPathComponent
                continue
            }
            try check(here)
            let next = (here as NSString).appendingPathComponent(name)
            var status = stat()
            if lstat(next, &status) != 0 {
                guard errno == ENOENT, isOwn else { throw SpoolFolder.broken(path, errno) }
                try checkGroups(letIn: nil)
                guard mkdir(next, own == 0 ? 0o700 : 0o755) == 0 || errno == EEXIST, lstat(next, &status) == 0 else {
                    throw SpoolFolder.broken(path, errno)
                }
            }
            guard status.st_mode & S_IFMT == S_IFLNK else {
                here = next
                continue
            }
            guard isTrusted(status.st_uid) else {
                let reason = "belongs to user \(status.st_uid)"
                if own == 0, isOwn { throw .spoolUnsafe(path: path, reason: "it " + reason) }
                throw exposed("the link '\(next)' \(reason)", "replace it by one of root")
            }
            links += 1
            guard links <= 40 else { throw SpoolFolder.broken(path, ELOOP) }
            let target: String
            do { target = try FileManager.default.destinationOfSymbolicLink(atPath: next) } catch {
                throw .spoolBroken(path: path, reason: error.localizedDescription)
            }
            if target.hasPrefix("/") { here = "/" }
            names = Self.names(target) + names
        }
        return here
    }

    private static func names(_ path: String) -> [String] {
        path.namesInPath.filter { $0 != "." }.map(String.init)
    }

    /// Looks at a folder in which the next one is looked for.
    private mutating func check(_ folder: String) throws(DaemonError) {
        var status = stat()
        guard lstat(folder, &status) == 0 else { throw SpoolFolder.broken(path, errno) }
        guard isTrusted(status.st_uid) else {
            throw exposed("'\(folder)' belongs to user \(status.st_uid)", "give that to root (chown root '\(folder)')")
        }
        guard status.st_mode & S_ISVTX == 0 else { return }
        guard status.st_mode & S_IWOTH == 0 else {
            throw exposed("all users may write to '\(folder)'", "take that right from them (chmod o-w '\(folder)')")
        }
        if status.st_mode & S_IWGRP != 0, !Self.isOwn(status.st_gid) { grouped.append((folder, status.st_gid)) }
    }

    /// Whether a group is there for the user of this process alone: it has his name and no other members.
    private static func isOwn(_ group: gid_t) -> Bool {
        guard let user = getpwuid(geteuid())?.pointee, user.pw_gid == group, let entry = getgrgid(group)?.pointee,
            strcmp(user.pw_name, entry.gr_name) == 0
        else { return false }
        var member = entry.gr_mem
        while let name = member?.pointee {
            guard strcmp(name, user.pw_name) == 0 else { return false }
            member = member?.advanced(by: 1)
        }
        return true
    }

    /// - Parameter group: that may write to the spool.
    func checkGroups(letIn group: gid_t?) throws(DaemonError) {
        guard let (folder, other) = grouped.first(where: { $0.group != group }) else { return }
        throw exposed(
            "group \(other) may write to '\(folder)'",
            "take that right from it (chmod g-w '\(folder)'), let it write to the spool as well,")
    }

    private func exposed(_ reason: String, _ remedy: String) -> DaemonError {
        .spoolExposed(path: path, reason: reason, remedy: remedy)
    }
}
