import ByteText

/// The place of an object inside a store: unquoted, `/`-separated, relative to the store's root, normalised (no empty,
/// `.` or `..` components) and never outside the root.
///
/// Paths are compared by bytes, so two Unicode spellings of one letter are two paths, as they are on disk.
public struct ObjectPath: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let description: String

    /// Parses a path as a datastore record holds it. `a/../b` is the same as `b`.
    ///
    /// - Throws: `ObjectStorageError.outsideRoot` when the path is absolute or climbs above the root,
    ///   `.invalidPath` when it is empty or holds a zero byte.
    public init(_ path: String) throws(ObjectStorageError) {
        guard !path.hasByte(0) else {
            throw .invalidPath(path: path, reason: "it contains a zero byte")
        }
        guard path.utf8.first != UInt8(ascii: "/") else { throw .outsideRoot(path: path) }
        if PathText.isNormalized(path) {
            description = path
            return
        }
        var components: [Substring.UTF8View] = []
        for component in path.utf8.split(separator: UInt8(ascii: "/")) {
            if component.elementsEqual(".".utf8) { continue }
            if component.elementsEqual("..".utf8) {
                guard components.popLast() != nil else { throw .outsideRoot(path: path) }
                continue
            }
            components.append(component)
        }
        guard !components.isEmpty else { throw .invalidPath(path: path, reason: "it names no object") }
        description = components.map { String(Substring($0)) }.joined(separator: "/")
    }

    /// For names that were checked already, such as those a directory listing gives.
    init(trusted path: String) { description = path }

    /// The path of an object in the folder that this path names.
    public func appending(_ relative: String) throws(ObjectStorageError) -> ObjectPath {
        let inner = try ObjectPath(relative)
        return ObjectPath(trusted: description + "/" + inner.description)
    }

    /// Whether this is an object in a folder, at any depth.
    public func isInside(_ folder: ObjectPath) -> Bool {
        description.utf8.count > folder.description.utf8.count + 1
            && description.utf8.starts(with: folder.description.utf8)
            && description.utf8.dropFirst(folder.description.utf8.count).first == PathText.slash
    }

    /// The last component.
    public var basename: String { PathText.basename(description) }

    /// The extension with its dot (see `ResourceURI.pathExtension`), or the empty string.
    public var pathExtension: String { PathText.pathExtension(description) }

    public static func == (a: ObjectPath, b: ObjectPath) -> Bool {
        a.description.hasSameBytes(as: b.description)
    }

    public func hash(into hasher: inout Hasher) {
        var text = description
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    public static func < (a: ObjectPath, b: ObjectPath) -> Bool {
        a.description.utf8.lexicographicallyPrecedes(b.description.utf8)
    }
}

/// Lexical operations on `/`-separated path texts.
enum PathText {
    static let slash = UInt8(ascii: "/")

    static func basename(_ path: String) -> String {
        var rest = path.utf8[...]
        while rest.last == slash { rest = rest.dropLast() }
        let start = rest.lastIndex(of: slash).map { rest.index(after: $0) } ?? rest.startIndex
        return String(Substring(rest[start...]))
    }

    /// The folder of an absolute path without final slash; the root is its own folder.
    static func parent(_ path: String) -> String {
        let end = path.utf8.lastIndex(of: slash) ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    /// The extension of the last component; a compression suffix counts together with the one before it
    /// (`.fits.gz`, `.fits.fz`, `.tar.gz`).
    static func pathExtension(_ path: String) -> String {
        let point = UInt8(ascii: ".")
        let name = basename(path).utf8
        guard let last = name.lastIndex(of: point) else { return "" }
        let text = String(Substring(name[last...]))
        guard [".gz", ".bz2", ".xz", ".fz"].contains(text), let before = name[..<last].lastIndex(of: point) else {
            return text
        }
        return String(Substring(name[before...]))
    }

    /// Whether a path is relative, names something, and has no component that is empty, `.` or `..`.
    static func isNormalized(_ path: String) -> Bool {
        path.utf8.withContiguousStorageIfAvailable { isNormalized($0) } ?? isNormalized(path.utf8)
    }

    /// The same for a path that may be absolute, or end with a slash.
    private static func isNormal(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var middle = bytes[...]
        if middle.first == slash { middle = middle.dropFirst() }
        if middle.last == slash { middle = middle.dropLast() }
        return isNormalized(middle)
    }

    private static func isNormalized(_ bytes: some Sequence<UInt8>) -> Bool {
        var length = 0
        var points = 0
        for byte in bytes {
            if byte == slash {
                guard length > points || points > 2 else { return false }
                (length, points) = (0, 0)
            } else {
                length += 1
                if byte == UInt8(ascii: ".") { points += 1 }
            }
        }
        return length > points || points > 2
    }

    /// Resolves `.`, `..` and repeated slashes without looking at the disk. `..` above the root of an absolute path
    /// stays at the root; in a relative path it is kept. A final slash is kept.
    static func normalize(_ path: String) -> String {
        if path.utf8.withContiguousStorageIfAvailable({ isNormal($0) }) == true { return path }
        let isAbsolute = path.utf8.first == slash
        let isDirectory = path.utf8.last == slash
        var components: [String] = []
        for component in path.utf8.split(separator: slash).map({ String(Substring($0)) }) {
            if component == "." { continue }
            if component == ".." {
                if let last = components.last, last != ".." {
                    components.removeLast()
                    continue
                }
                if isAbsolute { continue }
            }
            components.append(component)
        }
        let body = (isAbsolute ? "/" : "") + components.joined(separator: "/")
        return isDirectory && !components.isEmpty ? body + "/" : body
    }
}
