import GRDBSQLite

/// A transaction on one SQLite connection, as a closure sees it.
final class SQLiteTransaction: OpenTransaction {
    let dialect = SQLDialect.sqlite
    let isWriteable: Bool
    var allowsTemporaryTables: Bool { true }

    private let handle: SQLiteHandle
    private var isActive = true
    private var savepointDepth = 0
    private var temporaryTables: [String] = []
    /// Those that may still be open: they end with the transaction.
    private var cursors: [SQLiteCursor] = []

    init(_ handle: SQLiteHandle, isWriteable: Bool) {
        self.handle = handle
        self.isWriteable = isWriteable
    }

    /// Runs `body` in a transaction.
    static func run<T>(
        _ kind: SQLiteHandle.TransactionKind, on handle: SQLiteHandle, _ body: (SQLiteTransaction) throws -> T
    ) throws -> T {
        try handle.begin(kind)
        let transaction = SQLiteTransaction(handle, isWriteable: kind == .writing)
        do {
            let result = try body(transaction)
            try transaction.end()
            return result
        } catch {
            transaction.abandon()
            throw error
        }
    }

    /// Commits.
    func end() throws {
        isActive = false
        finishCursors()
        if !isWriteable, !temporaryTables.isEmpty {
            // Nothing else can have changed, so this is the short way to drop them.
            handle.rollBack()
            return
        }
        for name in temporaryTables { try handle.run("DROP TABLE IF EXISTS \(dialect.rules.temporaryTableName(name))") }
        try handle.commit()
    }

    /// Rolls back.
    func abandon() {
        isActive = false
        finishCursors()
        handle.rollBack()
    }

    private func finishCursors() {
        for cursor in cursors { cursor.finish() }
        cursors = []
    }

    private func checkActive() throws(DatabaseError) {
        guard isActive else { throw .usedOutsideTransaction }
        // After a full disk, for one, SQLite has rolled back by itself, and would commit each further statement alone.
        guard handle.isInTransaction else {
            throw .invalidStatement("an earlier error ended the transaction; let that error end the closure")
        }
    }

    // MARK: - Statements

    @discardableResult
    func execute(_ statement: SQL) throws -> Int {
        try checkActive()
        let rendered = try dialect.rendered(statement)
        try checkSlots(rendered, 0)
        let prepared = try handle.statement(rendered.text, table: rendered.firstTable)
        return try run(prepared, rendered.bindings, table: rendered.firstTable)
    }

    @discardableResult
    func executeMany(_ template: SQL, next row: () throws -> [SQLValue]?) throws -> Int {
        try checkActive()
        let rendered = try dialect.rendered(template)
        let insert = template.bulkInsert
        var piece = SQLiteRows.Piece()
        var count = 0
        while let values = try row() {
            try checkSlots(rendered, values.count)
            piece.append(values)
            if insert == nil || piece.count == SQLiteRows.most {
                count += try execute(piece, rendered, insert)
                piece.removeAll()
            }
        }
        return try count + execute(piece, rendered, insert)
    }

    /// Several rows to be inserted go in one statement, a virtual table that holds them.
    private func execute(_ rows: SQLiteRows.Piece, _ rendered: RenderedSQL, _ insert: BulkInsert?) throws -> Int {
        guard let insert, rows.count > 1 else {
            return try (0..<rows.count).reduce(0) { count, row in
                let prepared = try handle.statement(rendered.text, table: rendered.firstTable)
                return try count + run(prepared, rendered.bindings, table: rendered.firstTable, row: Array(rows[row]))
            }
        }
        let source = try handle.rows(rendered.bindings.count)
        // As a function, since a table or view of that name would come first otherwise.
        let all = try dialect.rendered(insert.statement(selecting: "SELECT * FROM \(alias: source.name)()"))
        let count = try source.holding(rows, for: rendered.bindings) {
            let prepared = try handle.statement(all.text, table: rendered.firstTable)
            return try run(prepared, [], table: rendered.firstTable)
        }
        if case .fail = insert.conflictRule, count != rows.count {
            throw DatabaseError.statementFailed(
                reason: "of \(rows.count) rows it inserted \(count)", statement: all.text, database: handle.errors.name)
        }
        return count
    }

    private func checkSlots(_ rendered: RenderedSQL, _ count: Int) throws(DatabaseError) {
        guard rendered.slotCount == count else {
            throw .invalidStatement("a statement with \(rendered.slotCount) parameters was given \(count) values")
        }
    }

    private func run(
        _ prepared: SQLiteStatement, _ bindings: [SQLBinding], table: String?, row: [SQLValue] = []
    ) throws -> Int {
        defer { prepared.reset() }
        try prepared.bind(bindings, row: row)
        let before = sqlite3_total_changes(handle.pointer)
        while try handle.step(prepared, table: table) {}
        // Statements that change no rows leave the counter of the statement before.
        return sqlite3_total_changes(handle.pointer) == before ? 0 : Int(sqlite3_changes(handle.pointer))
    }

    func cursor(_ statement: SQL) throws -> any DatabaseCursor {
        try checkActive()
        let rendered = try dialect.rendered(statement)
        try checkSlots(rendered, 0)
        let prepared = try handle.statement(rendered.text, table: rendered.firstTable)
        try prepared.bind(rendered.bindings)
        let cursor = SQLiteCursor(handle, prepared, table: rendered.firstTable)
        cursors.removeAll { $0.isFinished }
        cursors.append(cursor)
        return cursor
    }

    func rows(_ statement: SQL) throws -> any DatabaseCursor { try cursor(statement) }

    func plan(of statement: SQL) throws -> [String] {
        var depths: [Int64: Int] = [:]
        return try fetchAll("EXPLAIN QUERY PLAN \(statement)") { row in
            let depth = depths[try row.int(1), default: -1] + 1
            depths[try row.int(0)] = depth
            return String(repeating: "  ", count: depth) + (try row.text(3))
        }
    }

    // MARK: - Savepoints and locks

    func savepoint<T>(_ body: () throws -> T) throws -> T {
        try checkActive()
        let name = "level_\(savepointDepth)"
        try handle.run("SAVEPOINT \(name)")
        savepointDepth += 1
        defer { savepointDepth -= 1 }
        do {
            let result = try body()
            try handle.run("RELEASE \(name)")
            return result
        } catch {
            if handle.isInTransaction {
                try handle.run("ROLLBACK TO \(name)")
                try handle.run("RELEASE \(name)")
            }
            throw error
        }
    }

    /// Nothing: a writing transaction holds the lock of the whole file.
    func lock(_ tables: [String]) throws { try checkActive() }

    func lock(name: String, isExclusive: Bool) throws { try checkActive() }

    func lockRows(_ query: SQL, isShared: Bool) throws { try checkActive() }

    func changeToken() throws -> DatabaseChangeToken {
        let version = try fetchOne("PRAGMA data_version") { try $0.int(0) }
        return DatabaseChangeToken(connection: handle.number, version: version ?? 0)
    }

    func keepChangeToken() {}

    // MARK: - Schema

    func tableExists(_ name: String) throws -> Bool {
        try fetchOne(
            """
            SELECT 1 FROM (SELECT type, name FROM sqlite_master UNION ALL SELECT type, name FROM sqlite_temp_master) \
            WHERE type = 'table' AND name = \(value: name)
            """
        ) { _ in true } ?? false
    }

    func hasExtension(_ name: String) throws -> Bool { false }

    func tableNames() throws -> [String] {
        try fetchAll(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite#_%' ESCAPE '#' ORDER BY name"
        ) { try $0.text(0) }
    }

    func columnNames(of table: String) throws -> [String] {
        let names = try fetchAll("SELECT name FROM pragma_table_info(\(value: table)) ORDER BY cid") { try $0.text(0) }
        if names.isEmpty { throw DatabaseError.noSuchTable(table, database: handle.errors.name) }
        return names
    }

    func indexes(of table: String) throws -> [[String]] {
        let columns = try fetchAll(
            """
            SELECT list.seq, info.name FROM pragma_index_list(\(value: table)) AS list \
            JOIN pragma_index_info(list.name) AS info ORDER BY list.seq, info.seqno
            """
        ) { (try $0.int(0), try $0.optionalText(1) ?? "") }
        return Dictionary(grouping: columns, by: \.0).sorted { $0.key < $1.key }.map { $0.value.map(\.1) }
    }

    /// Rows are numbered in the order of their insertion, and deleted ones leave gaps.
    func roughRowCount(of table: String) throws -> Int? {
        try fetchOne("SELECT max(rowid) FROM \(table: table)") { try $0.optionalInt(0).map(Int.init) ?? 0 } ?? 0
    }

    func createTable(_ table: TableSpecification, temporary: Bool, ifNotExists: Bool) throws {
        try checkActive()
        let definition = TableDefinition(table, rules: dialect.rules)
        for statement in definition.statements(temporary: temporary, ifNotExists: ifNotExists) {
            try handle.run(statement)
        }
        if temporary { temporaryTables.append(table.name) }
    }

    func dropTable(_ name: String, temporary: Bool) throws {
        try execute(temporary ? "DROP TABLE \(temporary: name)" : "DROP TABLE \(table: name)")
    }

    func dropOwnSchema() throws { try checkActive() }
}

/// A statement in the middle of its rows.
final class SQLiteCursor: DatabaseCursor {
    let row: any DatabaseRow
    private let position: SQLiteRow
    private let handle: SQLiteHandle
    private let statement: SQLiteStatement
    private let pointer: OpaquePointer
    private let table: String?
    private(set) var isFinished = false

    init(_ handle: SQLiteHandle, _ statement: SQLiteStatement, table: String?) {
        self.handle = handle
        self.statement = statement
        pointer = statement.pointer
        self.table = table
        position = SQLiteRow(statement.pointer, statement.rowLayout)
        row = position
        statement.isBusy = true
    }

    func step() throws -> Bool {
        guard !isFinished else { return false }
        switch sqlite3_step(pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw handle.errors.lastError(of: handle.pointer, statement: statement.text, table: table)
        }
    }

    func finish() {
        guard !isFinished else { return }
        isFinished = true
        position.invalidate()
        statement.reset()
        statement.isBusy = false
    }
}
