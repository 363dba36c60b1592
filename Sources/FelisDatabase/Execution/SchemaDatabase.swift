import Database
import Felis

/// A database in which tables are made and looked at. All that a database system needs to do is in these methods, so
/// that another is added by its client alone.
public protocol SchemaDatabase: Sendable {
    var dialect: Dialect { get }

    /// Runs statements in order, in one transaction: all or nothing.
    func run(_ statements: [Statement]) async throws

    /// The rows of queries, which see one state of the database, each value as text; `nil` for NULL.
    ///
    /// - Parameter rehearsal: statements that are run before the queries, and undone after them. With any, the database
    ///   has to be open for writing.
    func rows(_ queries: [String], after rehearsal: [Statement]) async throws -> [[[String?]]]

    func close() async throws
}

extension SchemaDatabase {
    public func rows(_ query: String) async throws -> [[String?]] { try await rows([query], after: []).first ?? [] }
}

/// Why a database cannot be used for schemas.
public enum SchemaDatabaseError: Error, Sendable, Hashable, CustomStringConvertible {
    case cannotExecute(dialect: String)
    case unknownDialect(String)
    case noSuchTable(String, database: String)

    public var description: String {
        switch self {
        case .cannotExecute(let dialect):
            "Statements are not executed on \(dialect); write them with --dry-run, and run them with its own client."
        case .unknownDialect(let name):
            "The database system '\(name)' is unknown; use sqlite, postgresql or mysql."
        case .noSuchTable(let table, let database):
            "There is no table '\(table)' in \(database); make it first, with 'create' or 'init-tap-schema'."
        }
    }
}

extension Dialect {
    /// The dialect of a database's address: its name before `://`, without a driver.
    public init(of url: DatabaseURL) throws(SchemaDatabaseError) {
        guard let dialect = Dialect(rawValue: url.dialect) else { throw .unknownDialect(url.dialect) }
        self = dialect
    }
}

extension DatabaseURL {
    /// Opens the database for definitions; an SQLite file that is missing is made.
    ///
    /// - Throws: `DatabaseError`; ``SchemaDatabaseError/cannotExecute(dialect:)``.
    public func openForSchemas(readOnly: Bool = false) async throws -> any SchemaDatabase {
        switch try Dialect(of: self) {
        case .sqlite:
            let options = DatabaseOptions(access: readOnly ? .readOnly : .create)
            return ClientSchemaDatabase(dialect: .sqlite, client: try await open(options))
        case .postgresql:
            let options = DatabaseOptions(access: readOnly ? .readOnly : .readWrite)
            // Statements name their schemas themselves; the client is content with one that every database has.
            return ClientSchemaDatabase(dialect: .postgresql, client: try await open(options, schema: "pg_catalog"))
        case .mysql: throw SchemaDatabaseError.cannotExecute(dialect: dialect)
        }
    }
}

/// A database behind a client of the repositories' databases: an SQLite file, or a PostgreSQL server.
struct ClientSchemaDatabase: SchemaDatabase {
    let dialect: Dialect
    let client: any DatabaseClient

    func run(_ statements: [Statement]) async throws {
        guard !statements.isEmpty else { return }
        try await client.write { connection in try Self.run(statements, on: connection) }
    }

    func rows(_ queries: [String], after rehearsal: [Statement]) async throws -> [[[String?]]] {
        guard !rehearsal.isEmpty else {
            return try await client.read { connection in try queries.map { try Self.rows($0, of: connection) } }
        }
        do {
            try await client.write { connection in
                try Self.run(rehearsal, on: connection)
                // An error is what undoes a transaction.
                throw Rehearsed(rows: try queries.map { try Self.rows($0, of: connection) })
            }
            return []
        } catch let rehearsed as Rehearsed {
            return rehearsed.rows
        }
    }

    func close() async throws { try await client.close() }

    private struct Rehearsed: Error {
        let rows: [[[String?]]]
    }

    private static func run(_ statements: [Statement], on connection: any DatabaseConnection) throws {
        do {
            for statement in statements { try connection.execute(SQL(stringLiteral: statement.text)) }
        } catch DatabaseError.noSuchTable(let table, let database) {
            throw SchemaDatabaseError.noSuchTable(table, database: database)
        }
    }

    private static func rows(_ query: String, of connection: any DatabaseConnection) throws -> [[String?]] {
        do {
            return try connection.fetchAll(SQL(stringLiteral: query)) { row in
                try (0..<row.columnCount).map { column -> String? in
                    switch try row.value(column) {
                    case .null: nil
                    case .int(let number): String(number)
                    case .double(let number): "\(number)"
                    case .text(let bytes), .blob(let bytes): String(decoding: bytes, as: UTF8.self)
                    }
                }
            }
        } catch DatabaseError.noSuchTable(let table, let database) {
            throw SchemaDatabaseError.noSuchTable(table, database: database)
        }
    }
}
