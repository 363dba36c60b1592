/// A value of the data model that JSON and YAML share.
///
/// Integers and floating-point numbers stay apart (`1` is not `1.0`), and a mapping keeps the order of its
/// source, because both matter to the programs that read what we write.
public indirect enum StructuredValue: Sendable, Hashable {
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

/// An ordered mapping with text keys. A repeated key keeps the position of its first and the value of its last
/// appearance, as Python's `dict` does.
public struct StructuredMapping: Sendable {
    public private(set) var keys: [String]
    private var storage: [String: StructuredValue]

    public init() {
        keys = []
        storage = [:]
    }

    public init(_ pairs: some Sequence<(String, StructuredValue)>) {
        self.init()
        for (key, value) in pairs { self[key] = value }
    }

    public var count: Int { keys.count }
    public var isEmpty: Bool { keys.isEmpty }

    /// The key-value pairs in order. Cost: O(n).
    public var pairs: [(key: String, value: StructuredValue)] {
        keys.map { ($0, storage[$0] ?? .null) }
    }

    /// Reading a key that is absent gives `nil`; assigning `nil` removes the key (O(n)).
    public subscript(key: String) -> StructuredValue? {
        get { storage[key] }
        set {
            if let newValue {
                if storage.updateValue(newValue, forKey: key) == nil { keys.append(key) }
            } else if storage.removeValue(forKey: key) != nil {
                keys.removeAll { $0 == key }
            }
        }
    }
}

/// Equality and hashing ignore the order of keys.
extension StructuredMapping: Hashable {
    public static func == (a: StructuredMapping, b: StructuredMapping) -> Bool { a.storage == b.storage }
    public func hash(into hasher: inout Hasher) { hasher.combine(storage) }
}

extension StructuredMapping: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, StructuredValue)...) { self.init(elements) }
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
    public var isNull: Bool { self == .null }
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var intValue: Int64? { if case .int(let value) = self { value } else { nil } }
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    public var arrayValue: [StructuredValue]? { if case .array(let value) = self { value } else { nil } }
    public var objectValue: StructuredMapping? { if case .object(let value) = self { value } else { nil } }

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
