import ByteText
import Database
import Foundation
import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where files are on this machine while they are on their way to another.
enum ScratchFolder {
    /// A folder of this user for one root, made if need be: below `LSST_RESOURCES_TMPDIR`, or else where temporary files
    /// are (`TMPDIR`). Blocks.
    ///
    /// - Throws: `ObjectStorageError.permissionDenied` when somebody else has made a folder of that name.
    static func path(for root: ResourceURI) throws -> String {
        let chosen = ProcessInfo.processInfo.environment["LSST_RESOURCES_TMPDIR"] ?? ""
        let base = chosen.isEmpty ? NSTemporaryDirectory() : chosen
        let own = base.withoutFinalSlash + "/steward-\(geteuid())"
        if mkdir(own, 0o700) != 0, errno != EEXIST { throw JournalFiles.failure(own, "make the folder") }
        var status = stat()
        guard lstat(own, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
            throw ObjectStorageError.permissionDenied(path: own, operation: "stage files in")
        }
        let folder = own + "/" + BLAKE2b.hexadecimalDigest(of: Array(root.description.utf8)).prefix(16)
        try JournalFiles.makeFolder(folder)
        return folder
    }
}
