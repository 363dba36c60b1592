/// Why a repository's database cannot be opened, created or understood. Errors of a user's request are `ButlerError`.
public enum RegistryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The database has no `butler_attributes` table.
    case notARegistry(database: String)
    /// The configuration names a manager that the repository does not record.
    case missingManager(kind: String)
    /// The repository was made with another manager class.
    case managerMismatch(kind: String, configured: String, stored: String)
    /// This version of Steward does not know the manager class.
    case unsupportedManager(kind: String, className: String)
    /// The repository's schema is newer, or older than can be written.
    case incompatibleVersion(manager: String, stored: String, supported: [String], forWriting: Bool)
    case malformedVersion(manager: String, stored: String)
    /// `config:dimensions.json` is absent or cannot be understood.
    case badUniverse(reason: String)
    /// A column of a dynamic table is not what its dataset type needs.
    case unexpectedColumns(table: String, expected: [String], found: [String])
    /// A value in the database is not of the form that its column holds.
    case corruptValue(table: String, column: String, reason: String)
    /// The database of a new repository already holds tables.
    case databaseNotEmpty(database: String, table: String)
    /// The configuration of the live ObsCore table cannot be used.
    case badObsCore(reason: String)
    case readOnly(operation: String)

    public var description: String {
        switch self {
        case .notARegistry(let database):
            "\(database) is not a Butler registry: it has no table 'butler_attributes'; check 'registry.db' in butler.yaml."
        case .missingManager(let kind):
            "The repository records no manager for '\(kind)', but its butler.yaml names one; correct 'registry.managers'."
        case .managerMismatch(let kind, let configured, let stored):
            "butler.yaml names '\(configured)' as manager for '\(kind)', but the repository was made with '\(stored)'; "
                + "correct 'registry.managers.\(kind)'."
        case .unsupportedManager(let kind, let className):
            "The repository uses '\(className)' as manager for '\(kind)', which Steward does not support."
        case .incompatibleVersion(let manager, let stored, let supported, let forWriting):
            "The repository has schema version \(stored) of '\(manager)'; this version of Steward can "
                + "\(forWriting ? "write" : "read") \(supported.joined(separator: " and ")) only. "
                + (forWriting ? "Open it for reading, or migrate it." : "Use a version of Steward that knows it.")
        case .malformedVersion(let manager, let stored):
            "The repository records '\(stored)' as schema version of '\(manager)', which is not of the form 1.2.3."
        case .badUniverse(let reason):
            "The repository's dimension universe cannot be used: \(reason)"
        case .unexpectedColumns(let table, let expected, let found):
            "Table '\(table)' should have the columns \(expected.joined(separator: ", ")), but has "
                + "\(found.joined(separator: ", "))."
        case .corruptValue(let table, let column, let reason):
            "The database holds a corrupt value in '\(table).\(column)': \(reason)"
        case .databaseNotEmpty(let database, let table):
            "\(database) already holds the table '\(table)'; a new repository needs an empty database."
                + (table == RepositoryAttributes.tableName ? Self.leftover(in: database) : "")
        case .badObsCore(let reason):
            "The configuration of the live ObsCore table cannot be used: \(reason)"
        case .readOnly(let operation):
            "Cannot \(operation): the repository is open for reading only."
        }
    }

    /// What may be in a database that is not empty, and what to do about it.
    private static func leftover(in database: String) -> String {
        let removal =
            database.hasPrefix("postgresql:")
            ? "drop the database, or its schema if registry.namespace names one, and make that anew" : "remove the file"
        return " It holds a repository, or what is left of one whose making was interrupted: if no butler.yaml names it, "
            + "\(removal)."
    }
}
