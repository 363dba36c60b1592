import Foundation
import RepositoryConfiguration

/// A directory of its own for one test, removed with it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "steward-configuration-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.resolvingSymlinksInPath().path(percentEncoded: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file below the directory, parents included, and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        let parent = URL(filePath: file).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
        return file
    }

    /// An environment whose current directory is this one.
    func environment(_ variables: [String: String] = [:]) -> ConfigurationEnvironment {
        ConfigurationEnvironment(variables: variables, currentDirectory: path)
    }
}

extension ButlerConfiguration {
    /// The direct configuration that a path leads to; a remote one is an error here.
    static func loadDirect(_ argument: String, _ environment: ConfigurationEnvironment) async throws
        -> DirectButlerConfiguration
    {
        guard case .direct(let configuration) = try await load(argument, environment: environment) else {
            throw UnexpectedRemote()
        }
        return configuration
    }

    struct UnexpectedRemote: Error {}
}
