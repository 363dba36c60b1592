import Foundation

/// Reads configuration files that are not on this machine (S3, HTTP). Conformed to by the modules that have such
/// clients; local files need none.
public protocol RemoteConfigurationReader: Sendable {
    /// Whether addresses of this scheme (lower case, without colon) can be read.
    func reads(scheme: String) -> Bool

    /// The content, or `nil` if nothing exists there.
    func contents(ofURL url: String) async throws -> [UInt8]?
}

/// Reads configuration files from this machine or, through a ``RemoteConfigurationReader``, from elsewhere.
struct ConfigurationReader: Sendable {
    let remote: (any RemoteConfigurationReader)?

    func canRead(_ location: ConfigurationLocation) -> Bool {
        switch location {
        case .local: true
        case .remote(let scheme, _): remote?.reads(scheme: scheme) ?? false
        }
    }

    /// The content of a file, `nil` if it does not exist.
    func contents(of location: ConfigurationLocation) async throws -> [UInt8]? {
        switch location {
        case .local(let path):
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { return nil }
            guard !isDirectory.boolValue else {
                throw ConfigurationError.unreadable(location: path, reason: "it is a directory")
            }
            do {
                return Array(try Data(contentsOf: URL(filePath: path)))
            } catch {
                throw ConfigurationError.unreadable(location: path, reason: error.localizedDescription)
            }
        case .remote(let scheme, _):
            guard let remote, remote.reads(scheme: scheme) else {
                throw ConfigurationError.unsupportedScheme(location: location.description, scheme: scheme)
            }
            return try await remote.contents(ofURL: location.description)
        }
    }

    /// Whether this is a directory: the file system answers for local paths; for URLs a trailing slash or a name
    /// without extension does.
    func isDirectory(_ location: ConfigurationLocation) -> Bool {
        switch location {
        case .local(let path):
            var isDirectory: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
            return exists ? isDirectory.boolValue : location.hasDirectoryPath
        case .remote: return location.hasDirectoryPath || location.fileExtension.isEmpty
        }
    }
}
