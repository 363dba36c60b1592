/// Why the database refused. Every text is one line: what was asked of which database, and what to do.
public enum DatabaseError: Error, Hashable, CustomStringConvertible {
    case invalidURL(String, reason: String)
    case unsupportedDialect(String)
    case missingFile(String)
    case cannotOpen(String, reason: String)
    case notADatabase(String)
    case corrupt(String, reason: String)
    /// Another connection held the database for longer than the busy timeout.
    case locked(String, waited: Duration)
    case diskFull(String)
    case readOnly(String)
    /// A writer died in the middle of a transaction, and this client may not roll it back.
    case needsRecovery(String)
    case constraintViolation(ConstraintViolation)
    case noSuchTable(String, database: String)
    /// A table exists with other columns than expected.
    case schemaConflict(table: String, expected: [String], found: [String])
    /// A column holds something else than was asked for.
    case unexpectedValue(column: String, expected: String, found: String)
    /// The database rejected the statement.
    case statementFailed(reason: String, statement: String, database: String)
    /// The statement is longer, deeper or has more parts than the database takes.
    case statementTooComplex(reason: String, database: String)
    /// A calculation exceeds the numbers that the database has.
    case numberOutOfRange(String)
    /// A text holds the character NUL, which PostgreSQL has in no text.
    case unstorableText
    /// A text holds a character that the encoding of the database lacks.
    case unknownCharacter(String, reason: String)
    /// The statement could not be made.
    case invalidStatement(String)
    /// The server does not answer, or takes no connections at present.
    case unavailable(String, reason: String)
    /// The connection broke. What the transaction had changed is undone, unless it broke while committing.
    case connectionLost(String, reason: String, mayHaveCommitted: Bool)
    /// The server has given away all of its connections.
    case tooManyConnections(String)
    /// The server does not know the user, or wants another password.
    case accessDenied(String, reason: String)
    /// The user may not do this.
    case permissionDenied(String, reason: String)
    case noSuchSchema(String, database: String)
    /// Python clients could not write to a repository in this schema.
    case unusableSchema(String, database: String)
    /// The database lacks an extension that repositories need.
    case missingExtension(String, database: String)
    /// Another client's transaction was in the way, and this one was undone. It may be repeated.
    case transactionConflict(String, reason: String)
    case closed(String)
    /// A connection, row or statement was kept after its transaction had ended.
    case usedOutsideTransaction

    /// The bytes that PostgreSQL keeps of a name.
    private static let longestName = 63

    /// Whether it comes of a server that cannot be used now, so that the same may succeed later.
    public var isOutage: Bool {
        switch self {
        case .unavailable, .connectionLost, .tooManyConnections: true
        default: false
        }
    }

    public var description: String {
        switch self {
        case .invalidURL(let url, let reason):
            "'\(url)' is not a database URL: \(reason). Write sqlite:///relative, sqlite:////absolute or "
                + "postgresql://user@host:port/database."
        case .unsupportedDialect(let name):
            "Databases of kind '\(name)' are not supported here; use sqlite or postgresql."
        case .missingFile(let path):
            "Database file \(path) does not exist; check the path or create the repository first."
        case .cannotOpen(let name, let reason):
            "Cannot open database \(name): \(reason); check "
                + (name.hasPrefix("postgresql:")
                    ? "registry.db in the repository configuration." : "the permissions of the file and its directory.")
        case .notADatabase(let path):
            "\(path) is not an SQLite database, or is encrypted; check the path in the repository configuration."
        case .corrupt(let name, let reason):
            "Database \(name) is damaged: \(reason); restore it from a backup."
        case .locked(let name, let waited):
            "Database \(name) stayed locked by another client for \(waited); end that client or raise the busy timeout."
        case .diskFull(let name):
            "No space left to write database \(name); free some space on its file system, and on that of temporary files "
                + "(TMPDIR), and repeat."
        case .readOnly(let name) where name.hasPrefix("postgresql"):
            "Database \(name) can only be read, as it was opened so, the server follows another one, or this user only reads "
                + "(default_transaction_read_only); open it writeable, on the primary, as a user who may write."
        case .readOnly(let name):
            "Database \(name) can only be read; open it writeable, with write permission for the file and its directory."
        case .needsRecovery(let name):
            "Database \(name) was left in the middle of a write by a client that died; open it once writeable to "
                + "roll that back."
        case .constraintViolation(let violation): violation.description
        case .noSuchTable(let table, let database):
            "Database \(database) has no table '\(table)'; it may not be a repository, or be one of another version."
        case .schemaConflict(let table, let expected, let found):
            "Table '\(table)' has the columns \(found.joined(separator: ", ")) instead of "
                + "\(expected.joined(separator: ", ")); it was made for other dimensions or another version."
        case .unexpectedValue(let column, let expected, let found):
            "Column '\(column)' holds \(found) where \(expected) was expected; the row was written by a faulty client."
        case .statementFailed(let reason, let statement, let database):
            "Database \(database) rejected a statement: \(reason)\(statement.isEmpty ? "" : " [\(statement)]")."
        case .statementTooComplex(let reason, let database):
            "A statement is too complex for database \(database): \(reason)."
        case .numberOutOfRange(let name):
            "A calculation exceeds the range of numbers of database \(name); use smaller numbers."
        case .unstorableText:
            "A text holds the character NUL (U+0000), which no text in PostgreSQL can; leave it out."
        case .unknownCharacter(let name, let reason):
            "A text holds a character that the encoding of database \(name) lacks: \(reason); leave it out, or have the "
                + "repository in a database with the encoding UTF8."
        case .invalidStatement(let reason): "A statement could not be made: \(reason)."
        case .unavailable(let name, let reason):
            "Database \(name) cannot be reached at present: \(reason); check host and port, or wait for the server."
        case .connectionLost(let name, let reason, let mayHaveCommitted):
            "The connection to database \(name) broke: \(reason); "
                + (mayHaveCommitted
                    ? "whether the last change was kept is not known, so look before repeating it."
                    : "nothing was changed, repeat it.")
        case .tooManyConnections(let name):
            "Database \(name) has no connection left; end other clients, use fewer connections or raise max_connections."
        case .accessDenied(let name, let reason):
            "Database \(name) refused the login: \(reason); check the user, and the password in db-auth.yaml, the "
                + "password file or PGPASSWORD."
        case .permissionDenied(let name, let reason):
            "Database \(name) does not allow this: \(reason); ask its owner to GRANT the right."
        case .noSuchSchema(let schema, let database):
            "Database \(database) has no schema '\(schema)'; correct registry.namespace or run CREATE SCHEMA."
        case .unusableSchema(let schema, let database) where schema.utf8.count > Self.longestName:
            "The schema '\(schema)' of database \(database) is no place for a repository: its name has \(schema.utf8.count) "
                + "bytes, of which PostgreSQL keeps the first \(Self.longestName); name a shorter one as registry.namespace."
        case .unusableSchema(let schema, let database):
            "The schema '\(schema)' of database \(database) is no place for a repository: PostgreSQL takes its name in quotes "
                + "only, without which Rubin's Python software cannot write there; name a schema of small letters, digits "
                + "and underscores, no word of SQL, as registry.namespace."
        case .missingExtension(let name, let database):
            "Database \(database) lacks the extension \(name), which Butler repositories need; as its owner run "
                + "CREATE EXTENSION \(name)."
        case .transactionConflict(let name, let reason):
            "Another client of database \(name) was in the way: \(reason); repeat it."
        case .closed(let name): "Database \(name) has been closed; open it again."
        case .usedOutsideTransaction:
            "A database connection or row was used after its transaction had ended; use it inside the closure only."
        }
    }
}

/// A row that the rules of a table do not allow.
public struct ConstraintViolation: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Hashable, Sendable {
        case unique, primaryKey = "primary key", foreignKey = "foreign key", check, notNull = "not null", other
    }

    public var kind: Kind
    /// The table written to, where known.
    public var table: String?
    /// The columns of the violated constraint; empty where the database does not tell.
    public var columns: [String]
    /// The name of the violated constraint, where the database tells.
    public var constraint: String?
    public var database: String

    public var description: String {
        let place = [table.map { "table '\($0)'" }, columns.isEmpty ? nil : "(\(columns.joined(separator: ", ")))"]
            .compactMap { $0 }.joined(separator: " ")
        let name = constraint.map { " '\($0)'" } ?? ""
        return "The \(kind.rawValue) constraint\(name) \(place.isEmpty ? "" : "of \(place) ")in database \(database) "
            + "was violated; \(remedy)."
    }

    private var remedy: String {
        switch kind {
        case .unique, .primaryKey: "such a row exists already"
        case .foreignKey: "insert the referenced row first, or delete the rows that refer to this one"
        case .check: "the value is empty or too long"
        case .notNull: "give a value"
        case .other: "correct the row"
        }
    }
}
