import Foundation
import GRDB
import GRDBSQLite

/// Turns SQLite's result codes into typed errors.
struct SQLiteErrors: Sendable {
    /// The file for messages.
    let name: String
    /// `nil` in memory.
    let path: String?
    let busyTimeout: Duration

    /// The error of the last call on `database`.
    func lastError(of database: OpaquePointer?, statement: String, table: String?) -> any Error {
        error(
            code: sqlite3_extended_errcode(database), message: String(cString: sqlite3_errmsg(database)),
            statement: statement, table: table)
    }

    /// A GRDB error as one of this module; other errors unchanged.
    func translated(_ error: any Error, statement: String = "", table: String? = nil) -> any Error {
        guard let error = error as? GRDB.DatabaseError else { return error }
        return self.error(
            code: error.extendedResultCode.rawValue, message: error.message ?? "", statement: statement, table: table)
    }

    func error(code: Int32, message: String, statement: String, table: String?) -> any Error {
        switch code & 0xff {
        case SQLITE_INTERRUPT: return CancellationError()
        case SQLITE_BUSY, SQLITE_LOCKED: return DatabaseError.locked(name, waited: busyTimeout)
        case SQLITE_READONLY:
            return code == Self.readOnlyRollback ? DatabaseError.needsRecovery(name) : DatabaseError.readOnly(name)
        case SQLITE_FULL: return DatabaseError.diskFull(name)
        case SQLITE_CORRUPT: return DatabaseError.corrupt(name, reason: message)
        case SQLITE_NOTADB: return DatabaseError.notADatabase(name)
        case SQLITE_CANTOPEN:
            if let path, !FileManager.default.fileExists(atPath: path) { return DatabaseError.missingFile(path) }
            return DatabaseError.cannotOpen(name, reason: message)
        case SQLITE_TOOBIG: return DatabaseError.statementTooComplex(reason: message, database: name)
        case SQLITE_CONSTRAINT:
            return DatabaseError.constraintViolation(violation(code: code, message: message, table: table))
        default:
            if let missing = message.wholeMatch(of: /no such table: (.+)/) {
                let table = missing.1.split(separator: ".").last.map(String.init) ?? String(missing.1)
                return DatabaseError.noSuchTable(table, database: name)
            }
            if Self.limits.contains(where: message.contains) {
                return DatabaseError.statementTooComplex(reason: message, database: name)
            }
            return DatabaseError.statementFailed(reason: message, statement: statement, database: name)
        }
    }

    /// What SQLite says of statements beyond its limits (https://sqlite.org/limits.html).
    private static let limits = [
        "parser stack overflow", "Expression tree is too large", "too many SQL variables", "tables in a join", "too many terms",
        "too many columns", "too many FROM clause terms", "LIKE or GLOB pattern too complex",
    ]

    /// `SQLITE_READONLY_ROLLBACK`: the journal of a writer that died must be rolled back first.
    private static let readOnlyRollback: Int32 = SQLITE_READONLY | 3 << 8

    /// Messages name the columns (`UNIQUE constraint failed: t.a, t.b`) or the constraint
    /// (`CHECK constraint failed: name`), and nothing for foreign keys.
    private func violation(code: Int32, message: String, table: String?) -> ConstraintViolation {
        var violation = ConstraintViolation(kind: .other, table: table, columns: [], constraint: nil, database: name)
        let detail = message.firstRange(of: "failed: ").map { String(message[$0.upperBound...]) } ?? ""
        switch code >> 8 {
        case 1:
            violation.kind = .check
            violation.constraint = detail
            if let table, let marker = detail.firstRange(of: table + "_len_") {
                violation.columns = [String(detail[marker.upperBound...])]
            }
            return violation
        case 3: violation.kind = .foreignKey
        case 5: violation.kind = .notNull
        case 6, 10: violation.kind = .primaryKey
        case 8: violation.kind = .unique
        default: break
        }
        for column in detail.components(separatedBy: ", ") where !column.isEmpty {
            guard let dot = column.lastIndex(of: ".") else { continue }
            violation.table = String(column[..<dot])
            violation.columns.append(String(column[column.index(after: dot)...]))
        }
        return violation
    }
}
