import CLibPQ
import Synchronization

/// What a client found out about its server when it was opened.
struct PostgreSQLServer: Sendable {
    let dialect: SQLDialect
    /// Never given to another client of this process: tokens of all of its connections can be compared.
    let number: UInt64
    let changes = PostgreSQLChanges()
    /// Whether the numbers of running transactions can be looked up.
    let showsTransactions: Bool
    let temporaryTables: PostgreSQLTemporaryTables

    /// Whether what many rows refer to is looked up for all of them at once, and not by the server for each.
    let checksReferencesTogether: Bool

    /// The schema that is named for new tables, if it did not exist: transactions that write make it.
    let missingSchema: String?

    /// Whether it follows another server.
    let isReplica: Bool

    /// The oldest version of the server that has what is used here, such as `pg_current_snapshot`.
    private static let oldestVersion = 130_000

    /// - Throws: ``DatabaseError`` when the server is too old, may not be written to, or has no such schema.
    init(_ handle: PostgreSQLHandle, schema: String?, _ options: DatabaseOptions, number: UInt64) throws {
        let name = handle.session.name
        let version = Int(try handle.run("SHOW server_version_num").text() ?? "") ?? 0
        guard version >= Self.oldestVersion else {
            throw DatabaseError.cannotOpen(
                name, reason: "the server has version \(version / 10_000); PostgreSQL 13 or later is needed")
        }
        let state = try handle.run(
            """
            SELECT current_schema(), pg_is_in_recovery(), current_setting('default_transaction_read_only'), \
            has_database_privilege(current_database(), 'TEMPORARY'), pg_encoding_to_char(encoding), \
            has_table_privilege('pg_catalog.pg_locks', 'SELECT') \
            AND has_function_privilege('pg_catalog.pg_lock_status()', 'EXECUTE'), \
            has_database_privilege(current_database(), 'CREATE') \
            FROM pg_catalog.pg_database WHERE datname = current_database()
            """)
        isReplica = state.text(column: 1) == "t"
        showsTransactions = state.text(column: 5) == "t"
        if options.access != .readOnly, isReplica || state.text(column: 2) == "on" {
            throw DatabaseError.readOnly(name)
        }
        // The server converts all others, and refuses what they cannot hold.
        guard state.text(column: 4) != "SQL_ASCII" else {
            throw DatabaseError.cannotOpen(
                name, reason: "its encoding SQL_ASCII does not say what its texts are; make it with the encoding UTF8")
        }
        guard let found = schema ?? state.text(column: 0) else {
            throw DatabaseError.cannotOpen(
                name, reason: "no schema of its search_path exists; make one, or name it as registry.namespace")
        }
        if let schema {
            let exists = try handle.run(
                "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = \(SQLValue.text(schema).plainLiteral ?? "''")")
            missingSchema = exists.rowCount == 1 ? nil : schema
            guard missingSchema == nil || options.access == .create else {
                throw DatabaseError.noSuchSchema(schema, database: name)
            }
        } else {
            missingSchema = nil
        }
        if options.access == .create {
            guard try Self.isPlain(found, handle) else { throw DatabaseError.unusableSchema(found, database: name) }
            if missingSchema != nil, state.text(column: 6) != "t" {
                throw DatabaseError.permissionDenied(
                    name, reason: "there is no schema '\(found)', and making it takes GRANT CREATE ON DATABASE")
            }
            let extensions = try handle.run("SELECT 1 FROM pg_catalog.pg_extension WHERE extname = 'btree_gist'")
            guard extensions.rowCount == 1 else { throw DatabaseError.missingExtension("btree_gist", database: name) }
        }
        checksReferencesTogether = options.checksReferencesTogether && options.access != .readOnly
        if checksReferencesTogether { try PostgreSQLReferences.checkRight(handle) }
        dialect = .postgresql(schema: found)
        self.number = number
        temporaryTables = PostgreSQLTemporaryTables(
            areAllowed: options.allowsTemporaryTables && !isReplica && state.text(column: 3) == "t")
    }
}

extension PostgreSQLServer {
    /// Whether a name may stand in a statement without quotes and before a point: Python's `LOCK TABLE schema.table` has none.
    ///
    /// Source: PostgreSQL 15 documentation, sections 4.1.1 and appendix C; how letters are folded is the server's affair.
    private static func isPlain(_ name: String, _ handle: PostgreSQLHandle) throws -> Bool {
        guard name.wholeMatch(of: /[A-Za-z_\u{80}-\u{10FFFF}][A-Za-z0-9_$\u{80}-\u{10FFFF}]*/) != nil else { return false }
        let text = SQLValue.text(name).plainLiteral ?? "''"
        return try handle.run(
            """
            SELECT parse_ident(\(text)) = ARRAY[\(text)] AND \(text)::name::text = \(text) AND NOT EXISTS \
            (SELECT FROM pg_catalog.pg_get_keywords() WHERE word = \(text) AND catcode IN ('R', 'T'))
            """
        ).text() == "t"
    }
}

/// Whether a client may make temporary tables, which a server may forbid while it is at work.
final class PostgreSQLTemporaryTables: Sendable {
    private let state: Atomic<Bool>

    init(areAllowed: Bool) { state = Atomic(areAllowed) }

    var areAllowed: Bool { state.load(ordering: .relaxed) }

    func forbid() { state.store(false, ordering: .relaxed) }
}
