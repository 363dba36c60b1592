import AstroTime
import ByteText
import Foundation

/// A value on its way into a statement, in logical terms; the dialect decides how it is stored. Texts are compared by their
/// bytes.
public enum SQLValue: Sendable {
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

extension SQLValue: Hashable {
    public static func == (a: SQLValue, b: SQLValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.int(let a), .int(let b)): a == b
        case (.double(let a), .double(let b)): a == b
        case (.text(let a), .text(let b)): a.hasSameBytes(as: b)
        case (.bytes(let a), .bytes(let b)): a == b
        case (.blob(let a), .blob(let b)): a == b
        case (.uuid(let a), .uuid(let b)): a == b
        case (.timespan(let a), .timespan(let b)): a == b
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0 as UInt8)
        case .bool(let value): hasher.combine(value)
        case .int(let value): hasher.combine(value)
        case .double(let value): hasher.combine(value)
        case .text(let value): value.hashBytes(into: &hasher)
        case .bytes(let bytes), .blob(let bytes): hasher.combine(bytes)
        case .uuid(let id): hasher.combine(id)
        case .timespan(let span): hasher.combine(span)
        }
    }
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
