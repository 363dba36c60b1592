import ByteText

/// The value of one dimension in a data ID. Texts are compared by their bytes, as Python and databases do.
public enum DataIDValue: Sendable {
    case int(Int64)
    case string(String)

    public var intValue: Int64? { if case .int(let value) = self { value } else { nil } }
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
}

extension DataIDValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, CustomStringConvertible {
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(stringLiteral value: String) { self = .string(value) }

    /// The value as Python's `str()` prints it.
    public var description: String {
        switch self {
        case .int(let value): String(value)
        case .string(let value): value
        }
    }

    /// The value as Python's `repr()` prints it.
    public var quotedDescription: String {
        switch self {
        case .int(let value): String(value)
        case .string(let value): "'\(value)'"
        }
    }
}

extension DataIDValue: Hashable {
    @inlinable public static func == (a: DataIDValue, b: DataIDValue) -> Bool {
        switch (a, b) {
        case (.int(let a), .int(let b)): a == b
        case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
        default: false
        }
    }

    @inlinable public func hash(into hasher: inout Hasher) {
        switch self {
        case .int(let value): hasher.combine(value)
        case .string(let value): value.hashBytes(into: &hasher)
        }
    }
}

extension DataIDValue: Comparable {
    /// Numbers order before text, so that mixed lists have a stable order too.
    public static func < (a: DataIDValue, b: DataIDValue) -> Bool {
        switch (a, b) {
        case (.int(let a), .int(let b)): a < b
        case (.string(let a), .string(let b)): a.precedesInBytes(b)
        case (.int, .string): true
        case (.string, .int): false
        }
    }
}
