import Foundation
import Synchronization

/// A transaction in progress. It is valid only inside the closure that received it.
///
/// After an error the transaction may go on only if the failed part ran in a ``savepoint(_:)``.
public protocol DatabaseConnection: AnyObject {
    var dialect: SQLDialect { get }

    /// Whether permanent tables may be changed.
    var isWriteable: Bool { get }

    /// Whether temporary tables can be made.
    var allowsTemporaryTables: Bool { get }

    /// Runs a statement and returns the number of rows that it inserted, updated or deleted itself, without cascades.
    @discardableResult
    func execute(_ statement: SQL) throws -> Int

    /// Runs a statement with parameters for each row, inserts for thousands at once. Returns the total number of changed rows.
    ///
    /// - Parameter row: gives the next row, `nil` after the last; it is asked for one at a time. Statements that it runs need
    ///   not see the rows before.
    @discardableResult
    func executeMany(_ template: SQL, next row: () throws -> [SQLValue]?) throws -> Int

    /// The rows of a statement, to be stepped through. Any number may be open at once. Memory does not grow with the
    /// number of rows.
    func cursor(_ statement: SQL) throws -> any DatabaseCursor

    /// The same for rows that fit into memory, where a database server is best asked for all of them at once.
    func rows(_ statement: SQL) throws -> any DatabaseCursor

    /// How the database means to run a statement, in its own words, a line a step.
    func plan(of statement: SQL) throws -> [String]

    /// Runs `body`, undoing its changes alone if it throws. Savepoints nest.
    func savepoint<T>(_ body: () throws -> T) throws -> T

    /// Keeps other clients from writing to these tables until the transaction ends. Where a writing transaction is
    /// alone anyway this does nothing.
    func lock(_ tables: [String]) throws

    /// Keeps other clients from changing, locking or deleting the rows of a query of one table until the transaction
    /// ends. Where a writing transaction is alone anyway this does nothing.
    ///
    /// - Parameter isShared: whether others may refer to the rows, and lock them in the same way.
    func lockRows(_ query: SQL, isShared: Bool) throws

    /// Waits for other clients of this software that hold this name, and holds it until the transaction ends. Where a
    /// writing transaction is alone anyway this does nothing.
    ///
    /// - Parameter isExclusive: whether nobody else may hold it; else others may that are not exclusive either.
    func lock(name: String, isExclusive: Bool) throws

    /// Whether a permanent or temporary table of this name exists.
    func tableExists(_ name: String) throws -> Bool

    /// Whether the database has an extension of this name; false where there are no extensions.
    func hasExtension(_ name: String) throws -> Bool

    /// The names of all permanent tables, sorted.
    func tableNames() throws -> [String]

    /// The column names of a table in order, as the database has them: see ``TableSpecification/columnNames(in:)``.
    ///
    /// - Throws: ``DatabaseError/noSuchTable(_:database:)``.
    func columnNames(of table: String) throws -> [String]

    /// The columns of each index of a table, in order, also of those that keep keys unique.
    func indexes(of table: String) throws -> [[String]]

    /// About how many rows a table has, rather too many than too few, for whoever chooses between two statements with
    /// the same result; `nil` where the database chooses itself, by its own statistics. Cost: microseconds.
    func roughRowCount(of table: String) throws -> Int?

    /// Makes a table with its indexes.
    ///
    /// A temporary table, which read transactions may make too, has no foreign keys and ends with the transaction.
    func createTable(_ table: TableSpecification, temporary: Bool, ifNotExists: Bool) throws

    func dropTable(_ name: String, temporary: Bool) throws

    /// Removes the schema if this client has made it, and it is empty. Where there are no schemas this does nothing.
    func dropOwnSchema() throws

    /// What tells whether another client has changed the database since this connection's last transaction: the token
    /// then differs from the one before. Changes by this connection itself do not count. Cost: microseconds.
    func changeToken() throws -> DatabaseChangeToken

    /// Says that this transaction changes nothing of which a token should tell, so that other connections of this client
    /// need not take it for a change. For writing transactions; where tokens cannot leave any out this does nothing.
    func keepChangeToken()
}

/// The state of a database as one connection sees it; only tokens with the same connection number can be compared.
public struct DatabaseChangeToken: Hashable, Sendable {
    /// A number that no other connection of this process has or had, but for those of one client of a database server,
    /// which all have the client's.
    public let connection: UInt64
    /// `nil` where nobody can tell whether two states are the same, as on a replica: what is read there holds for that
    /// transaction alone.
    public let version: Int64?

    package init(connection: UInt64, version: Int64?) {
        self.connection = connection
        self.version = version
    }

    private static let count = Atomic<UInt64>(0)

    /// A number that nobody has yet.
    static func nextNumber() -> UInt64 { count.add(1, ordering: .relaxed).newValue }
}

/// A statement in the middle of its rows. It ends with its transaction at the latest.
public protocol DatabaseCursor: AnyObject {
    /// The row at which the cursor stands, once ``step()`` has returned true; always the same object.
    var row: any DatabaseRow { get }

    /// Goes to the next row; false after the last.
    func step() throws -> Bool

    /// Frees the statement, and makes the row unusable.
    func finish()
}

extension DatabaseConnection {
    /// The same for rows that may be lazy and of any length.
    // Inlined, so that the caller's sequence is stepped through by code made for it.
    @inlinable @discardableResult
    public func executeMany(_ template: SQL, rows: some Sequence<[SQLValue]>) throws -> Int {
        var iterator = rows.makeIterator()
        return try executeMany(template, next: { iterator.next() })
    }

    /// Calls `body` with each row, at most `limit`, as the database finds them. The row is valid during the call only.
    /// A database server may send all rows first: for results that may be large see ``cursor(_:)``.
    public func query(_ statement: SQL, limit: Int = .max, _ body: (any DatabaseRow) throws -> Void) throws {
        let cursor = try rows(statement)
        defer { cursor.finish() }
        let row = cursor.row
        var count = 0
        while count < limit, try cursor.step() {
            try body(row)
            count += 1
        }
    }

    public func createTable(_ table: TableSpecification, temporary: Bool = false) throws {
        try createTable(table, temporary: temporary, ifNotExists: false)
    }

    /// All rows, decoded.
    public func fetchAll<T>(_ statement: SQL, _ decode: (any DatabaseRow) throws -> T) throws -> [T] {
        var result: [T] = []
        try query(statement) { row in result.append(try decode(row)) }
        return result
    }

    /// The first row, decoded; `nil` if there is none.
    public func fetchOne<T>(_ statement: SQL, _ decode: (any DatabaseRow) throws -> T) throws -> T? {
        var result: T?
        try query(statement, limit: 1) { row in result = try decode(row) }
        return result
    }

    /// Whether a column holds a value between two, they included. Cost: one look into an index of the column.
    ///
    /// Identifiers that were just made follow all older ones: that spares looking for each of them.
    public func hasValues(from low: UUID, to high: UUID, in column: SQL, of table: SQL) throws -> Bool {
        try fetchOne(
            """
            SELECT 1 FROM \(table) WHERE \(column) >= \(value: .uuid(low)) AND \(column) <= \(value: .uuid(high)) LIMIT 1
            """
        ) { _ in true } ?? false
    }

    /// Inserts a row and returns the key that the database gave it.
    public func insertReturningKey(
        into table: TableSpecification, columns: [String]? = nil, values: [SQLValue]
    ) throws -> Int64 {
        guard let key = table.autoincrementColumn else {
            throw DatabaseError.invalidStatement("table '\(table.name)' has no autoincrement key")
        }
        let insert = try SQL.insert(into: table, columns: columns, values: values, returning: [key.name])
        guard let value = try fetchOne(insert, { row in try row.int(0) }) else {
            throw DatabaseError.invalidStatement("the insert into table '\(table.name)' returned no key")
        }
        return value
    }

    /// Checks that a table has the columns of its specification, in any order.
    ///
    /// - Throws: ``DatabaseError/schemaConflict(table:expected:found:)``; ``DatabaseError/noSuchTable(_:database:)``.
    public func verifyColumns(of table: TableSpecification) throws {
        let found = try columnNames(of: table.name)
        let expected = table.columnNames(in: dialect)
        guard Set(found) == Set(expected) else {
            throw DatabaseError.schemaConflict(table: table.name, expected: expected, found: found)
        }
    }
}
