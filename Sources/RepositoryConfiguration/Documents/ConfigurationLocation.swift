import ByteText
import Foundation

/// Where a configuration file or directory is: an absolute path of this machine or a URL.
public enum ConfigurationLocation: Hashable, Sendable, CustomStringConvertible {
    /// An absolute, normalised path, not percent-encoded. A trailing slash marks a directory.
    case local(path: String)
    /// A URL as written, with any scheme but `file`. A trailing slash marks a directory.
    case remote(scheme: String, rest: String)

    /// Reads a path (with `~` and environment variables), a `file:` URL or any other URL with `://`. What has another colon,
    /// such as `c:d`, is a path, as it is in Python.
    ///
    /// A relative path is resolved against the current directory of `environment`, or against `base` if given.
    public init(_ text: String, environment: ConfigurationEnvironment, relativeTo base: ConfigurationLocation? = nil) {
        if let scheme = Self.addressScheme(of: text) {
            let rest = String(text.dropFirst(scheme.count + 1))
            guard scheme.lowercased() == "file" else {
                self = .remote(scheme: scheme.lowercased(), rest: rest)
                return
            }
            var path = rest
            if path.hasPrefix("//") {
                path.removeFirst(2)
                if path.hasPrefix("localhost/") { path.removeFirst("localhost".count) }
            }
            self = .local(path: Self.normalised(path.removingPercentEncoding ?? path, in: environment.currentDirectory))
            return
        }
        let path = environment.expandingVariables(in: environment.expandingHome(in: text))
        switch base {
        case .remote(let scheme, let rest)? where !path.hasPrefix("/"):
            self = .remote(scheme: scheme, rest: (rest.hasSuffix("/") ? rest : rest + "/") + path)
        case .local(let directory)?: self = .local(path: Self.normalised(path, in: directory))
        default: self = .local(path: Self.normalised(path, in: environment.currentDirectory))
        }
    }

    /// The scheme of a text that is a URL rather than a path.
    static func addressScheme(of text: String) -> String? {
        guard let scheme = scheme(of: text) else { return nil }
        return scheme.lowercased() == "file" || text.dropFirst(scheme.count).hasPrefix("://") ? scheme : nil
    }

    /// What is before the colon, if it could be a scheme.
    static func scheme(of text: String) -> String? {
        guard let colon = text.firstIndex(of: ":"), let first = text.first, first.isASCII, first.isLetter else {
            return nil
        }
        let scheme = text[..<colon]
        let valid = scheme.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+.-".contains($0)) }
        return valid ? String(scheme) : nil
    }

    /// The path made absolute, without `.`, `..` and doubled slashes; a trailing slash is kept.
    private static func normalised(_ path: String, in directory: String) -> String {
        let absolute = path.hasPrefix("/") ? path : directory + "/" + path
        var parts: [Substring] = []
        for part in absolute.namesInPath where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        let result = "/" + parts.joined(separator: "/")
        return path.endsWithSlash && result != "/" ? result + "/" : result
    }

    // MARK: Parts

    public var isLocal: Bool { if case .local = self { true } else { false } }

    private var path: String {
        switch self {
        case .local(let path): path
        case .remote(_, let rest): rest
        }
    }

    private func replacingPath(_ path: String) -> ConfigurationLocation {
        switch self {
        case .local: .local(path: path)
        case .remote(let scheme, _): .remote(scheme: scheme, rest: path)
        }
    }

    /// Whether a trailing slash says that this is a directory.
    public var hasDirectoryPath: Bool { path.endsWithSlash }

    /// The name after the last slash; empty for a directory with a trailing slash.
    public var lastComponent: String { path.nameInPath }

    /// The extension in lower case with its dot; empty if there is none.
    public var fileExtension: String {
        let name = lastComponent
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
        return name[dot...].lowercased()
    }

    /// The directory that holds this, with a trailing slash.
    public var directory: ConfigurationLocation {
        replacingPath((path.folderInPath ?? ".") + "/")
    }

    /// The same with a trailing slash.
    public var asDirectory: ConfigurationLocation { hasDirectoryPath ? self : replacingPath(path + "/") }

    /// The absolute path without a trailing slash, `nil` for a URL.
    public var localPath: String? {
        guard case .local(let path) = self else { return nil }
        return path.withoutFinalSlash
    }

    /// The text that replaces `<butlerRoot>`: a path of the operating system without a trailing slash, or the URL.
    public var rootReplacement: String { localPath ?? description }

    /// As a URL; local paths become percent-encoded `file://` URLs.
    public var url: String {
        guard case .local(let path) = self else { return description }
        let unreserved = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/")
        return "file://" + (path.addingPercentEncoding(withAllowedCharacters: unreserved) ?? path)
    }

    public var description: String {
        switch self {
        case .local(let path): path
        case .remote(let scheme, let rest): "\(scheme):\(rest)"
        }
    }
}
