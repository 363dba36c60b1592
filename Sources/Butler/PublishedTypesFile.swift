import ObjectStorage
public import Registry
import RepositoryConfiguration

extension DirectButler {
    /// The catalogue of published dataset types that the repository carries beside its `butler.yaml`; `nil` without one.
    /// Only repositories on local disks carry one. Blocks.
    ///
    /// - Throws: ``PublishedTypesError`` for a file that is no such catalogue.
    public func publishedTypes() throws -> PublishedTypes? {
        guard let root = configuration.root?.localPath else { return nil }
        let path = "\(root)/\(PublishedTypes.fileName)"
        return try SmallFile.text(path).map { try PublishedTypes(yaml: $0, origin: path) }
    }
}
