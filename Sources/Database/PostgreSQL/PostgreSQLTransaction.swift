import CLibPQ

/// A transaction on one connection, as a closure sees it.
///
/// Reading ones see one state of the database (repeatable read). Writing ones see, in each statement, what has been
/// committed before it (read committed), so that a check made after ``lock(_:)`` misses nothing.
final class PostgreSQLTransaction: OpenTransaction {
    let dialect: SQLDialect
    let isWriteable: Bool
    var allowsTemporaryTables: Bool { server.temporaryTables.areAllowed }

    private let handle: PostgreSQLHandle
    private let server: PostgreSQLServer
    private var isActive = true
    private var savepointDepth = 0
    private var numbers = PostgreSQLNumbers()
    private var keepsToken = false
    private var cursorCount = 0
    /// Tables that this transaction has put many rows into, and whether the server has looked at them since.
    private var filled: [String: Bool] = [:]
    /// Those that may still be open: they end with the transaction.
    private var cursors: [PostgreSQLCursor] = []

    private init(_ handle: PostgreSQLHandle, _ server: PostgreSQLServer, isWriteable: Bool) {
        self.handle = handle
        self.server = server
        self.isWriteable = isWriteable
        dialect = server.dialect
    }

    static func begin(
        _ handle: PostgreSQLHandle, _ server: PostgreSQLServer, isWriteable: Bool
    ) throws -> PostgreSQLTransaction {
        if isWriteable {
            try handle.begin("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_current_snapshot()")
        } else if server.temporaryTables.areAllowed {
            try handle.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE; SELECT pg_current_snapshot()")
        } else if server.isReplica {
            try handle.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_current_snapshot()")
        } else {
            // One that follows another refuses the others, but not this.
            try handle.begin(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_current_snapshot(), pg_is_in_recovery()")
        }
        return PostgreSQLTransaction(handle, server, isWriteable: isWriteable)
    }

    /// Runs `body` in a transaction.
    static func run<T>(
        isWriteable: Bool, on handle: PostgreSQLHandle, _ server: PostgreSQLServer,
        _ body: (PostgreSQLTransaction) throws -> T
    ) throws -> T {
        var transaction = try begin(handle, server, isWriteable: isWriteable)
        do {
            if isWriteable, let schema = server.missingSchema {
                do {
                    try transaction.make(schema)
                } catch DatabaseError.constraintViolation {
                    // A client of another kind has just made it.
                    transaction.abandon()
                    transaction = try begin(handle, server, isWriteable: isWriteable)
                    try transaction.make(schema)
                }
            }
            let result = try body(transaction)
            try transaction.end()
            return result
        } catch {
            transaction.abandon()
            throw error
        }
    }

    private func make(_ schema: String) throws {
        // Of two clients that make it at the same time one would fail.
        try lock(name: "making of the schema", isExclusive: true)
        try handle.run("CREATE SCHEMA IF NOT EXISTS \(quotedIdentifier(schema))")
    }

    /// Commits.
    func end() throws {
        isActive = false
        finishCursors()
        guard isWriteable else { return handle.leave() }
        if keepsToken, server.showsTransactions, !numbers.areAsked { numbers.ask(handle) }
        try handle.commit()
        if keepsToken, let list = numbers.list { server.changes.disregard(list) }
    }

    func abandon() {
        isActive = false
        finishCursors()
        if isWriteable { handle.rollBack() } else { handle.leave() }
    }

    /// Those of the server end with the transaction.
    private func finishCursors() {
        for cursor in cursors {
            cursor.lose()
            cursor.finish()
        }
        cursors = []
    }

    private func checkActive() throws(DatabaseError) {
        guard isActive else { throw .usedOutsideTransaction }
        guard !handle.hasFailed else {
            throw .invalidStatement("an earlier error ended the transaction; let that error end the closure")
        }
    }

    /// Read transactions may write temporary tables only. The server cannot tell the two apart, because making one takes
    /// a transaction that may write.
    private func check(_ rendered: RenderedSQL) throws(DatabaseError) {
        try checkActive()
        guard !isWriteable, !rendered.firstTableIsTemporary else { return }
        guard Self.isQuery(rendered.text) || rendered.text.hasPrefix("EXPLAIN ") else {
            throw .readOnly(handle.session.name)
        }
    }

    private static func isQuery(_ text: String) -> Bool {
        let text = text.drop { $0 == "(" || $0 == " " }
        return ["SELECT", "WITH", "VALUES"].contains { text.hasPrefix($0) }
    }

    // MARK: - Statements

    @discardableResult
    func execute(_ statement: SQL) throws -> Int {
        let rendered = try dialect.rendered(statement)
        try check(rendered)
        try checkSlots(rendered, 0)
        return try changed(rendered, try result(rendered).changedRows)
    }

    private func result(_ rendered: RenderedSQL) throws -> PostgreSQLResult {
        try handle.run(rendered.text, try PostgreSQLValues(rendered.bindings), table: rendered.firstTable)
    }

    private func checkSlots(_ rendered: RenderedSQL, _ count: Int) throws(DatabaseError) {
        guard rendered.slotCount == count else {
            throw .invalidStatement("a statement with \(rendered.slotCount) parameters was given \(count) values")
        }
    }

    /// The server plans queries over temporary tables well only if it is told to look at them.
    private func changed(_ rendered: RenderedSQL, _ count: Int) throws -> Int {
        if rendered.firstTableIsTemporary, count >= 500, let table = rendered.firstTable {
            try handle.run("ANALYZE \(dialect.rules.temporaryTableName(table))")
        }
        return count
    }

    @discardableResult
    func executeMany(_ template: SQL, next row: () throws -> [SQLValue]?) throws -> Int {
        let rendered = try dialect.rendered(template)
        try check(rendered)
        let bulk = template.bulkInsert
        var chunk: [[SQLValue]] = []
        var count = 0
        while let values = try row() {
            try checkSlots(rendered, values.count)
            chunk.append(values)
            if chunk.count == PostgreSQLBulk.chunkSize {
                count += try execute(chunk, rendered, bulk)
                chunk.removeAll(keepingCapacity: true)
            }
        }
        count += try execute(chunk, rendered, bulk)
        return try changed(rendered, count)
    }

    /// Few rows go one by one, many as arrays of columns in one statement.
    private func execute(_ rows: [[SQLValue]], _ rendered: RenderedSQL, _ bulk: BulkInsert?) throws -> Int {
        guard !rows.isEmpty else { return 0 }
        if let bulk, rows.count >= PostgreSQLBulk.fewestRows, !bulk.isTemporary {
            if filled[bulk.table.name] == nil { filled[bulk.table.name] = false }
        }
        if let bulk, rows.count >= PostgreSQLBulk.fewestCopiedRows, PostgreSQLBulk.suitsCopy(bulk) {
            return try copy(rows, bulk)
        }
        if let bulk, rows.count >= PostgreSQLBulk.fewestRows, PostgreSQLBulk.suits(rows, bulk) {
            let statement = try dialect.rendered(try bulk.statement(rows))
            return try result(statement).changedRows
        }
        return try handle.runMany(
            rendered.text, try rows.map { try PostgreSQLValues(rendered.bindings, row: $0) }, table: rendered.firstTable
        )
    }

    func gatherStatistics(of tables: [String]) throws {
        keepChangeToken()
        try PostgreSQLStatistics.gather(handle, of: tables.map { dialect.rules.tableName($0) })
    }

    private func copy(_ rows: [[SQLValue]], _ bulk: BulkInsert) throws -> Int {
        let rules = dialect.rules
        let table = bulk.table.name
        let name = bulk.isTemporary ? rules.temporaryTableName(table) : rules.tableName(table)
        let columns = bulk.columns.map { quotedIdentifier($0.name) }.joined(separator: ", ")
        let data = try PostgreSQLValues.copyData(rows, bulk.columns.map(\.type))
        let statement = "COPY \(name) (\(columns)) FROM STDIN (FORMAT binary)"
        if bulk.isTemporary { return try handle.copy(statement, data, table: table) }
        if server.checksReferencesTogether,
            let references = try PostgreSQLReferences(handle, table: rules.tableName(table)), references.suit(bulk)
        {
            try references.lock(for: rows, bulk, handle)
            return try copy(statement, data, table, while: "session_replication_role = replica")
        }
        let unseen = filled.filter { !$0.value && $0.key != table }.keys.sorted()
        try PostgreSQLStatistics.gather(handle, of: unseen.map { rules.tableName($0) })
        for name in unseen { filled[name] = true }
        // The server looks up what each row refers to, by a plan that it makes for the first one and keeps. A table that
        // is small then would be read as a whole each time.
        return try copy(statement, data, table, while: "enable_seqscan = off")
    }

    private func copy(_ statement: String, _ data: [UInt8], _ table: String, while setting: String) throws -> Int {
        try handle.run("SET LOCAL \(setting)")
        let count = try handle.copy(statement, data, table: table)
        try handle.run("SET LOCAL \(setting.prefix { $0 != " " }) = DEFAULT")
        return count
    }

    func cursor(_ statement: SQL) throws -> any DatabaseCursor {
        let rendered = try dialect.rendered(statement)
        guard Self.isQuery(rendered.text) else { return try rows(statement) }
        try check(rendered)
        try checkSlots(rendered, 0)
        cursorCount += 1
        let name = "c\(cursorCount)"
        let results = try handle.runTogether(
            [
                ("DECLARE \(name) NO SCROLL CURSOR FOR \(rendered.text)", try PostgreSQLValues(rendered.bindings)),
                ("FETCH FORWARD \(PostgreSQLCursor.firstBatch) FROM \(name)", try PostgreSQLValues([])),
            ], table: rendered.firstTable)
        // Rows that nobody asks for may be wrong; that must not undo what a transaction has written.
        return kept(
            try PostgreSQLCursor(
                first: results[1], then: .init(handle: handle, name: name, readsAhead: !isWriteable)))
    }

    func rows(_ statement: SQL) throws -> any DatabaseCursor {
        let rendered = try dialect.rendered(statement)
        try check(rendered)
        try checkSlots(rendered, 0)
        return kept(PostgreSQLCursor(try result(rendered)))
    }

    private func kept(_ cursor: PostgreSQLCursor) -> PostgreSQLCursor {
        cursors.removeAll { $0.isFinished }
        cursors.append(cursor)
        return cursor
    }

    func plan(of statement: SQL) throws -> [String] {
        try fetchAll("EXPLAIN \(statement)") { try $0.text(0) }
    }

    // MARK: - Definitions

    var displayName: String { handle.session.name }

    /// Runs a statement of a definition.
    func define(_ statement: String, isTemporary: Bool) throws {
        try checkActive()
        guard isWriteable || isTemporary else { throw DatabaseError.readOnly(displayName) }
        try handle.run(statement)
    }

    /// Runs `define`, which makes a temporary table.
    ///
    /// - Throws: ``DatabaseError/permissionDenied(_:reason:)``; ``DatabaseError/transactionConflict(_:reason:)`` where they
    ///   were allowed before: the transactions after this one know that they are not.
    func definingTemporaryTable(_ define: () throws -> Void) throws {
        guard allowsTemporaryTables else {
            throw DatabaseError.permissionDenied(
                displayName,
                reason: "this user, server or configuration does not allow temporary tables, which take GRANT TEMPORARY "
                    + "ON DATABASE")
        }
        do {
            try define()
        } catch DatabaseError.permissionDenied(_, let reason) {
            server.temporaryTables.forbid()
            throw DatabaseError.transactionConflict(displayName, reason: reason)
        }
    }

    // MARK: - Savepoints and locks

    func savepoint<T>(_ body: () throws -> T) throws -> T {
        try checkActive()
        // Nothing has happened in the one around it, so it serves as well.
        if savepointDepth > 0, handle.isWaiting("SAVEPOINT level_\(savepointDepth - 1)") {
            return try undoing(to: "level_\(savepointDepth - 1)", body)
        }
        let name = "level_\(savepointDepth)"
        handle.later("SAVEPOINT \(name)")
        savepointDepth += 1
        defer { savepointDepth -= 1 }
        let result = try undoing(to: name, andReleasing: true, body)
        if isWriteable, server.showsTransactions { numbers.ask(handle) }
        handle.later("RELEASE SAVEPOINT \(name)")
        return result
    }

    private func undoing<T>(to name: String, andReleasing ends: Bool = false, _ body: () throws -> T) throws -> T {
        let before = cursors
        do {
            return try body()
        } catch {
            for cursor in cursors where !before.contains(where: { $0 === cursor }) { cursor.lose() }
            // A connection that is lost takes all with it.
            if handle.isInTransaction {
                try handle.run("ROLLBACK TO SAVEPOINT \(name)" + (ends ? "; RELEASE SAVEPOINT \(name)" : ""))
            }
            throw error
        }
    }

    func lock(_ tables: [String]) throws {
        try checkActive()
        guard isWriteable else { throw DatabaseError.readOnly(handle.session.name) }
        guard !tables.isEmpty else { return }
        let names = tables.map { dialect.rules.tableName($0) }.joined(separator: ", ")
        try handle.run("LOCK TABLE \(names) IN EXCLUSIVE MODE")
    }

    func lock(name: String, isExclusive: Bool) throws {
        guard isWriteable else { throw DatabaseError.readOnly(displayName) }
        let key = "steward: \(dialect.schema ?? "").\(name)"
        let number: SQL = "hashtextextended(\(value: key), 0)"
        try rows(
            isExclusive ? "SELECT pg_advisory_xact_lock(\(number))" : "SELECT pg_advisory_xact_lock_shared(\(number))"
        ).finish()
    }

    func dropOwnSchema() throws {
        guard let schema = server.missingSchema else { return }
        let isEmpty = try fetchOne(
            """
            SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE refclassid = 'pg_catalog.pg_namespace'::regclass \
            AND refobjid = to_regnamespace(\(value: quotedIdentifier(schema))))
            """
        ) { try $0.bool(0) }
        if isEmpty == true { try handle.run("DROP SCHEMA \(quotedIdentifier(schema))") }
    }

    func lockRows(_ query: SQL, isShared: Bool) throws {
        guard isWriteable else { throw DatabaseError.readOnly(displayName) }
        try rows(isShared ? "\(query) FOR SHARE" : "\(query) FOR UPDATE").finish()
    }

    /// The transactions that are visible. Any that commits changes the set, of whatever client and on any connection.
    func changeToken() throws -> DatabaseChangeToken {
        try checkActive()
        if server.isReplica {
            // There the set leaves out some transactions that are under way, so nothing is known to be the same.
            return DatabaseChangeToken(connection: server.number, version: nil)
        }
        // A writing transaction sees with each statement what others have committed.
        let known = handle.snapshotText
        if isWriteable { handle.snapshotText = nil }
        let text = try known ?? handle.run("SELECT pg_current_snapshot()").text() ?? ""
        let version = server.changes.version(text, on: handle.connectionNumber)
        return DatabaseChangeToken(connection: server.number, version: version)
    }

    func keepChangeToken() { keepsToken = true }
}
