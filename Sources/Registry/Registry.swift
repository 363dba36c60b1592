import ButlerModel
import Database
import StructuredData

/// The registry of a repository: collections, dataset types, dimension records and which datasets exist.
///
/// Work happens inside closures: ``read(_:)`` hands out a snapshot, ``write(_:)`` a writer, each in one database
/// transaction on a thread that may block. A registry may be shared between tasks. What it holds in memory is checked
/// against the database in every transaction, so changes by other processes are seen at once.
public final class Registry: Sendable {
    public let universe: DimensionUniverse
    public let database: any DatabaseClient
    let schema: RegistrySchema
    /// A manager whose tables this code cannot keep current; it forbids writing.
    private let writeObstacle: RegistryError?
    /// The live ObsCore table that is kept, if the repository has one.
    let obsCore: ObsCoreTable?
    let cache: CatalogCache
    /// On whose behalf this reads.
    public let viewer: Viewer
    /// Which dataset types are shown to whom; `nil` when all are shown to everyone.
    public let published: PublishedTypes?
    /// Is told of what is no error.
    let onWarning: @Sendable (String) -> Void

    public var isWriteable: Bool { database.isWriteable && writeObstacle == nil && viewer == .unrestricted }

    private init(
        universe: DimensionUniverse, database: any DatabaseClient, schema: RegistrySchema,
        writeObstacle: RegistryError?, obsCore: ObsCoreTable?, cache: CatalogCache = CatalogCache(),
        viewer: Viewer = .unrestricted, published: PublishedTypes? = nil,
        onWarning: @escaping @Sendable (String) -> Void
    ) {
        self.onWarning = onWarning
        self.universe = universe
        self.database = database
        self.schema = schema
        self.writeObstacle = writeObstacle
        self.obsCore = obsCore
        self.cache = cache
        self.viewer = viewer
        self.published = published
    }

    /// The same registry as a viewer sees it, for reading only. Cheap.
    public func acting(for viewer: Viewer) -> Registry {
        Registry(
            universe: universe, database: database, schema: schema, writeObstacle: writeObstacle,
            obsCore: obsCore, cache: cache, viewer: viewer, published: published, onWarning: onWarning)
    }

    /// The same registry with a catalogue that says which dataset types viewers see.
    public func publishing(_ types: PublishedTypes?) -> Registry {
        Registry(
            universe: universe, database: database, schema: schema, writeObstacle: writeObstacle,
            obsCore: obsCore, viewer: viewer, published: types, onWarning: onWarning)
    }

    // MARK: Opening

    /// Opens the registry in a database.
    /// - Parameters:
    ///   - managers: the class names that the configuration gives for each part of the schema; they must be those that
    ///     the repository was made with.
    ///   - onWarning: is told of what is no error, such as regions that an ObsCore table does not take.
    /// - Throws: ``RegistryError`` when the database holds no registry, or one whose schema this code cannot use.
    public static func open(
        database: any DatabaseClient, managers: [String: String],
        onWarning: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> Registry {
        let attributes = try await database.read { try RepositoryAttributes.read($0, name: database.displayName) }
        try Manager.check(
            attributes: attributes, configured: managers,
            forWriting: database.isWriteable)
        guard let document = attributes[RepositoryAttributes.universeKey] else {
            throw RegistryError.badUniverse(reason: "'\(RepositoryAttributes.universeKey)' is not recorded.")
        }
        let universe = try UniverseCache.shared.universe(document: document)
        let version = attributes["version:\(Manager.datasets.storedClassName)"].flatMap { SchemaVersion($0) }
        var obstacle: RegistryError?
        var obsCore: ObsCoreTable?
        do {
            // As in Python, the table is kept by those whose configuration names its manager.
            if managers["obscore"] != nil {
                obsCore = try ObsCoreTable.stored(attributes, universe: universe, database: database)
            }
        } catch {
            obstacle = error
        }
        return Registry(
            universe: universe, database: database,
            schema: RegistrySchema(
                universe: universe, datasetsVersion: version ?? Manager.datasets.supportedVersions[0]),
            writeObstacle: obstacle, obsCore: obsCore, onWarning: onWarning)
    }

    // MARK: Transactions

    /// Runs `body` in one read transaction.
    public func read<T: Sendable>(_ body: @escaping @Sendable (RegistrySnapshot) throws -> T) async throws -> T {
        try await database.read { [self] connection in try body(try snapshot(connection)) }
    }

    /// Runs `body` with the collections and dataset types as they are now: without a transaction, and without waiting for
    /// anybody's lock, when it is known that nothing was committed since they were last read.
    public func readCatalog<T: Sendable>(
        _ body: @escaping @Sendable (CatalogSnapshot) throws -> T
    ) async throws -> T {
        if let content = cache.latest, content.isCurrent(database), let catalog = heldCatalog(content) {
            return try body(CatalogSnapshot(universe: universe, catalog: catalog))
        }
        return try await read { try body($0.names) }
    }

    /// Runs `body` in one write transaction, which is undone when it throws.
    ///
    /// - Throws: ``RegistryError/readOnly(operation:)`` when the repository is open for reading.
    public func write<T: Sendable>(_ body: @escaping @Sendable (RegistryWriter) throws -> T) async throws -> T {
        if let writeObstacle { throw writeObstacle }
        guard isWriteable else { throw RegistryError.readOnly(operation: "change the repository") }
        do {
            return try await database.write { [self] connection in
                let token = try connection.changeToken()
                let writer = RegistryWriter(try snapshot(connection, token), registry: self)
                // The connection's own changes do not show in its token.
                defer { if writer.state.hasChanged { cache.distrust(token.connection) } }
                let result = try body(writer)
                if !writer.state.hasChanged { connection.keepChangeToken() }
                return result
            }
        } catch let violation as UnclearViolation {
            // If nobody can be asked now, what is known is said.
            throw (try? await readBeforeWriting { violation.explained($0) }) ?? violation.error
        }
    }

    /// Prepares the database for many new datasets of these types. What other clients do is not held up. Cost: milliseconds.
    public func prepareLoad(of types: some Sequence<DatasetType>) async throws {
        let elements = types.reduce(into: DimensionSet()) { $0.formUnion($1.dimensions.members) }
        let names = elements.map { universe.elements[$0] }.filter(\.hasOwnTable).map(\.name)
        try await database.gatherStatistics(of: names + [schema.dataset.name])
    }

    /// Runs `body`, which has one write transaction, again when a transaction of another client was in the way: four times
    /// at most.
    ///
    /// - Parameter afterLoss: whether `body` may be run again though it may have succeeded: also when the connection broke.
    public static func repeating<T: Sendable>(
        afterLoss: Bool = false, _ body: @Sendable () async throws -> T
    ) async throws -> T {
        for attempt in 0..<4 {
            do {
                return try await body()
            } catch let error as DatabaseError {
                switch error {
                case .transactionConflict: break
                case .connectionLost where afterLoss: break
                default: throw error
                }
                // Two that met once would meet again.
                try await Task.sleep(for: .milliseconds(Int.random(in: 5...(20 << attempt))))
            }
        }
        return try await body()
    }

    /// Runs `body` as ``read(_:)`` does, in a registry that is about to be written to.
    ///
    /// It is the connection for writing that reads: it knows its own changes and so need not look at the small tables
    /// again after each. It is one, so this waits for other writers of this process.
    public func readBeforeWriting<T: Sendable>(
        _ body: @escaping @Sendable (RegistrySnapshot) throws -> T
    ) async throws -> T {
        try await database.readBeforeWriting { [self] connection in try body(try snapshot(connection)) }
    }

    /// The state of the database as this connection's transaction sees it.
    ///
    /// - Parameter token: of that state, if it is known.
    package func snapshot(
        _ connection: any DatabaseConnection, _ token: DatabaseChangeToken? = nil
    ) throws -> RegistrySnapshot {
        let content = try content(connection, token)
        let whole = RegistrySnapshot(
            connection: connection, universe: universe, catalog: content.catalog, cachedRecords: content.records,
            schema: schema)
        return try visible(whole, content)
    }

    private func content(
        _ connection: any DatabaseConnection, _ token: DatabaseChangeToken?
    ) throws -> CatalogCache.Content {
        var token = try token ?? connection.changeToken()
        while true {
            let (held, generation) = cache.current(for: token)
            if let held { return held }
            let content = try readContent(connection)
            // A writing transaction may see what others commit from one statement to the next.
            let last = connection.isWriteable ? try connection.changeToken() : token
            if last == token {
                if !connection.isWriteable { cache.store(content, generation: generation) }
                return content
            }
            token = last
        }
    }

    /// What a transaction sees that has changed the small tables. Nothing of it is kept for others.
    func uncachedSnapshot(_ connection: any DatabaseConnection) throws -> RegistrySnapshot {
        let content = try readContent(connection)
        return RegistrySnapshot(
            connection: connection, universe: universe, catalog: content.catalog, cachedRecords: content.records,
            schema: schema)
    }

    private func readContent(_ connection: any DatabaseConnection) throws -> CatalogCache.Content {
        let catalog = try CatalogReader(connection: connection, universe: universe).read()
        let empty = RegistrySnapshot(
            connection: connection, universe: universe, catalog: catalog, cachedRecords: CachedRecords(),
            schema: schema)
        var records = CachedRecords()
        for element in universe.elements where element.isCached && element.skypix == nil {
            var found: [DimensionRecord] = []
            try empty.records(of: element, where: []) { record in
                found.append(record)
                return true
            }
            records.add(element, found)
        }
        return CatalogCache.Content(catalog: catalog, records: records, stamp: database.commitStamp)
    }
}
