public import ButlerModel
import ByteText
public import Database
public import Datastore
public import ObjectStorage
public import Query
public import Registry

/// A repository as the routes need it.
public protocol ServedRepository: Sendable {
    var universe: DimensionUniverse { get }
    var queries: any QueryExecutor { get }
    /// The use of the database's connections; `nil` when it is not known.
    var activity: (reads: DatabaseActivity, pages: DatabaseActivity)? { get }
    /// Whether the database was there when it was last used.
    var isReachable: Bool { get }
    /// `nil` where nobody may see statements and tables.
    var explanations: (any QueryExplaining)? { get }
    /// What the repository's catalogue of published dataset types says of one, by name; `nil` without an entry. Whether the
    /// viewer may know the type is not checked.
    func description(ofDatasetType name: String) -> String?

    /// Whether anything is hidden from anybody, so that the groups of users matter.
    func hasVisibilityRules() async throws -> Bool

    /// The repository as a user sees it: what he may not see does not exist. Called for each request.
    func acting(for viewer: Viewer) -> any ServedRepository

    /// Runs a closure, on a thread that may block, against one consistent state of the repository.
    func read<Result: Sendable>(_ body: @escaping @Sendable (any RepositoryView) throws -> Result) async throws
        -> Result

    /// Runs a closure against the collections and dataset types as they are now, if it can be without waiting for the
    /// database.
    func readCatalog<Result: Sendable>(
        _ body: @escaping @Sendable (any CatalogView) throws -> Result
    ) async throws -> Result
}

extension ServedRepository {
    public var activity: (reads: DatabaseActivity, pages: DatabaseActivity)? { nil }
    public var explanations: (any QueryExplaining)? { nil }
    public var isReachable: Bool { true }
    public func description(ofDatasetType name: String) -> String? { nil }

    public func readCatalog<Result: Sendable>(
        _ body: @escaping @Sendable (any CatalogView) throws -> Result
    ) async throws -> Result { try await read { try body($0) } }
}

/// The collections and dataset types of a repository. Everything throws `ButlerError` for what the user of a request can
/// mend.
public protocol CatalogView {
    func datasetType(_ name: String) throws -> DatasetType
    func datasetTypes(matching patterns: [String]) throws -> (found: [DatasetType], missing: [String])
    func collectionInfo(_ search: CollectionSearch) throws -> [CollectionInfo]
    func collectionSummary(_ name: String) throws -> CollectionSummary
}

/// One consistent state of a repository.
public protocol RepositoryView: CatalogView {
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

/// One stored file of a dataset: what is recorded about it, and where it is.
public struct ServedFile: Hashable, Sendable {
    public let info: StoredFileInfo
    /// Absolute; a fragment names the member of a zip file.
    public let location: ResourceURI
    /// For a member of a zip file, where anything is hidden from the viewer: what he may see of the file.
    public var zip: ZipView?

    /// The members of a zip file that a viewer may see.
    public struct ZipView: Hashable, Sendable {
        /// The datasets in each.
        public let members: [ExactName: Set<DatasetID>]
        /// Whether all recorded members are among them. The file may hold others, of datasets that were removed.
        public let isComplete: Bool
    }

    public init(info: StoredFileInfo, location: ResourceURI) {
        self.info = info
        self.location = location
    }

    /// `nil` for a file that holds the whole dataset.
    var component: String? { info.component }
}
