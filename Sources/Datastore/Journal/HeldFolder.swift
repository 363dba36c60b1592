import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A folder that is held open while names in it are looked up or given: the system then takes the last name alone, and not
/// each part of the path again. For files that come one after the other, most of them in the folder of the one before.
final class HeldFolder: Sendable {
    /// The path with a slash at the end.
    private let start: [CChar]
    private let descriptor: Int32

    /// The folder of an absolute path; `nil` when it cannot be opened.
    init?(of path: String) {
        let end = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
        let folder = String(path[...end])
        #if canImport(Glibc)
            // `O_PATH` of Linux, which needs no right to read the folder.
            let kind: Int32 = 0o10000000
        #else
            let kind = O_RDONLY
        #endif
        start = folder.utf8.map { CChar(bitPattern: $0) }
        descriptor = open(folder, kind | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// The path of the folder, with a slash at the end, if that is where a path leads without a further folder.
    private func name(in path: UnsafePointer<CChar>) -> UnsafePointer<CChar>? {
        guard strncmp(path, start, start.count) == 0 else { return nil }
        let name = path + start.count
        let isName =
            name.pointee != 0 && strchr(name, Int32(UInt8(ascii: "/"))) == nil && strcmp(name, ".") != 0 && strcmp(name, "..") != 0
        return isName ? name : nil
    }

    /// Whether a path is that of a name in this folder.
    func holds(_ path: String) -> Bool { path.withCString { name(in: $0) != nil } }

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
