import ByteText

/// A value of the data model that JSON and YAML share.
///
/// Integers and floating-point numbers stay apart (`1` is not `1.0`), and a mapping keeps the order of its
/// source, because both matter to the programs that read what we write. Texts are compared by their bytes.
public enum StructuredValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case float(Double)
    case string(String)
    /// Raw bytes: YAML `!!binary`. JSON has no spelling for it; the JSON writer emits base64 text.
    case bytes([UInt8])
    case array([StructuredValue])
    case object(StructuredMapping)
}

extension StructuredValue: Hashable {
    public static func == (a: StructuredValue, b: StructuredValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.int(let a), .int(let b)): a == b
        case (.float(let a), .float(let b)): a == b
        case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
        case (.bytes(let a), .bytes(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0 as UInt8)
        case .bool(let value): hasher.combine(value)
        case .int(let value): hasher.combine(value)
        case .float(let value): hasher.combine(value)
        case .string(let value): value.hashBytes(into: &hasher)
        case .bytes(let bytes): hasher.combine(bytes)
        case .array(let values): hasher.combine(values)
        case .object(let mapping): hasher.combine(mapping)
        }
    }
}

// MARK: - Literals

extension StructuredValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .float(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: StructuredValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, StructuredValue)...) { self = .object(.init(elements)) }
    public init(nilLiteral: ()) { self = .null }
}

// MARK: - Typed access

extension StructuredValue {
    public var isNull: Bool { if case .null = self { true } else { false } }
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var intValue: Int64? { if case .int(let value) = self { value } else { nil } }
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    public var arrayValue: [StructuredValue]? { if case .array(let value) = self { value } else { nil } }
    public var objectValue: StructuredMapping? { if case .object(let value) = self { value } else { nil } }

    public var bytesValue: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }

    /// The number as a double, whether it was spelled as an integer or not.
    public var numberValue: Double? {
        switch self {
        case .int(let value): Double(value)
        case .float(let value): value
        default: nil
        }
    }

    /// The member of a mapping; `nil` when this is not a mapping or lacks the key.
    public subscript(key: String) -> StructuredValue? { objectValue?[key] }

    /// What a message calls this kind of value.
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int: "an integer"
        case .float: "a number"
        case .string: "a string"
        case .bytes: "binary data"
        case .array: "a list"
        case .object: "a mapping"
        }
    }
}

extension StructuredValue: CustomStringConvertible {
    /// The value as one line of JSON, for messages; NaN and infinities as Python spells them.
    public var description: String {
        var writer = JSONWriter(options: .init(style: .spaced, nan: .python))
        writer.value(self)
        return writer.text
    }
}
