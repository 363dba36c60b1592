import AstroTime
import ByteText
import StructuredData

/// A typed value of a column of a dimension record. Texts are compared by their bytes.
public enum ColumnValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case float(Double)
    case string(String)
    case hash([UInt8])
    case uuid(DatasetID)
    case region(EncodedRegion)
    case timespan(Timespan)
    case datetime(TAINanoseconds)

    public var isNull: Bool { if case .null = self { true } else { false } }

    public var dataIDValue: DataIDValue? {
        switch self {
        case .int(let value): .int(value)
        case .string(let value): .string(value)
        default: nil
        }
    }

    public init(_ value: DataIDValue) {
        switch value {
        case .int(let number): self = .int(number)
        case .string(let text): self = .string(text)
        }
    }

    /// The wire form: regions and hashes as lower-case hex, timespans as a pair of nanoseconds, floats that are not
    /// finite as null. Source: remote Butler protocol reference, sections 4.1 and 4.2.
    public var wire: StructuredValue {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .float(let value): value.isFinite ? .float(value) : .null
        case .string(let value): .string(value)
        case .hash(let bytes): .string(Hexadecimal.encode(bytes))
        case .uuid(let id): .string(id.description)
        case .region(let region): .string(Hexadecimal.encode(region.bytes))
        case .timespan(let span): .array([.int(span.begin.rawValue), .int(span.end.rawValue)])
        case .datetime(let time): .int(time.rawValue)
        }
    }

    /// The value of a column of this type out of its wire form.
    /// - Throws: ``ButlerError`` of kind `malformedModel` that names the path.
    public init(wire reader: DocumentReader, type: ElementColumnType) throws(ButlerError) {
        if reader.value.isNull {
            self = .null
            return
        }
        switch type {
        case .bool: self = .bool(try reader.bool())
        case .int: self = .int(try reader.int64())
        case .float:
            guard let number = reader.value.numberValue else { throw reader.failure("must be a number") }
            self = .float(number)
        case .string: self = .string(try reader.string())
        case .hash: self = .hash(try Self.bytes(reader))
        case .region: self = .region(EncodedRegion(bytes: try Self.bytes(reader)))
        case .uuid:
            guard let id = DatasetID(try reader.string()) else { throw reader.failure("must be a UUID") }
            self = .uuid(id)
        case .timespan: self = .timespan(try Timespan(wire: reader))
        case .datetime: self = .datetime(TAINanoseconds(rawValue: try reader.int64()))
        }
    }

    private static func bytes(_ reader: DocumentReader) throws(ButlerError) -> [UInt8] {
        guard let bytes = Hexadecimal.decode(try reader.string()) else {
            throw reader.failure("must be hexadecimal text")
        }
        return bytes
    }
}

extension ColumnValue: Hashable {
    public static func == (a: ColumnValue, b: ColumnValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.int(let a), .int(let b)): a == b
        case (.float(let a), .float(let b)): a == b
        case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
        case (.hash(let a), .hash(let b)): a == b
        case (.uuid(let a), .uuid(let b)): a == b
        case (.region(let a), .region(let b)): a == b
        case (.timespan(let a), .timespan(let b)): a == b
        case (.datetime(let a), .datetime(let b)): a == b
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
        case .hash(let bytes): hasher.combine(bytes)
        case .uuid(let id): hasher.combine(id)
        case .region(let region): hasher.combine(region)
        case .timespan(let span): hasher.combine(span)
        case .datetime(let time): hasher.combine(time)
        }
    }
}

extension Timespan {
    /// A pair of nanoseconds, or a mapping with such a pair under `nsec`.
    public init(wire reader: DocumentReader) throws(ButlerError) {
        let pair: DocumentReader
        if reader.value.objectValue != nil { pair = try reader.required("nsec") } else { pair = reader }
        let bounds = try pair.items()
        guard bounds.count == 2 else { throw pair.failure("must be a pair of nanosecond counts") }
        self.init(storedNanoseconds: try bounds[0].int64(), try bounds[1].int64())
    }

    public var wire: StructuredValue { .array([.int(begin.rawValue), .int(end.rawValue)]) }
}
