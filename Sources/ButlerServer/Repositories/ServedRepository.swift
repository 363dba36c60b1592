public import ButlerModel
public import ObjectStorage
public import Registry

/// A repository as the routes need it.
public protocol ServedRepository: Sendable {
    var universe: DimensionUniverse { get }

    /// Runs a closure, on a thread that may block, against one consistent state of the repository.
    func read<Result: Sendable>(_ body: @escaping @Sendable (any RepositoryView) throws -> Result) async throws
        -> Result
}

/// One consistent state of a repository. Everything throws `ButlerError` for what the user of a request can mend.
public protocol RepositoryView {
    func datasetType(_ name: String) throws -> DatasetType
    func datasetTypes(matching patterns: [String]) throws -> (found: [DatasetType], missing: [String])
    func collectionInfo(_ search: CollectionSearch) throws -> [CollectionInfo]
    func collectionSummary(_ name: String) throws -> CollectionSummary
    func dataset(_ id: DatasetID) throws -> DatasetRef?
    func datasets(_ ids: [DatasetID]) throws -> [DatasetRef]
    func findDataset(
        _ type: DatasetType, dataID: [String: DataIDValue], defaults: [String: DataIDValue], collections: [String],
        time: CalibrationTime
    ) throws -> DatasetRef?
    func expand(_ loose: [String: DataIDValue]) throws -> DataCoordinate
    func expand(_ dataID: DataCoordinate) throws -> DataCoordinate
    /// The stored files of datasets; those without any are absent. Whether the files exist is not checked.
    func files(of ids: [DatasetID]) throws -> [DatasetID: [ServedFile]]
}

/// What the datastore records about one stored file.
public struct ServedFile: Hashable, Sendable {
    /// Name of the Python class that reads the file.
    public let formatter: String
    public let storageClass: String
    /// `nil` for a file that holds the whole dataset.
    public let component: String?
    public let checksum: String?
    /// In bytes; −1 when not known.
    public let size: Int64
    /// Absolute; a fragment names the member of a zip file.
    public let location: ResourceURI
    /// The path as recorded: relative to the datastore's root, or an absolute URI.
    public let path: String

    public init(
        formatter: String, storageClass: String, component: String?, checksum: String?, size: Int64,
        location: ResourceURI, path: String
    ) {
        self.formatter = formatter
        self.storageClass = storageClass
        self.component = component
        self.checksum = checksum
        self.size = size
        self.location = location
        self.path = path
    }
}
