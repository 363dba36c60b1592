import ByteText
import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A folder that is held open while names in it are looked up or given: the system then takes the last name alone, and not
/// each part of the path again. For files that come one after the other, most of them in the folder of the one before.
///
/// It stays the same folder when it is moved and another gets its name, so who has changed something looks at ``isInPlace``.
final class HeldFolder: Sendable {
    let path: String
    /// The path with a slash at the end.
    private let start: [CChar]
    private let descriptor: Int32

    /// The folder of the file of an absolute path; `nil` when it cannot be opened.
    init?(of file: String) {
        guard let path = file.folderInPath else { return nil }
        self.path = path.isEmpty ? "/" : path
        #if canImport(Glibc)
            // `O_PATH` of Linux, which needs no right to read the folder.
            let kind: Int32 = 0o10000000
        #else
            let kind = O_RDONLY
        #endif
        start = (path + "/").utf8.map { CChar(bitPattern: $0) }
        descriptor = open(self.path, kind | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// What a path has after that of the folder, if it leads there without a further folder, and the system would take it.
    private func name(in path: UnsafePointer<CChar>) -> UnsafePointer<CChar>? {
        guard strncmp(path, start, start.count) == 0 else { return nil }
        let name = path + start.count
        let isPath = name.pointee == 0 || strchr(name, Int32(UInt8(ascii: "/"))) != nil
        let isTooLong = start.count + strlen(name) >= Int(PATH_MAX)
        return isPath || isTooLong || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? nil : name
    }

    /// Whether a path is that of a name in this folder.
    func holds(_ path: String) -> Bool { path.withCString { name(in: $0) != nil } }

    /// Whether the path of the folder still leads to it.
    var isInPlace: Bool {
        var (own, named) = (stat(), stat())
        guard fstat(descriptor, &own) == 0, stat(path, &named) == 0 else { return false }
        return own.st_dev == named.st_dev && own.st_ino == named.st_ino
    }

    /// Calls `body` with what the system finds a file by: the folder and the name in it, or the path alone where the file
    /// is elsewhere.
    static func find<Result>(
        _ path: String, in folder: HeldFolder?, _ body: (Int32, UnsafePointer<CChar>) -> Result
    ) -> Result {
        path.withCString { text in
            guard let folder, let name = folder.name(in: text) else { return body(AT_FDCWD, text) }
            return body(folder.descriptor, name)
        }
    }
}
