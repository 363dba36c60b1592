import Foundation

/// Where a schema file is: a path, or an address with a scheme such as `https://` or `resource://package/path`.
public struct SchemaLocation: Sendable, Hashable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) { self.text = text }

    public var description: String { text }

    /// `https` of `https://…`; `nil` for paths.
    public var scheme: String? {
        guard let range = text.range(of: "://"), range.lowerBound > text.startIndex else { return nil }
        let scheme = text[..<range.lowerBound]
        guard scheme.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }) else {
            return nil
        }
        return scheme.lowercased()
    }

    /// The path of a file; `nil` for other locations.
    public var filePath: String? {
        switch scheme {
        case nil: text
        case "file": URL(string: text)?.path
        default: nil
        }
    }

    /// A location as a file at this one writes it: relative ones begin in its folder.
    public func resolving(_ reference: String) -> SchemaLocation {
        let other = SchemaLocation(reference)
        if other.scheme != nil || reference.hasPrefix("/") { return other }
        guard let slash = text.lastIndex(of: "/") else { return other }
        return SchemaLocation(text[...slash] + reference)
    }

    /// The same for all ways to write one location of a file.
    var canonical: String {
        guard let path = filePath else { return text }
        return URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
    }
}

/// Gets the bytes of schema files.
public protocol SchemaFiles: Sendable {
    /// - Throws: ``SchemaFileError``, or an error whose description says why the file cannot be read.
    func read(_ location: SchemaLocation) async throws -> [UInt8]
}

/// Why a schema file cannot be read.
public enum SchemaFileError: Error, Sendable, CustomStringConvertible {
    case missing(String)
    case unreadable(String, reason: String)
    case tooLarge(String, bytes: Int, limit: Int)
    case noPackage(String, searched: [String])
    case unsupported(scheme: String, String)

    public var description: String {
        switch self {
        case .missing(let name): "There is no file '\(name)'; check the path."
        case .unreadable(let name, let reason): "Cannot read '\(name)': \(reason)."
        case .tooLarge(let name, let bytes, let limit):
            "The file '\(name)' has \(bytes) bytes, more than the limit of \(limit) for a schema."
        case .noPackage(let name, let searched):
            "The Python package of '\(name)' is not installed in "
                + (searched.isEmpty ? "any folder that is searched" : searched.joined(separator: ", "))
                + "; install it, or add its folder to PYTHONPATH."
        case .unsupported(let scheme, let name): "Cannot read '\(name)': addresses of '\(scheme)' are not supported."
        }
    }
}

/// Reads paths, `file://` addresses and `resource://` addresses of installed Python packages.
///
/// Packages are looked for as folders in those of `PYTHONPATH`, in `VIRTUAL_ENV`, beside the `python3` of `PATH` (which
/// may be of a virtual environment or of conda), and in the system's Python. Packages that are installed by a link to
/// their sources are not found; name their folder in `PYTHONPATH`.
public struct LocalSchemaFiles: SchemaFiles {
    /// The most bytes of one file.
    public static let sizeLimit = 16 << 20

    private let environment: [String: String]

    public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.environment = environment
    }

    private func packageFolders() -> [String] {
        var folders = (environment["PYTHONPATH"] ?? "").split(separator: ":").map(String.init)
        var libraries = ["/usr/lib", "/usr/local/lib"]
        let programs = (environment["PATH"] ?? "").split(separator: ":").first { folder in
            FileManager.default.isExecutableFile(atPath: "\(folder)/python3")
        }
        if let programs, let slash = programs.lastIndex(of: "/") {
            let library = programs[..<slash] + "/lib"
            if !libraries.contains(String(library)) { libraries.insert(String(library), at: 0) }
        }
        if let home = environment["VIRTUAL_ENV"], !home.isEmpty { libraries.insert(home + "/lib", at: 0) }
        for library in libraries {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: library)) ?? []
            for name in names.sorted() where name.hasPrefix("python3") {
                folders += ["site-packages", "dist-packages"].map { "\(library)/\(name)/\($0)" }
                    .filter { FileManager.default.fileExists(atPath: $0) }
            }
        }
        return folders
    }

    public func read(_ location: SchemaLocation) async throws -> [UInt8] {
        if let path = location.filePath { return try Self.file(path, name: location.text) }
        guard location.scheme == "resource" else {
            throw SchemaFileError.unsupported(scheme: location.scheme ?? "", location.text)
        }
        let rest = location.text.dropFirst("resource://".count)
        guard let slash = rest.firstIndex(of: "/"), !rest.split(separator: "/").contains("..") else {
            throw SchemaFileError.unreadable(location.text, reason: "it should be resource://package/path")
        }
        let package = rest[..<slash].split(separator: ".").joined(separator: "/")
        let packageFolders = packageFolders()
        var isInstalled = false
        for folder in packageFolders {
            let directory = "\(folder)/\(package)"
            guard FileManager.default.fileExists(atPath: directory) else { continue }
            isInstalled = true
            let path = directory + rest[slash...]
            if FileManager.default.fileExists(atPath: path) { return try Self.file(path, name: location.text) }
        }
        guard !isInstalled else { throw SchemaFileError.missing(location.text) }
        throw SchemaFileError.noPackage(location.text, searched: packageFolders)
    }

    private static func file(_ path: String, name: String) throws -> [UInt8] {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw SchemaFileError.missing(name) }
            throw SchemaFileError.unreadable(name, reason: String(cString: strerror(errno)))
        }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw SchemaFileError.unreadable(name, reason: "it is a directory")
        }
        guard status.st_size <= sizeLimit else {
            throw SchemaFileError.tooLarge(name, bytes: Int(status.st_size), limit: sizeLimit)
        }
        return try FileBytes.read(path, expected: Int(status.st_size), limit: sizeLimit, name: name)
    }
}

/// Reads files and pipes.
private enum FileBytes {
    /// All that can be read, up to a limit.
    ///
    /// - Parameter expected: how much there is, if that is known; 0 for pipes.
    static func read(_ path: String, expected: Int, limit: Int, name: String) throws -> [UInt8] {
        func failure() -> SchemaFileError { .unreadable(name, reason: String(cString: strerror(errno))) }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure() }
        defer { close(file) }
        var result: [UInt8] = []
        // One byte more shows the end.
        var room = expected + 1
        while true {
            var count = 0
            let part = [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
                repeat { count = fill(buffer, from: file) } while count < 0 && errno == EINTR
                filled = max(0, count)
            }
            guard count >= 0 else { throw failure() }
            if count == 0 { return result }
            if result.isEmpty { result = part } else { result += part }
            guard result.count <= limit else {
                throw SchemaFileError.unreadable(
                    name, reason: "it has more than \(limit) bytes, the limit for a schema")
            }
            room = max(expected + 1 - result.count, 1 << 16)
        }
    }
}

private func fill(_ buffer: UnsafeMutableBufferPointer<UInt8>, from file: Int32) -> Int {
    read(file, buffer.baseAddress, buffer.count)
}
