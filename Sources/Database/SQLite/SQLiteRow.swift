import AstroTime
import ByteText
import Foundation
import GRDBSQLite

/// The row at which a statement stands.
final class SQLiteRow: DatabaseRow {
    /// `nil` once the query has ended.
    private var statement: OpaquePointer?
    private let layout: SQLiteRowLayout
    private let count: Int
    /// Whether logical columns are where the physical ones are.
    private let isDirect: Bool

    init(_ statement: OpaquePointer, _ layout: SQLiteRowLayout) {
        self.statement = statement
        self.layout = layout
        count = layout.count
        isDirect = layout.positions == nil
    }

    func invalidate() { statement = nil }

    var columnCount: Int { count }

    func isNull(_ column: Int) -> Bool {
        guard let statement, let position = position(column) else { return true }
        return sqlite3_column_type(statement, position) == SQLITE_NULL
    }

    func int(_ column: Int) throws -> Int64 {
        let (statement, position) = try locate(column)
        guard sqlite3_column_type(statement, position) == SQLITE_INTEGER else { throw mismatch(column, "an integer") }
        return sqlite3_column_int64(statement, position)
    }

    @inline(__always)
    func value(_ column: Int) throws -> RowValue {
        let (statement, position) = try locate(column)
        // The connection is used by one thread at a time, so a value may be looked at without a copy.
        guard let value = sqlite3_column_value(statement, position) else { return .null }
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER: return .int(sqlite3_value_int64(value))
        case SQLITE_TEXT:
            let address = sqlite3_value_text(value)
            return .text(UnsafeBufferPointer(start: address, count: Int(sqlite3_value_bytes(value))))
        case SQLITE_NULL: return .null
        case SQLITE_FLOAT: return .double(sqlite3_value_double(value))
        default:
            let address = sqlite3_value_blob(value)?.assumingMemoryBound(to: UInt8.self)
            return .blob(UnsafeBufferPointer(start: address, count: Int(sqlite3_value_bytes(value))))
        }
    }

    func values(_ columns: UnsafeBufferPointer<Int>, into target: UnsafeMutablePointer<RowValue>) throws {
        for index in columns.indices { target[index] = try value(columns[index]) }
    }

    func double(_ column: Int) throws -> Double {
        let (statement, position) = try locate(column)
        let type = sqlite3_column_type(statement, position)
        guard type == SQLITE_FLOAT || type == SQLITE_INTEGER else { throw mismatch(column, "a number") }
        return sqlite3_column_double(statement, position)
    }

    func bool(_ column: Int) throws -> Bool {
        let (statement, position) = try locate(column)
        guard sqlite3_column_type(statement, position) == SQLITE_INTEGER else { throw mismatch(column, "0 or 1") }
        switch sqlite3_column_int64(statement, position) {
        case 0: return false
        case 1: return true
        default: throw mismatch(column, "0 or 1")
        }
    }

    func text(_ column: Int) throws -> String {
        try withText(column) { String(decoding: $0, as: UTF8.self) }
    }

    func uuid(_ column: Int) throws -> UUID {
        guard let uuid = try withText(column, { UUID(hexadecimalDigits: $0) }) else {
            throw mismatch(column, "a UUID of 32 hexadecimal digits")
        }
        return uuid
    }

    func bytes(_ column: Int) throws -> [UInt8] {
        guard let bytes = try withText(column, { Base64.decode($0) }) else { throw mismatch(column, "base64") }
        return bytes
    }

    func blob(_ column: Int) throws -> [UInt8] {
        let (statement, position) = try locate(column)
        guard sqlite3_column_type(statement, position) == SQLITE_BLOB else { throw mismatch(column, "bytes") }
        let address = sqlite3_column_blob(statement, position)
        return Array(UnsafeRawBufferPointer(start: address, count: Int(sqlite3_column_bytes(statement, position))))
    }

    func timespan(_ column: Int) throws -> Timespan? {
        let (statement, position) = try locate(column)
        guard layout.positions != nil, layout.isPair[column] else {
            throw mismatch(column, "a timespan selected as a result")
        }
        switch (sqlite3_column_type(statement, position), sqlite3_column_type(statement, position + 1)) {
        case (SQLITE_NULL, SQLITE_NULL): return nil
        case (SQLITE_INTEGER, SQLITE_INTEGER):
            return Timespan(
                storedNanoseconds: sqlite3_column_int64(statement, position),
                sqlite3_column_int64(statement, position + 1))
        default: throw mismatch(column, "two integers or two NULLs")
        }
    }

    func withText<R>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> R) throws -> R {
        let (statement, position) = try locate(column)
        guard sqlite3_column_type(statement, position) == SQLITE_TEXT else { throw mismatch(column, "text") }
        let address = sqlite3_column_text(statement, position)
        return try body(UnsafeBufferPointer(start: address, count: Int(sqlite3_column_bytes(statement, position))))
    }

    // MARK: - Position

    private func position(_ column: Int) -> Int32? {
        guard column >= 0, column < count else { return nil }
        if isDirect { return Int32(column) }
        guard let positions = layout.positions else { return Int32(column) }
        return positions[column]
    }

    @inline(__always)
    private func locate(_ column: Int) throws(DatabaseError) -> (OpaquePointer, Int32) {
        if let statement, isDirect, column >= 0, column < count { return (statement, Int32(truncatingIfNeeded: column)) }
        return try locateSlowly(column)
    }

    private func locateSlowly(_ column: Int) throws(DatabaseError) -> (OpaquePointer, Int32) {
        guard let statement else { throw .usedOutsideTransaction }
        guard let position = position(column) else {
            throw .unexpectedValue(
                column: "number \(column)", expected: "a column", found: "a row of \(count) columns")
        }
        return (statement, position)
    }

    private func mismatch(_ column: Int, _ expected: String) -> DatabaseError {
        guard let statement, let position = position(column) else { return .usedOutsideTransaction }
        let name = sqlite3_column_name(statement, position).map { String(cString: $0) } ?? "number \(column)"
        let found =
            switch sqlite3_column_type(statement, position) {
            case SQLITE_NULL: "NULL"
            case SQLITE_INTEGER: "the integer \(sqlite3_column_int64(statement, position))"
            case SQLITE_FLOAT: "the number \(sqlite3_column_double(statement, position))"
            case SQLITE_BLOB: "\(sqlite3_column_bytes(statement, position)) binary bytes"
            default:
                "the text '\(sqlite3_column_text(statement, position).map { String(String(cString: $0).prefix(40)) } ?? "")'"
            }
        return .unexpectedValue(column: name, expected: expected, found: found)
    }
}
