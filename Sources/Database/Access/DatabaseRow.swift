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
    /// The integer, or `nil` for NULL.
    func optionalInt(_ column: Int) throws -> Int64?
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
    /// The UTF-8 bytes of a text column where the database holds them, or `nil` for NULL. They are valid until the column
    /// is read again or the cursor moves.
    func utf8(_ column: Int) throws -> UnsafeBufferPointer<UInt8>?
    /// Calls `body` with the UTF-8 bytes of a text column, without copying them.
    func withText<R>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> R) throws -> R
}

/// The value of a column that may be NULL.
extension DatabaseRow {
    public func optionalDouble(_ column: Int) throws -> Double? { isNull(column) ? nil : try double(column) }
    public func optionalBool(_ column: Int) throws -> Bool? { isNull(column) ? nil : try bool(column) }
    public func optionalText(_ column: Int) throws -> String? { isNull(column) ? nil : try text(column) }
    public func optionalUUID(_ column: Int) throws -> UUID? { isNull(column) ? nil : try uuid(column) }
    public func optionalBytes(_ column: Int) throws -> [UInt8]? { isNull(column) ? nil : try bytes(column) }
}
