import AstroTime
import Foundation

/// A value on its way into a statement, in logical terms; the dialect decides how it is stored.
public enum SQLValue: Hashable, Sendable {
    case null
    /// 0 or 1 in SQLite.
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case text(String)
    /// Bytes that every dialect stores as standard base64 text: hashes and regions.
    case bytes([UInt8])
    /// Bytes stored as they are.
    case blob([UInt8])
    /// 32 lower-case hexadecimal digits in SQLite.
    case uuid(UUID)
    /// A value of a `timespan` column in an insert or update. In conditions use ``TimespanExpression``.
    case timespan(Timespan)

    var isNull: Bool { if case .null = self { true } else { false } }
}

extension SQLValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .text(value) }
}

/// A Swift type with one evident ``SQLValue``.
public protocol SQLValueConvertible {
    var sqlValue: SQLValue { get }
}

extension SQLValue: SQLValueConvertible { public var sqlValue: SQLValue { self } }
extension Bool: SQLValueConvertible { public var sqlValue: SQLValue { .bool(self) } }
extension Int: SQLValueConvertible { public var sqlValue: SQLValue { .int(Int64(self)) } }
extension Int64: SQLValueConvertible { public var sqlValue: SQLValue { .int(self) } }
extension Double: SQLValueConvertible { public var sqlValue: SQLValue { .double(self) } }
extension String: SQLValueConvertible { public var sqlValue: SQLValue { .text(self) } }
extension UUID: SQLValueConvertible { public var sqlValue: SQLValue { .uuid(self) } }
extension TAINanoseconds: SQLValueConvertible { public var sqlValue: SQLValue { .int(rawValue) } }
extension Timespan: SQLValueConvertible { public var sqlValue: SQLValue { .timespan(self) } }
extension Optional: SQLValueConvertible where Wrapped: SQLValueConvertible {
    public var sqlValue: SQLValue { self?.sqlValue ?? .null }
}
