import ByteText
import GRDB
import GRDBSQLite

/// One open connection with its prepared statements. Lives on the queue of its ``SQLiteWorker``.
final class SQLiteHandle {
    let database: GRDB.Database
    let errors: SQLiteErrors
    /// Never given to another connection.
    let number: UInt64
    private var statements: [ExactName: SQLiteStatement] = [:]
    private var rows: [Int: SQLiteRows] = [:]

    /// Enough for the statements of one application; when it is full the cache starts anew.
    private static let mostStatements = 256

    init(_ database: GRDB.Database, errors: SQLiteErrors) {
        self.database = database
        self.errors = errors
        number = DatabaseChangeToken.nextNumber()
    }

    var pointer: OpaquePointer? { database.sqliteConnection }

    /// Whether SQLite has a transaction open; it ends them by itself after some errors.
    var isInTransaction: Bool { sqlite3_get_autocommit(pointer) == 0 }

    /// Forgets the prepared statements, as closing requires.
    func releaseStatements() { statements = [:] }

    /// The prepared form of `text`, from the cache unless it is in use.
    func statement(_ text: String, table: String? = nil) throws -> SQLiteStatement {
        if let known = statements[text], !known.isBusy { return known }
        let statement: SQLiteStatement
        do {
            statement = SQLiteStatement(try database.makeStatement(sql: text), text: text)
        } catch {
            throw errors.translated(error, statement: text, table: table)
        }
        if statements[text] == nil {
            if statements.count >= Self.mostStatements { statements = statements.filter { $0.value.isBusy } }
            statements[text] = statement
        }
        return statement
    }

    /// The virtual table of so many columns that statements take rows from.
    func rows(_ columnCount: Int) throws -> SQLiteRows {
        if let known = rows[columnCount] { return known }
        let made = try SQLiteRows(columnCount, on: pointer)
        rows[columnCount] = made
        return made
    }

    /// Runs a statement without values or rows.
    func run(_ text: String) throws {
        let statement = try statement(text)
        defer { statement.reset() }
        _ = try step(statement, table: nil)
    }

    /// Goes to the next row; false after the last.
    func step(_ statement: SQLiteStatement, table: String?) throws -> Bool {
        switch sqlite3_step(statement.pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw errors.lastError(of: pointer, statement: statement.text, table: table)
        }
    }

    // MARK: - Transactions

    enum TransactionKind: String {
        case reading = "BEGIN"
        case writing = "BEGIN IMMEDIATE"
    }

    func begin(_ kind: TransactionKind) throws { try run(kind.rawValue) }

    func commit() throws { try run("COMMIT") }

    /// Undoes the transaction. SQLite may have done so already; an error here would hide the one that led here.
    ///
    /// An interrupt that is meant for the statement before can hit this one, which then has to be repeated: a connection
    /// must not go to its next user in the middle of a transaction.
    func rollBack() {
        for _ in 0..<100 where isInTransaction { sqlite3_exec(pointer, "ROLLBACK", nil, nil, nil) }
    }
}
