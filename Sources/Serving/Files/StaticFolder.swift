import HTTPTypes
public import Hummingbird
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A folder whose files are served as they are, each under its path. Nothing outside can be reached: neither by a path
/// nor by a symbolic link that leads out. Links that stay inside work, as configuration volumes use them.
public struct StaticFolder: Sendable {
    /// Without a slash at its end.
    private let root: String

    /// - Parameter path: the folder, which may be replaced by another while it is served. It is never the whole disk.
    public init(_ path: String) {
        let end = path.lastIndex { $0 != "/" }
        root = end.map { String(path[...$0]) } ?? ""
    }

    /// Whether the folder is there now. Blocks; for the start of a program.
    public var exists: Bool {
        var status = stat()
        return !root.isEmpty && stat(root, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The file, or the part that the request asks for: see `Response.file`.
    ///
    /// - Parameter path: relative to the folder, percent-encoded.
    /// - Throws: ``HTTPFailure`` 404 for whatever is no file inside.
    public func response(to request: Request, path: some StringProtocol) async throws -> Response {
        guard let file = try await location(of: path) else { throw HTTPFailure.notFound }
        do {
            return try await .file(at: file, for: request, contentType: Self.contentType(of: file))
        } catch is FileAccessError {
            // A folder, a socket, or a file that this process may not read.
            throw HTTPFailure.notFound
        } catch let failure as HTTPFailure where failure.status == .notFound {
            throw HTTPFailure.notFound
        }
    }

    /// The real path of a file, if it is below the folder.
    private func location(of path: some StringProtocol) async throws -> String? {
        var names: [String] = []
        for segment in path.split(separator: "/", omittingEmptySubsequences: false) {
            guard let name = PercentEncoding.decode(segment), !name.isEmpty, name != ".", name != "..",
                !name.unicodeScalars.contains(where: { $0 == "/" || $0.value < 0x20 || $0.value == 0x7F })
            else { return nil }
            names.append(name)
        }
        guard !names.isEmpty else { return nil }
        let wanted = "\(root)/\(names.joined(separator: "/"))"
        return try await NIOThreadPool.singleton.runIfActive { [root] in
            guard let top = Self.realPath(root), let file = Self.realPath(wanted),
                file.utf8.starts(with: "\(top)/".utf8)
            else { return nil }
            return file
        }
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func contentType(of path: String) -> String {
        switch path.split(separator: ".").last {
        case "json": "application/json"
        case "txt": "text/plain; charset=utf-8"
        default: "application/octet-stream"
        }
    }
}
