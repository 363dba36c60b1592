import ByteText
import Foundation
import ObjectStorage

/// Where the file of a record is.
enum ArtifactLocation: Sendable, Hashable {
    /// Below the root of the datastore.
    case inside(ObjectPath, member: String?)
    /// At an absolute location, where it was ingested without being moved.
    case outside(ResourceURI, member: String?)

    /// The member of an archive that it is.
    var member: String? {
        switch self {
        case .inside(_, let member), .outside(_, let member): member
        }
    }

    /// Whether a byte may mean something in a URI reference.
    private static func isSpecial(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ":"), UInt8(ascii: "%"), UInt8(ascii: "#"), UInt8(ascii: "?"): true
        default: false
        }
    }

    /// - Throws: `ObjectStorageError` for a path that is no usable one or leads out of the root.
    init(recorded path: String) throws(ObjectStorageError) {
        // Nearly all paths are plain, and every lookup parses one. A path of this machine may be recorded as such.
        guard path.utf8.first == UInt8(ascii: "/") || path.hasByte(where: Self.isSpecial) else {
            self = .inside(try ObjectPath(path), member: nil)
            return
        }
        let uri = try ResourceURI(path)
        if uri.isAbsolute {
            self = .outside(uri, member: uri.zipMember)
        } else {
            self = .inside(try ObjectPath(uri.path), member: uri.zipMember)
        }
    }

    /// The file of a recorded path below the root. `nil` for what is elsewhere, and for what is no usable path or leads out
    /// of the root: neither is ours to touch.
    static func belowRoot(_ recorded: String) -> (path: ObjectPath, member: String?)? {
        guard case .inside(let path, let member) = try? ArtifactLocation(recorded: recorded) else { return nil }
        return (path, member)
    }

    /// The path to record for a new file, from the path that a template gave and an extension with its dot.
    ///
    /// Python reads a recorded path as a URI reference: `%XX` becomes a character, and `#` may begin a fragment. So
    /// escapes are resolved here as Python resolves them, and a path that would not come back the same is refused.
    ///
    /// - Parameter isNew: whether a file is to be made there. One that is there already may have been made where the
    ///   environment had no such variables.
    static func path(
        _ template: String, extension pathExtension: String, isNew: Bool = true
    ) throws(ObjectStorageError) -> ObjectPath {
        func refused(_ path: String) -> ObjectStorageError {
            .invalidPath(
                path: path, reason: "Python would look for it elsewhere, because of a '#', ':' or '%'; rename the run")
        }
        // Nearly all paths are plain: no character means anything, and the name has no extension yet.
        let whole = template + pathExtension
        // Python takes the path for one below somebody's home.
        guard whole.utf8.first != UInt8(ascii: "~") else {
            throw .invalidPath(path: whole, reason: "Python would look for it in a home directory; rename the run")
        }
        if !whole.hasByte(where: { isSpecial($0) || $0 == UInt8(ascii: "$") }), !whole.hasPrefix(JournalSession.folderName + "/"),
            !template.lastComponentHasByte(where: { $0 == UInt8(ascii: ".") })
        {
            return try ObjectPath(whole)
        }
        let uri = try ResourceURI(template)
        guard !uri.isAbsolute, uri.fragment.isEmpty, uri.query.isEmpty else { throw refused(template) }
        guard !uri.path.hasPrefix(JournalSession.folderName + "/") else {
            throw .invalidPath(path: template, reason: "it leads into the folder of Steward's journal; rename the run")
        }
        let named = pathExtension.isEmpty ? uri : uri.withExtension(pathExtension)
        let path = try ObjectPath(named.path)
        let reread = try ResourceURI(path.description)
        guard !reread.isAbsolute, reread.fragment.isEmpty, reread.path == path.description else {
            throw refused(path.description)
        }
        if isNew, let part = expansion(in: path.description) {
            throw .invalidPath(
                path: path.description, reason: "Python would put something else in the place of '\(part)'; rename the run")
        }
        return path
    }

    /// What Python replaces in a relative path: a home directory; `$NAME_DIR/` at its beginning, the folder of a package of
    /// EUPS; `$NAME` or `${NAME}`, if the environment has such a variable. Python's `$NAME` may also have letters of other
    /// scripts, which no variable has.
    static func expansion(in path: String) -> String? {
        if path.utf8.first == UInt8(ascii: "~") { return "~" }
        guard path.hasByte(UInt8(ascii: "$")) else { return nil }
        if let package = path.prefixMatch(of: /\$\{?[A-Z_]+_DIR\}?\//) { return String(package.0) }
        return path.matches(of: /\$(?:([A-Za-z0-9_]+)|\{([^}]*)\})/).first { match in
            (match.1 ?? match.2).map { getenv(String($0)) != nil } ?? false
        }.map { String($0.0) }
    }
}
