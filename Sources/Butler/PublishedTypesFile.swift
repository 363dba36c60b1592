import ObjectStorage
public import Registry
import RepositoryConfiguration

extension DirectButlerConfiguration {
    /// The catalogue of published dataset types that the repository carries beside its configuration file, else in its
    /// root; `nil` without one. Blocks.
    ///
    /// - Throws: ``PublishedTypesError`` for a file that is no such catalogue, and where none can be looked for;
    ///   `ObjectStorageError` for a file that cannot be read.
    public func publishedTypes() throws -> PublishedTypes? {
        guard let directory = document.location?.directory.localPath else {
            throw PublishedTypesError(
                origin: "\(PublishedTypes.fileName) beside \(document.name)",
                reason: "cannot be looked for, since that is not on this machine")
        }
        for folder in [directory, root?.localPath].compactMap({ $0 }) {
            let path = folder.hasSuffix("/") ? folder + PublishedTypes.fileName : "\(folder)/\(PublishedTypes.fileName)"
            if let text = try SmallFile.text(path) { return try PublishedTypes(yaml: text, origin: path) }
        }
        return nil
    }
}
