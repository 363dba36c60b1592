import ByteText

/// The location of a file or folder, in the forms that Rubin's software writes to configurations and datastore records.
///
/// Accepted forms:
/// - an absolute path (`/repo/a b.fits`): becomes `file:///repo/a%20b.fits`, normalised. A path that already holds
///   `%XX` escapes is taken as quoted;
/// - a URI with a scheme (`file`, `s3`, `http`, `https`, …): its path is taken as quoted and kept as written;
/// - anything else is a relative path: no scheme, unquoted.
///
/// A `#` in the last component of a plain path starts the fragment (`x.zip#zip-path=member`). `~` and `$VARIABLE` are
/// not expanded here: that is up to whoever reads the user's input. URIs are compared by bytes.
public struct ResourceURI: Sendable, Hashable, CustomStringConvertible {
    /// Lower-case scheme; the empty string for a relative path.
    public let scheme: String
    /// Host and port, or the bucket; empty for local files.
    public let authority: String
    /// The path in the form it has in the URI text: quoted, unless the URI is a relative path.
    public let encodedPath: String
    /// The query without its `?`, as written; empty if there is none.
    public let query: String
    /// The fragment without its `#`, as written; empty if there is none.
    public let fragment: String

    init(scheme: String, authority: String, encodedPath: String, query: String = "", fragment: String = "") {
        self.scheme = scheme
        self.authority = authority
        self.encodedPath = encodedPath
        self.query = query
        self.fragment = fragment
    }

    /// Parses a URI or a path. See the type's description for the accepted forms.
    ///
    /// - Throws: `ObjectStorageError.invalidURI` for an empty text, a zero byte, or a `file:` URI without absolute path.
    public init(_ text: String) throws(ObjectStorageError) {
        guard !text.isEmpty else { throw .invalidURI(text: text, reason: "it is empty") }
        guard !text.hasByte(0) else { throw .invalidURI(text: text, reason: "it contains a zero byte") }
        if let (scheme, rest) = Self.splitScheme(text) {
            self = try Self.parse(scheme: scheme, rest: rest, text: text)
            return
        }
        let (path, fragment) = Self.splitPlainPath(text)
        if path.utf8.first == PathText.slash {
            self.init(
                scheme: "file", authority: "",
                encodedPath: PercentQuoting.quote(PathText.normalize(path)), fragment: fragment)
        } else {
            self.init(scheme: "", authority: "", encodedPath: PathText.normalize(path), fragment: fragment)
        }
    }

    /// The URI of an absolute local path in which every character is literal (no escapes, no fragment).
    public init(localPath: String) throws(ObjectStorageError) {
        guard localPath.utf8.first == PathText.slash, !localPath.hasByte(0) else {
            throw .invalidURI(text: localPath, reason: "it is not an absolute path")
        }
        self.init(
            scheme: "file", authority: "", encodedPath: PercentQuoting.quote(PathText.normalize(localPath)))
    }

    /// The unquoted path.
    public var path: String { scheme.isEmpty ? encodedPath : PercentQuoting.unquote(encodedPath) }

    /// The fragment with its escapes resolved.
    public var unquotedFragment: String { PercentQuoting.unquote(fragment) }

    /// The member that a fragment `#zip-path=<member>` points to inside a zip file.
    public var zipMember: String? {
        let text = unquotedFragment
        let key = "zip-path="
        guard text.utf8.starts(with: key.utf8) else { return nil }
        return String(text.dropFirst(key.count))
    }

    public var isAbsolute: Bool { !scheme.isEmpty }

    /// Whether the path is marked as a folder by a final slash.
    public var isDirectory: Bool { encodedPath.utf8.last == PathText.slash || encodedPath.isEmpty }

    /// The path on this machine, unquoted; `nil` for other schemes and for relative paths.
    public var localPath: String? { scheme == "file" ? path : nil }

    /// The last component of the path, unquoted. A folder gives its own name.
    public var basename: String { PathText.basename(path) }

    /// The extension with its dot, or the empty string. A compression suffix (`gz`, `bz2`, `xz`, `fz`) counts together
    /// with the one before it: `.fits.gz`, `.fits.fz`, `.tar.gz`.
    public var pathExtension: String { PathText.pathExtension(path) }

    /// The folder that holds this file, with final slash; a folder gives itself.
    public var directory: ResourceURI {
        guard !isDirectory else { return with(encodedPath: encodedPath) }
        let parts = encodedPath.utf8.lastIndex(of: PathText.slash)
        return with(encodedPath: parts.map { String(encodedPath[...$0]) } ?? "")
    }

    /// The location with repeated slashes, `.` and `..` resolved: where `join` looks for what is in it.
    public var normalized: ResourceURI {
        ResourceURI(
            scheme: scheme, authority: authority, encodedPath: PathText.normalize(encodedPath), query: query,
            fragment: fragment)
    }

    /// This location marked as a folder.
    public var asDirectory: ResourceURI { isDirectory ? self : with(encodedPath: encodedPath + "/") }

    /// Appends an unquoted relative path to this folder; an absolute URI or path is returned as it is. Fragments of
    /// the argument are kept. `..` may leave the folder: use `join(untrusted:)` for input from outside.
    public func join(_ text: String) throws(ObjectStorageError) -> ResourceURI {
        if text.utf8.first == PathText.slash { return try ResourceURI(text) }
        var (inner, fragment) = (text, "")
        // Nearly all paths are plain, and are joined in great numbers.
        if text.hasByte(where: Self.isSpecial) {
            if Self.splitScheme(text) != nil { return try ResourceURI(text) }
            guard !text.hasByte(0) else { throw .invalidURI(text: text, reason: "it contains a zero byte") }
            let split = Self.splitPlainPath(text)
            // Without a fragment the text is taken literally, so that a file named `a%20b` can be addressed.
            if !split.fragment.isEmpty { (inner, fragment) = split }
        }
        let joined = asDirectory.encodedPath + (scheme.isEmpty ? inner : PercentQuoting.quote(inner))
        return ResourceURI(
            scheme: scheme, authority: authority, encodedPath: PathText.normalize(joined), fragment: fragment)
    }

    /// Like `join`, for paths from requests, records and archives: the result lies inside this folder.
    ///
    /// - Throws: `ObjectStorageError.outsideRoot` naming the path when it is absolute, has a scheme, or climbs out with
    ///   `..`; `.invalidPath` when it is empty.
    public func join(untrusted text: String) throws(ObjectStorageError) -> ResourceURI {
        guard Self.splitScheme(text) == nil else { throw .outsideRoot(path: text) }
        let split = Self.splitPlainPath(text)
        do throws(ObjectStorageError) {
            _ = try ObjectPath(split.fragment.isEmpty ? text : split.path)
        } catch {
            // The caller knows the text that was given, not the unquoted part of it.
            if case .outsideRoot = error { throw .outsideRoot(path: text) }
            throw error
        }
        return try join(text)
    }

    /// The unquoted path of this location below a folder; `nil` when it is not below it, or scheme or host differ.
    /// The folder itself gives `"."`.
    public func relativePath(to folder: ResourceURI) -> String? {
        guard scheme == folder.scheme, Self.sameHost(authority, folder.authority) else { return nil }
        let own = Self.inner(PathText.normalize(path))
        let base = Self.inner(PathText.normalize(folder.path))
        guard own.starts(with: base) else { return nil }
        let rest = own.dropFirst(base.count)
        if rest.isEmpty { return "." }
        if base.isEmpty { return String(Substring(rest)) }
        return rest.first == PathText.slash ? String(Substring(rest.dropFirst())) : nil
    }

    /// A normalised path without the slashes at its ends.
    private static func inner(_ path: String) -> Substring.UTF8View {
        var middle = path.utf8[...]
        if middle.first == PathText.slash { middle = middle.dropFirst() }
        if middle.last == PathText.slash { middle = middle.dropLast() }
        return middle
    }

    /// This location with another extension (`.json`; the dot may be missing), in place of the present one.
    public func withExtension(_ replacement: String) -> ResourceURI {
        let present = scheme.isEmpty ? pathExtension : PathText.pathExtension(encodedPath)
        let wanted =
            replacement.isEmpty || replacement.utf8.first == UInt8(ascii: ".") ? replacement : "." + replacement
        return ResourceURI(
            scheme: scheme, authority: authority, encodedPath: String(encodedPath.dropLast(present.count)) + wanted,
            query: query, fragment: fragment)
    }

    /// The same location without its fragment.
    public var withoutFragment: ResourceURI {
        ResourceURI(scheme: scheme, authority: authority, encodedPath: encodedPath, query: query)
    }

    public var description: String {
        let tail = (query.isEmpty ? "" : "?" + query) + (fragment.isEmpty ? "" : "#" + fragment)
        return scheme.isEmpty ? encodedPath + tail : "\(scheme)://\(authority)\(encodedPath)\(tail)"
    }

    public static func == (a: ResourceURI, b: ResourceURI) -> Bool {
        a.description.utf8.elementsEqual(b.description.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var text = description
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    private func with(encodedPath: String) -> ResourceURI {
        ResourceURI(scheme: scheme, authority: authority, encodedPath: encodedPath)
    }
}

// MARK: - Parsing

extension ResourceURI {
    /// Whether a byte may mean something, or is not allowed.
    private static func isSpecial(_ byte: UInt8) -> Bool {
        byte == 0 || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "#") || byte == UInt8(ascii: "%")
    }

    /// `scheme://rest`, or `file:rest`, which people write too. A colon elsewhere is part of a file name.
    private static func splitScheme(_ text: String) -> (scheme: String, rest: Substring)? {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let scheme = text[..<colon]
        let rest = text[text.index(after: colon)...]
        guard let first = scheme.first, first.isASCII, first.isLetter,
            scheme.utf8.allSatisfy({ byte in
                let character = Character(UnicodeScalar(byte))
                return character.isASCII && (character.isLetter || character.isNumber || "+-.".contains(character))
            })
        else { return nil }
        guard rest.utf8.starts(with: "//".utf8) || scheme.lowercased() == "file" else { return nil }
        return (scheme.lowercased(), rest)
    }

    private static func parse(
        scheme: String, rest: Substring, text: String
    ) throws(ObjectStorageError) -> ResourceURI {
        var remainder = rest
        var fragment = ""
        var query = ""
        if let hash = remainder.utf8.firstIndex(of: hashSign) {
            fragment = String(remainder[remainder.utf8.index(after: hash)...])
            remainder = remainder[..<hash]
        }
        if let mark = remainder.utf8.firstIndex(of: UInt8(ascii: "?")) {
            query = String(remainder[remainder.utf8.index(after: mark)...])
            remainder = remainder[..<mark]
        }
        var authority = ""
        if remainder.utf8.starts(with: "//".utf8) {
            remainder = Substring(remainder.utf8.dropFirst(2))
            let end = remainder.utf8.firstIndex(of: PathText.slash) ?? remainder.endIndex
            authority = String(remainder[..<end])
            remainder = remainder[end...]
        }
        let path = String(remainder)
        guard scheme == "file" else {
            return ResourceURI(
                scheme: scheme, authority: authority, encodedPath: path, query: query, fragment: fragment)
        }
        guard path.utf8.first == PathText.slash else {
            throw .invalidURI(text: text, reason: "a file URI needs an absolute path, as in file:///data/repo")
        }
        guard sameHost(authority, "") else {
            throw .invalidURI(text: text, reason: "the file is on host \(authority), not on this machine")
        }
        let unquoted = PercentQuoting.unquote(path)
        guard !unquoted.hasByte(0) else { throw .invalidURI(text: text, reason: "it contains a zero byte") }
        return ResourceURI(
            scheme: scheme, authority: authority, encodedPath: PercentQuoting.quote(PathText.normalize(unquoted)),
            query: query, fragment: fragment)
    }

    /// Separates the fragment from a path without scheme, with the rule of `lsst.resources`: in a text with `%XX`
    /// escapes the first `#` counts and the path is unquoted; else the last `#` of the last component counts.
    private static func splitPlainPath(_ text: String) -> (path: String, fragment: String) {
        if PercentQuoting.containsEscape(text) {
            guard let hash = text.utf8.firstIndex(of: hashSign) else { return (PercentQuoting.unquote(text), "") }
            return (PercentQuoting.unquote(String(text[..<hash])), String(text[text.utf8.index(after: hash)...]))
        }
        let lastComponent = text.utf8.lastIndex(of: PathText.slash).map { text.utf8.index(after: $0) } ?? text.startIndex
        guard let hash = text.utf8[lastComponent...].lastIndex(of: hashSign) else { return (text, "") }
        return (String(text[..<hash]), String(text[text.utf8.index(after: hash)...]))
    }

    private static let hashSign = UInt8(ascii: "#")
    private static let local: Set = ["", "localhost", "localhost.localdomain", "127.0.0.1"]

    private static func sameHost(_ a: String, _ b: String) -> Bool {
        a == b || (local.contains(a) && local.contains(b))
    }
}
