import Database
import Felis

/// A database in which tables are made and looked at. All that a database system needs to do is in these two methods,
/// so that another is added by its client alone.
public protocol SchemaDatabase: Sendable {
    var dialect: Dialect { get }

    /// Runs statements in order, in one transaction: all or nothing, as far as the database can undo definitions.
    func run(_ statements: [Statement]) async throws

    /// The rows of a query, each value as text; `nil` for NULL.
    func rows(_ query: String) async throws -> [[String?]]

    func close() async throws
}

/// Why a database cannot be used for schemas.
public enum SchemaDatabaseError: Error, Sendable, Hashable, CustomStringConvertible {
    case cannotExecute(dialect: String)
    case unknownDialect(String)

    public var description: String {
        switch self {
        case .cannotExecute(let dialect):
            "Statements cannot be executed on \(dialect) yet; write them with --dry-run, and run them with its own "
                + "client."
        case .unknownDialect(let name):
            "The database system '\(name)' is unknown; use sqlite, postgresql or mysql."
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
        guard try Dialect(of: self) == .sqlite else { throw SchemaDatabaseError.cannotExecute(dialect: dialect) }
        return SQLiteSchemaDatabase(client: try await open(DatabaseOptions(access: readOnly ? .readOnly : .create)))
    }
}

/// An SQLite database, in a file or in memory.
struct SQLiteSchemaDatabase: SchemaDatabase {
    let client: any DatabaseClient
    var dialect: Dialect { .sqlite }

    func run(_ statements: [Statement]) async throws {
        try await client.write { connection in
            for statement in statements { try connection.execute(SQL(stringLiteral: statement.text)) }
        }
    }

    func rows(_ query: String) async throws -> [[String?]] {
        try await client.read { connection in
            try connection.fetchAll(SQL(stringLiteral: query)) { row in
                var cells: [String?] = []
                for column in 0..<row.columnCount {
                    switch try row.value(column) {
                    case .null: cells.append(nil)
                    case .int(let number): cells.append(String(number))
                    case .double(let number): cells.append("\(number)")
                    case .text(let bytes), .blob(let bytes): cells.append(String(decoding: bytes, as: UTF8.self))
                    }
                }
                return cells
            }
        }
    }

    func close() async throws { try await client.close() }
}
