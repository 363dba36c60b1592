import Butler
import ButlerModel
import Database
import Datastore
import ObjectStorage
import Query
import Registry
import RepositoryConfiguration

/// A repository that the server opens itself.
struct DirectRepository: ServedRepository {
    private let butler: DirectButler
    private let registry: Registry

    /// - Parameter published: which dataset types are shown to whom; `nil` for all to everyone.
    init(butler: DirectButler, published: PublishedTypes? = nil) {
        self.init(butler: butler, registry: butler.registry.publishing(published))
    }

    private init(butler: DirectButler, registry: Registry) {
        self.butler = butler
        self.registry = registry
    }

    var universe: DimensionUniverse { butler.universe }
    var queries: any QueryExecutor { registry }
    var activity: (reads: DatabaseActivity, pages: DatabaseActivity)? { registry.database.activity }
    var isReachable: Bool { registry.database.isReachable }
    var explanations: (any QueryExplaining)? { registry }

    func description(ofDatasetType name: String) -> String? { registry.published?.entries[name]?.description }

    func hasVisibilityRules() async throws -> Bool { try await registry.hasVisibilityRules() }

    func acting(for viewer: Viewer) -> any ServedRepository {
        DirectRepository(butler: butler, registry: registry.acting(for: viewer))
    }

    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any RepositoryView) throws -> Result
    ) async throws -> Result {
        try await registry.read { [butler, registry] snapshot in
            try body(
                DirectView(snapshot: snapshot, butler: butler, isUnrestricted: registry.viewer == .unrestricted))
        }
    }

    func readCatalog<Result: Sendable>(
        _ body: @escaping @Sendable (any CatalogView) throws -> Result
    ) async throws -> Result {
        try await registry.readCatalog { [butler] names in
            try body(DirectCatalogView(names: names, butler: butler))
        }
    }
}

private struct DirectCatalogView: CatalogView {
    let names: CatalogSnapshot
    let butler: DirectButler

    /// Components are resolved for older clients; present ones ask for the whole only.
    func datasetType(_ name: String) throws -> DatasetType {
        try DatasetType.checkName(name)
        let (parent, component) = DatasetType.split(name)
        let whole = try names.datasetType(parent)
        guard let component else { return whole }
        let classes = try butler.configuration.storageClasses()
        guard let storageClass = classes.component(component, of: whole.storageClass) else {
            throw ButlerError(
                .unknownComponent,
                "Dataset type '\(parent)' has no component '\(component)': storage class '\(whole.storageClass)' "
                    + "does not define it.")
        }
        return try DatasetType(
            name: name, dimensions: whole.dimensions, storageClass: storageClass.name,
            parentStorageClass: whole.storageClass, isCalibration: whole.isCalibration)
    }

    func datasetTypes(matching patterns: [String]) throws -> (found: [DatasetType], missing: [String]) {
        try names.datasetTypes(matching: patterns)
    }

    func collectionInfo(_ search: CollectionSearch) throws -> [CollectionInfo] { try names.collectionInfo(search) }
    func collectionSummary(_ name: String) throws -> CollectionSummary { try names.collectionSummary(name) }
}

private struct DirectView: RepositoryView {
    let snapshot: RegistrySnapshot
    let butler: DirectButler
    let isUnrestricted: Bool

    private var catalog: DirectCatalogView { DirectCatalogView(names: snapshot.names, butler: butler) }

    func datasetType(_ name: String) throws -> DatasetType { try catalog.datasetType(name) }

    func datasetTypes(matching patterns: [String]) throws -> (found: [DatasetType], missing: [String]) {
        try catalog.datasetTypes(matching: patterns)
    }

    func collectionInfo(_ search: CollectionSearch) throws -> [CollectionInfo] { try catalog.collectionInfo(search) }
    func collectionSummary(_ name: String) throws -> CollectionSummary { try catalog.collectionSummary(name) }
    func dataset(_ id: DatasetID) throws -> DatasetRef? { try snapshot.dataset(id) }
    func datasets(_ ids: [DatasetID]) throws -> [DatasetRef] { try snapshot.datasets(ids) }

    func findDataset(
        _ type: DatasetType, dataID: [String: DataIDValue], defaults: [String: DataIDValue], collections: [String],
        time: CalibrationTime
    ) throws -> DatasetRef? {
        try snapshot.findDataset(type, dataID: dataID, defaults: defaults, collections: collections, time: time)
    }

    func expand(_ loose: [String: DataIDValue]) throws -> DataCoordinate { try snapshot.expand(loose) }
    func expand(_ dataID: DataCoordinate) throws -> DataCoordinate { try snapshot.expand(dataID) }

    func files(of ids: [DatasetID]) throws -> [DatasetID: [ServedFile]] {
        // The datastore knows no viewers.
        let ids = isUnrestricted ? ids : try snapshot.datasets(ids).map(\.id)
        var files: [DatasetID: [ServedFile]] = [:]
        let stored = try butler.datastore().stored(ids, snapshot.connection)
        for (id, datasets) in stored {
            // Of a chained datastore, the first member that knows the dataset.
            guard let first = datasets.first else { continue }
            files[id] = try first.infos.map {
                ServedFile(info: $0, location: try first.datastore.location(of: $0))
            }
        }
        if snapshot.isFiltered { try viewZips(&files, stored) }
        return files
    }

    /// Finds out what may be seen of zip files. Cost: the datasets in each of them.
    private func viewZips(_ files: inout [DatasetID: [ServedFile]], _ stored: [DatasetID: [StoredDataset]]) throws {
        var known: [ResourceURI: ServedFile.ZipView] = [:]
        for (id, list) in files {
            guard let datastore = stored[id]?.first?.datastore else { continue }
            for (position, file) in list.enumerated() where file.location.zipMember != nil {
                let archive = file.location.withoutFragment
                let view = try known[archive] ?? zipView(of: file.info, in: datastore)
                known[archive] = view
                files[id]?[position].zip = view
            }
        }
    }

    private func zipView(of info: StoredFileInfo, in datastore: FileDatastore) throws -> ServedFile.ZipView {
        let all = try datastore.members(sharingZipOf: info, snapshot.connection)
        let ids = all.values.reduce(into: Set<DatasetID>()) { $0.formUnion($1) }
        let visible = Set(try snapshot.datasets(Array(ids)).map(\.id))
        return ServedFile.ZipView(
            members: all.mapValues { $0.intersection(visible) }.filter { !$0.value.isEmpty },
            isComplete: visible.count == ids.count)
    }
}
