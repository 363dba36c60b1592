import Synchronization

/// A client of a PostgreSQL database, which other processes, such as Python clients, use at the same time.
///
/// One connection writes; a few read, opened when they are first needed. Each has a thread of its own. A connection that
/// breaks is made anew when the next transaction begins. A read that breaks is repeated once; a write is not, as its
/// closure may have done more than what the database undoes.
public final class PostgreSQLClient: DatabaseClient, PagingClient {
    public let dialect: SQLDialect
    public let isWriteable: Bool
    public let displayName: String

    private let readers: WorkerPool<PostgreSQLWorker>
    private let pagers: WorkerPool<PostgreSQLWorker>
    /// `nil` for clients that only read.
    private let writer: WorkerPool<PostgreSQLWorker>?
    private let server: PostgreSQLServer
    private let isRepeating: Bool
    private let reachability = Atomic(true)

    typealias Worker = PostgreSQLWorker

    private init(
        _ server: PostgreSQLServer, _ session: PostgreSQLSession, readers: WorkerPool<PostgreSQLWorker>,
        pagers: WorkerPool<PostgreSQLWorker>, writer: WorkerPool<PostgreSQLWorker>?
    ) {
        self.server = server
        dialect = server.dialect
        displayName = session.name
        isRepeating = session.patience.isRepeating
        self.readers = readers
        self.pagers = pagers
        self.writer = writer
        isWriteable = writer != nil
    }

    /// Connects to a server.
    ///
    /// - Parameter schema: where the repository's tables are; `nil` for the first existing schema of the search path.
    /// - Throws: ``DatabaseError``: the server cannot be reached, refuses the user, or has no such database or schema.
    public static func open(
        _ url: DatabaseURL, schema: String? = nil, _ options: DatabaseOptions
    ) async throws -> PostgreSQLClient {
        try await open(url, schema: schema, options, PostgreSQLPatience())
    }

    static func open(
        _ url: DatabaseURL, schema: String?, _ options: DatabaseOptions, _ patience: PostgreSQLPatience
    ) async throws -> PostgreSQLClient {
        let session = PostgreSQLSession(url, busyTimeout: options.busyTimeout, patience)
        let number = DatabaseChangeToken.nextNumber()
        let held = KnownServer()
        let connect: @Sendable () async throws -> PostgreSQLWorker = {
            try await PostgreSQLWorker.connect(session) { handle in
                try held.get { try PostgreSQLServer(handle, schema: schema, options, number: number) }
            }
        }
        let membership = SharedLimit.Membership(limit: limits, server: session.parameters.server, client: number)
        func pool(_ limit: Int) -> WorkerPool<PostgreSQLWorker> {
            WorkerPool(limit: limit, name: session.name, limitOfServer: membership, open: connect)
        }
        let readers = pool(options.readerCount)
        let pagers = options.pagerCount.map(pool) ?? readers
        let writer = options.access == .readOnly ? nil : pool(1)
        let first = writer ?? readers
        do {
            let server = try await first.withWorker { $0.server }
            return PostgreSQLClient(server, session, readers: readers, pagers: pagers, writer: writer)
        } catch {
            await readers.close()
            if pagers !== readers { await pagers.close() }
            await writer?.close()
            throw error
        }
    }

    /// The pools of all clients of this process.
    private static let limits = SharedLimit<PostgreSQLWorker>()

    /// What the first connection found out, for those after it.
    private final class KnownServer: Sendable {
        private let server = Mutex<PostgreSQLServer?>(nil)

        func get(_ find: () throws -> PostgreSQLServer) throws -> PostgreSQLServer {
            if let known = server.withLock({ $0 }) { return known }
            let found = try find()
            server.withLock { $0 = found }
            return found
        }
    }

    public var activity: (reads: DatabaseActivity, pages: DatabaseActivity)? { (readers.activity, pagers.activity) }

    public func close() async throws {
        await readers.close()
        if pagers !== readers { await pagers.close() }
        await writer?.close()
    }

    // MARK: - Transactions

    public func read<T: Sendable>(
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T {
        try await read(while: { true }, body)
    }

    /// Reads unless, when a connection is there for it, `isWanted` has become false, which is an outage then.
    func read<T: Sendable>(
        while isWanted: () -> Bool, _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T {
        try await recovering {
            try await self.readers.withWorker { worker in
                guard isWanted() else {
                    throw DatabaseError.unavailable(displayName, reason: "it has fallen behind what it follows")
                }
                return try await worker.perform { handle in
                    try PostgreSQLTransaction.run(isWriteable: false, on: handle, worker.server, body)
                }
            }
        }
    }

    public func readBeforeWriting<T: Sendable>(
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T {
        guard let writer else { throw DatabaseError.readOnly(displayName) }
        return try await recovering {
            try await writer.withWorker { worker in
                try await worker.perform { handle in
                    try PostgreSQLTransaction.run(isWriteable: false, on: handle, worker.server, body)
                }
            }
        }
    }

    @discardableResult
    public func write<T: Sendable>(
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T {
        try await change { try body($0) }
    }

    public func gatherStatistics(of tables: [String]) async throws {
        try await change { try $0.gatherStatistics(of: tables) }
    }

    private func change<T: Sendable>(_ body: @escaping @Sendable (PostgreSQLTransaction) throws -> T) async throws -> T {
        guard let writer else { throw DatabaseError.readOnly(displayName) }
        return try await noting {
            try await writer.withWorker { worker in
                try await worker.perform { handle in
                    try PostgreSQLTransaction.run(isWriteable: true, on: handle, worker.server, body)
                }
            }
        }
    }

    /// A read whose connection breaks, or that a replica ends because its state is gone, is repeated once: it has given
    /// nothing away yet.
    func recovering<T>(_ body: () async throws -> T) async throws -> T {
        try await noting {
            do {
                return try await body()
            } catch let error as DatabaseError where isRepeating {
                switch error {
                case .connectionLost, .transactionConflict: return try await body()
                default: throw error
                }
            }
        }
    }

    /// Keeps in mind whether the server could be reached.
    private func noting<T>(_ body: () async throws -> T) async throws -> T {
        do {
            let result = try await body()
            reachability.store(true, ordering: .relaxed)
            return result
        } catch {
            if let error = error as? DatabaseError, error.isOutage { reachability.store(false, ordering: .relaxed) }
            throw error
        }
    }

    public var isReachable: Bool { reachability.load(ordering: .relaxed) }

    // MARK: - Pages

    public func pages<Page: Sendable>(
        _ open: @escaping @Sendable (any DatabaseConnection) throws -> any PageProducer<Page>
    ) -> DatabasePages<Page> {
        DatabasePages { TransactionPages(client: self, workers: self.pagers, open: open) }
    }
}
