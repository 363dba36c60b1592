import ButlerModel
import Database
import Datastore
import Foundation
import Query
import Registry
import RepositoryConfiguration
import Synchronization

/// A Butler that opens the repository itself: its database and its files.
public final class DirectButler: Butler {
    public let registry: Registry
    public let configuration: DirectButlerConfiguration
    public let defaults: ButlerDefaults
    private let onWarning: @Sendable (String) -> Void
    private let openedDatastore: OpenedDatastore

    /// What tells of warnings unless something else is asked for: a line on standard error.
    public static let printWarning: @Sendable (String) -> Void = { message in
        FileHandle.standardError.write(Data("warning: \(message)\n".utf8))
    }

    public var universe: DimensionUniverse { registry.universe }
    public var isWriteable: Bool { registry.isWriteable }

    private init(
        registry: Registry, configuration: DirectButlerConfiguration, defaults: ButlerDefaults,
        openedDatastore: OpenedDatastore = OpenedDatastore(), onWarning: @escaping @Sendable (String) -> Void
    ) throws(ButlerError) {
        try defaults.check(in: registry.universe)
        self.registry = registry
        self.configuration = configuration
        self.defaults = defaults
        self.openedDatastore = openedDatastore
        self.onWarning = onWarning
    }

    /// The same butler, with the same connections, and other defaults.
    public func with(defaults: ButlerDefaults) throws -> DirectButler {
        try DirectButler(
            registry: registry, configuration: configuration, defaults: defaults, openedDatastore: openedDatastore,
            onWarning: onWarning)
    }

    public func warn(_ message: String) { onWarning(message) }

    // MARK: Opening

    /// Opens the repository that an argument names: a directory, a `butler.yaml`, or a label of the repository index.
    ///
    /// - Parameters:
    ///   - defaults: what is assumed where a call does not say.
    ///   - onWarning: is told of what is no error, such as results that a limit cuts.
    /// - Throws: `ConfigurationError` when there is no such repository, `DatabaseError` when its database cannot be
    ///   opened, `RegistryError` when its schema is not one that this code can use.
    public static func open(
        _ argument: String, writeable: Bool = false, defaults: ButlerDefaults = ButlerDefaults(),
        environment: ConfigurationEnvironment = .process, connections: ConnectionCounts = ConnectionCounts(),
        onWarning: @escaping @Sendable (String) -> Void = printWarning
    ) async throws -> DirectButler {
        switch try await ButlerConfiguration.load(argument, environment: environment) {
        case .direct(let configuration):
            return try await open(
                configuration, writeable: writeable, defaults: defaults, environment: environment,
                connections: connections, onWarning: onWarning)
        case .remote(let remote):
            throw ButlerOpeningError.isServer(remote.server)
        }
    }

    public static func open(
        _ configuration: DirectButlerConfiguration, writeable: Bool, defaults: ButlerDefaults = ButlerDefaults(),
        environment: ConfigurationEnvironment, connections: ConnectionCounts = ConnectionCounts(),
        onWarning: @escaping @Sendable (String) -> Void = printWarning
    ) async throws -> DirectButler {
        let section = try configuration.registry()
        let url = try RegistryDatabase.url(section, environment: environment)
        let database = try await url.open(
            DatabaseOptions(
                access: writeable ? .readWrite : .readOnly, readerCount: connections.reads,
                pagerCount: connections.pages))
        let registry = try await Registry.open(
            database: database, managers: section.managers.mapValues(\.className))
        let butler = try DirectButler(
            registry: registry, configuration: configuration, defaults: defaults, onWarning: onWarning)
        if writeable {
            let datastore = try butler.datastore()
            try await registry.write { writer in
                for files in datastore.files { try files.createTables(writer.connection) }
            }
        }
        return butler
    }

    /// Where the files are. Opened when first asked for, because many uses of a repository touch no files.
    public func datastore() throws -> any Datastore {
        try openedDatastore.held.withLock { held in
            if let held { return held }
            let opened = try Datastores.open(
                try configuration.datastore(), universe: universe, storageClasses: try configuration.storageClasses())
            held = opened
            return opened
        }
    }

    /// Ends all connections.
    public func close() async throws { try await registry.database.close() }

    // MARK: Finding and reading

    public var query: Query {
        Query(
            on: registry,
            context: QueryContext(defaults: defaults) { [configuration] in
                try configuration.storageClasses().canConvert($0, to: $1)
            })
    }

    public func findDataset(
        _ datasetType: String, dataID: [String: DataIDValue], collections: [String]? = nil, time: CalibrationTime
    ) async throws -> DatasetRef? {
        let collections = collections ?? defaults.collections
        return try await registry.read { [defaults] snapshot in
            let type = try snapshot.datasetType(DatasetType.split(datasetType).parent)
            return try snapshot.findDataset(
                type, dataID: dataID, defaults: try snapshot.dataID(of: defaults), collections: collections, time: time)
        }
    }

    public func stored(_ id: DatasetID) async throws -> [StoredDataset] {
        let datastore = try datastore()
        return try await registry.read { try datastore.stored([id], $0.connection)[id] ?? [] }
    }

    // MARK: Writing

    /// A dataset to be kept.
    public struct NewDataset: Sendable {
        public let value: DatasetValue
        public let datasetType: String
        public let dataID: [String: DataIDValue]
        /// Goes into files whose format has a place for it.
        public var provenance: DatasetProvenance?

        public init(
            _ value: DatasetValue, _ datasetType: String, _ dataID: [String: DataIDValue],
            provenance: DatasetProvenance? = nil
        ) {
            self.value = value
            self.datasetType = datasetType
            self.dataID = dataID
            self.provenance = provenance
        }
    }

    public func put(
        _ value: DatasetValue, _ datasetType: String, dataID: [String: DataIDValue], run: String
    ) async throws -> DatasetRef {
        try await put([NewDataset(value, datasetType, dataID)], run: run)[0]
    }

    /// Keeps several datasets in one transaction: all of them or none.
    ///
    /// Files are written first, under hidden names; the registry's transaction gives them their names. Memory: the
    /// values given, and one encoded file at a time.
    public func put(
        _ datasets: [NewDataset], run: String, ids: DatasetIDChoice = .unique
    ) async throws -> [DatasetRef] {
        guard isWriteable else { throw RegistryError.readOnly(operation: "put a dataset") }
        let datastore = try datastore()
        let refs = try await registry.read { snapshot in
            try snapshot.newReferences(datasets.map { ($0.datasetType, $0.dataID) }, run: run, ids: ids)
        }
        var staged: [StagedDataset] = []
        do {
            for (dataset, ref) in zip(datasets, refs) {
                staged.append(try await datastore.stage(dataset.value, ref, provenance: dataset.provenance))
            }
            let files = staged
            try await registry.write { writer in
                try writer.insert(refs)
                for file in files {
                    try file.insertRecords(writer.connection)
                    try file.publish()
                }
            }
        } catch {
            // The first error matters; a file that cannot be removed stays hidden or without a record.
            for file in staged { try? await file.discard() }
            throw error
        }
        return refs
    }
}

/// A datastore once it is opened, shared by butlers that differ in their defaults.
private final class OpenedDatastore: Sendable {
    let held = Mutex<(any Datastore)?>(nil)
}

extension RegistrySnapshot {
    /// References for datasets that do not exist yet, with expanded data IDs.
    fileprivate func newReferences(
        _ wanted: [(String, [String: DataIDValue])], run: String, ids: DatasetIDChoice
    ) throws -> [DatasetRef] {
        let milliseconds = UInt64(Date().timeIntervalSince1970 * 1000)
        return try wanted.map { name, loose in
            let type = try datasetType(name)
            let dataID = try expand(try standardize(loose, for: type))
            return DatasetRef(
                id: ids.identifier(of: type, run: run, dataID: dataID, unixMilliseconds: milliseconds),
                datasetType: type, dataID: dataID, run: run)
        }
    }
}

/// Why an argument leads to no repository that can be opened directly.
public enum ButlerOpeningError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The argument names a Butler server.
    case isServer(String)

    public var description: String {
        switch self {
        case .isServer(let url):
            "\(url) is a Butler server; this command works on repositories, so name the directory of one."
        }
    }
}

/// How many connections to its database a butler may use at the same time.
public struct ConnectionCounts: Sendable, Equatable {
    public var reads: Int
    /// For results that are iterated over; `nil`: those of `reads`.
    public var pages: Int?

    public init(reads: Int = 4, pages: Int? = nil) {
        self.reads = reads
        self.pages = pages
    }
}
