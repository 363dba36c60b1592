import AstroTime
import Foundation

/// The current row of a query. Columns are counted from 0; a timespan is one column.
///
/// The accessors throw ``DatabaseError/unexpectedValue(column:expected:found:)`` if the column holds NULL or a value of
/// another kind. They read the database's own memory; only the returned value is a copy.
public protocol DatabaseRow: AnyObject {
    var columnCount: Int { get }

    /// Whether the column is NULL. Also true of a column that does not exist.
    func isNull(_ column: Int) -> Bool
    func int(_ column: Int) throws -> Int64
    /// The value of a column where the database holds it: one call where many rows are read column by column. A
    /// timespan is two columns of a database and cannot be read so.
    func value(_ column: Int) throws -> RowValue
    /// The values of several columns, as ``value(_:)`` gives them, in initialized memory for as many.
    func values(_ columns: UnsafeBufferPointer<Int>, into target: UnsafeMutablePointer<RowValue>) throws
    func double(_ column: Int) throws -> Double
    func bool(_ column: Int) throws -> Bool
    func text(_ column: Int) throws -> String
    func uuid(_ column: Int) throws -> UUID
    /// The bytes of a ``ColumnType/bytes`` column, decoded from base64.
    func bytes(_ column: Int) throws -> [UInt8]
    /// The bytes of a ``ColumnType/blob`` column.
    func blob(_ column: Int) throws -> [UInt8]
    /// A timespan selected with `\(result:)` or ``SQL/results(_:of:)``; `nil` for NULL.
    func timespan(_ column: Int) throws -> Timespan?
    /// Calls `body` with the UTF-8 bytes of a text column, without copying them.
    func withText<R>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> R) throws -> R
}

/// The value of a column in the database's own memory. Text and bytes are valid until the column is read again or the
/// cursor moves.
public enum RowValue {
    case null
    case int(Int64)
    case double(Double)
    /// UTF-8, as far as the database checks it.
    case text(UnsafeBufferPointer<UInt8>)
    case blob(UnsafeBufferPointer<UInt8>)
}

extension DatabaseRow {
    public func values(_ columns: UnsafeBufferPointer<Int>, into target: UnsafeMutablePointer<RowValue>) throws {
        for (index, column) in columns.enumerated() { target[index] = try value(column) }
    }
}

/// The value of a column that may be NULL.
extension DatabaseRow {
    public func optionalInt(_ column: Int) throws -> Int64? { isNull(column) ? nil : try int(column) }
    public func optionalDouble(_ column: Int) throws -> Double? { isNull(column) ? nil : try double(column) }
    public func optionalBool(_ column: Int) throws -> Bool? { isNull(column) ? nil : try bool(column) }
    public func optionalText(_ column: Int) throws -> String? { isNull(column) ? nil : try text(column) }
    public func optionalUUID(_ column: Int) throws -> UUID? { isNull(column) ? nil : try uuid(column) }
    public func optionalBytes(_ column: Int) throws -> [UInt8]? { isNull(column) ? nil : try bytes(column) }
}
