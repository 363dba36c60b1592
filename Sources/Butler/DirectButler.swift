import ButlerModel
import Database
import Datastore
import Foundation
import ObjectStorage
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

    /// Opens the repository that an argument names: a directory, a `butler.yaml`, both here or in a storage service, or a
    /// label of the repository index.
    ///
    /// - Parameters:
    ///   - forFiles: whether files are to be written, for which a writeable repository gets tables if it has none yet.
    ///   - defaults: what is assumed where a call does not say.
    ///   - onWarning: is told of what is no error, such as results that a limit cuts.
    /// - Throws: `ConfigurationError` when there is no such repository, `DatabaseError` when its database cannot be
    ///   opened, `RegistryError` when its schema is not one that this code can use.
    public static func open(
        _ argument: String, writeable: Bool = false, forFiles: Bool = true,
        defaults: ButlerDefaults = ButlerDefaults(), environment: ConfigurationEnvironment = .process,
        connections: ConnectionCounts = ConnectionCounts(),
        onWarning: @escaping @Sendable (String) -> Void = printWarning
    ) async throws -> DirectButler {
        try await open(
            try await configuration(of: argument, environment: environment), writeable: writeable, forFiles: forFiles,
            defaults: defaults, environment: environment, connections: connections, onWarning: onWarning)
    }

    /// The configuration of the repository that an argument names. Nothing is asked of its database.
    ///
    /// - Throws: `ConfigurationError` when there is no such repository; ``ButlerOpeningError``.
    public static func configuration(
        of argument: String, environment: ConfigurationEnvironment = .process
    ) async throws -> DirectButlerConfiguration {
        switch try await ButlerConfiguration.load(
            argument, environment: environment, remote: StoredConfigurations())
        {
        case .direct(let configuration): return configuration
        case .remote(let remote): throw ButlerOpeningError.isServer(remote.server)
        }
    }

    public static func open(
        _ configuration: DirectButlerConfiguration, writeable: Bool, forFiles: Bool = true,
        defaults: ButlerDefaults = ButlerDefaults(), environment: ConfigurationEnvironment,
        connections: ConnectionCounts = ConnectionCounts(),
        onWarning: @escaping @Sendable (String) -> Void = printWarning
    ) async throws -> DirectButler {
        let section = try configuration.registry()
        let database = try await RegistryDatabase.open(
            section,
            DatabaseOptions(
                access: writeable ? .readWrite : .readOnly, readerCount: connections.reads,
                pagerCount: connections.pages, allowsTemporaryTables: section.allowsTemporaryTables,
                checksReferencesTogether: section.checksReferencesTogether),
            usesReplicas: connections.usesReplicas, environment: environment, onWarning: onWarning)
        do {
            let registry = try await Registry.open(
                database: database, managers: section.managers.mapValues(\.className), onWarning: onWarning)
            let butler = try DirectButler(
                registry: registry, configuration: configuration, defaults: defaults, onWarning: onWarning)
            if writeable, forFiles { try await butler.prepareForFiles() }
            return butler
        } catch {
            // That it cannot be used matters more than how its connections end.
            try? await database.close()
            throw error
        }
    }

    private func prepareForFiles() async throws {
        let datastore = try datastore()
        try await registry.write { writer in
            for files in datastore.files { try files.createTables(writer.connection) }
        }
        do {
            _ = try await recoverLocalWork()
        } catch let error as ObjectStorageError {
            // Whoever may only change the database can go on.
            warn("what earlier writers left cannot be looked after now: \(error)")
        }
    }

    /// Where the files are. Opened when first asked for, because many uses of a repository touch no files.
    public func datastore() throws -> any Datastore {
        try openedDatastore.held.withLock { held in
            if let held { return held }
            let opened = try Datastores.open(
                try configuration.datastore(), universe: universe, storageClasses: try configuration.storageClasses())
            let name = try RegistryDatabase.name(try configuration.registry(), environment: configuration.environment)
            for files in opened.files { files.belong(toRegistry: name) }
            held = opened
            return opened
        }
    }

    /// Whether something has asked for the datastore.
    var isDatastoreOpen: Bool { openedDatastore.held.withLock { $0 != nil } }

    /// Ends all connections.
    public func close() async throws {
        if let datastore = openedDatastore.held.withLock({ $0 }) {
            try await StagedArtifacts.pool.run { try datastore.endSessions() }
        }
        try await registry.database.close()
    }

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
}

/// A datastore once it is opened, shared by butlers that differ in their defaults.
private final class OpenedDatastore: Sendable {
    let held = Mutex<(any Datastore)?>(nil)
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
    /// Whether servers that follow the database's, which the configuration names, may be read from.
    public var usesReplicas: Bool

    public init(reads: Int = 4, pages: Int? = nil, usesReplicas: Bool = false) {
        self.reads = reads
        self.pages = pages
        self.usesReplicas = usesReplicas
    }
}
