/// A database of one repository: where transactions begin.
///
/// Closures are synchronous and run on a thread that belongs to the connection, never on the caller's; so they may
/// block, and must not wait for other tasks. A client may be used from many tasks at once. Cancelling the calling task
/// interrupts the running statement, rolls the transaction back and throws `CancellationError`.
///
/// No transaction outlives its closure, or the iteration of its pages.
public protocol DatabaseClient: Sendable {
    var dialect: SQLDialect { get }

    /// Whether `write` is allowed.
    var isWriteable: Bool { get }

    /// The file or address for messages, without any password.
    var displayName: String { get }

    /// Runs `body` in a transaction that sees one state of the database: that of its first statement, which includes all
    /// that other clients had committed before. Temporary tables may be made, and end with it.
    func read<T: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> T) async throws -> T

    /// Runs `body` as ``read(_:)`` does, on the connection that writes: only changes by others show in its change token.
    ///
    /// - Throws: ``DatabaseError/readOnly(_:)`` if the client is not writeable; what `body` throws.
    func readBeforeWriting<T: Sendable>(
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T

    /// Runs `body` in a transaction that may write, alone among all writers of an SQLite file. It is committed when
    /// `body` returns and rolled back when it throws.
    ///
    /// - Throws: ``DatabaseError/readOnly(_:)`` if the client is not writeable; what `body` throws.
    @discardableResult
    func write<T: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> T) async throws -> T

    /// The pages of a producer, made one at a time when the consumer asks: memory does not grow with the number of rows.
    ///
    /// All pages come from one read transaction. It begins with the first page and ends with the last one, or as soon
    /// as the iterator goes out of scope or the iterating task is cancelled. Until then an SQLite file can not be
    /// committed to, not even by this client, so never await a write while iterating. While a page is used, up to two
    /// more are made.
    ///
    /// - Parameter open: starts the producer in the transaction. It runs, and the producer works, on the connection's
    ///   thread.
    func pages<Page: Sendable>(
        _ open: @escaping @Sendable (any DatabaseConnection) throws -> any PageProducer<Page>
    ) -> DatabasePages<Page>

    /// Has the database look at tables of which it has no statistics, before much is written that refers to them. Where
    /// a database needs none, or the user may not ask for it, this does nothing. Cost: milliseconds.
    ///
    /// - Parameter tables: those that do not exist are passed over.
    func gatherStatistics(of tables: [String]) async throws

    /// The use of the connections for reads and for pages; `nil` when it is not known.
    var activity: (reads: DatabaseActivity, pages: DatabaseActivity)? { get }

    /// A number that stays the same only for as long as no client commits anything, read without waiting for a lock; `nil`
    /// where there is none. Read inside a transaction it belongs to what that transaction sees.
    var commitStamp: UInt32? { get }

    /// Whether the last transaction found the database there. A file always is.
    var isReachable: Bool { get }

    /// Ends all connections once the running transactions are over. Later use throws ``DatabaseError/closed(_:)``.
    func close() async throws
}

extension DatabaseClient {
    public var commitStamp: UInt32? { nil }
    public var isReachable: Bool { true }
    public func gatherStatistics(of tables: [String]) async throws {}

    /// The rows of a statement as pages. See ``pages(_:)``.
    ///
    /// - Parameters:
    ///   - pageSize: the number of rows of a page, at least 1; the last page may have fewer.
    ///   - prepare: gives the statement; it runs in the same transaction and may fill temporary tables for it.
    ///   - makePage: an empty page.
    ///   - append: adds a row to the page.
    public func pages<Page: Sendable>(
        pageSize: Int, prepare: @escaping @Sendable (any DatabaseConnection) throws -> SQL,
        makePage: @escaping @Sendable () -> Page,
        append: @escaping @Sendable (inout Page, any DatabaseRow) throws -> Void
    ) -> DatabasePages<Page> {
        pages { connection in
            StatementPages(
                cursor: try connection.cursor(try prepare(connection)), pageSize: max(1, pageSize), makePage: makePage,
                append: append)
        }
    }

    /// The rows of `statement` as pages of decoded values. See ``pages(pageSize:prepare:makePage:append:)``.
    public func stream<T: Sendable>(
        _ statement: SQL, pageSize: Int = 1000, decode: @escaping @Sendable (any DatabaseRow) throws -> T
    ) -> DatabasePages<[T]> {
        pages(
            pageSize: pageSize, prepare: { _ in statement }, makePage: { [] },
            append: { page, row in page.append(try decode(row)) })
    }
}

/// What a client may do to a database file.
public enum DatabaseAccess: Hashable, Sendable {
    case readOnly
    case readWrite
    /// Read and write; an SQLite file that does not exist is created, and a server's database must have what a new
    /// repository needs.
    case create
}

public struct DatabaseOptions: Hashable, Sendable {
    public var access: DatabaseAccess
    /// How long to wait for the locks of other clients.
    public var busyTimeout: Duration
    /// The most reads that run at the same time, each on a connection and thread of its own.
    public var readerCount: Int
    /// The most iterations of pages at the same time, which may last long and so have connections of their own. With
    /// `nil` they share those of reads.
    public var pagerCount: Int?
    /// Whether queries may make temporary tables on a database server.
    public var allowsTemporaryTables: Bool
    /// Whether what many new rows refer to is looked up for all of them at once, where a database server would look
    /// for each. It takes the right to switch the server's checks off.
    public var checksReferencesTogether: Bool

    public init(access: DatabaseAccess, busyTimeout: Duration = .seconds(300), readerCount: Int = 4,
        pagerCount: Int? = nil, allowsTemporaryTables: Bool = true, checksReferencesTogether: Bool = false
    ) {
        self.access = access
        self.busyTimeout = busyTimeout
        self.readerCount = max(1, readerCount)
        self.pagerCount = pagerCount.map { max(1, $0) }
        self.allowsTemporaryTables = allowsTemporaryTables
        self.checksReferencesTogether = checksReferencesTogether
    }
}

extension DatabaseURL {
    /// Opens the database.
    ///
    /// - Parameter schema: where a database server has the tables; `nil` for the user's first schema.
    /// - Throws: ``DatabaseError``, naming what is wrong with the file or address.
    public func open(_ options: DatabaseOptions, schema: String? = nil) async throws -> any DatabaseClient {
        switch dialect {
        case "sqlite": try await SQLiteClient.open(database.map { .file($0) } ?? .memory, options)
        case "postgresql": try await PostgreSQLClient.open(self, schema: schema, options)
        default: throw DatabaseError.unsupportedDialect(dialect)
        }
    }
}
