import AstroTime
import ButlerModel
import ByteText

/// A value written into a query, or bound to a name in it. Texts are compared by their bytes.
public enum QueryLiteral: Sendable {
    case int(Int64)
    case string(String)
    case float(Double)
    case hash([UInt8])
    case uuid(DatasetID)
    case datetime(TAINanoseconds)
    case timespan(Timespan)
    case region(EncodedRegion)

    public init(_ value: DataIDValue) {
        switch value {
        case .int(let number): self = .int(number)
        case .string(let text): self = .string(text)
        }
    }

    public var type: ValueType {
        switch self {
        case .int: .int
        case .string: .string
        case .float: .float
        case .hash: .hash
        case .uuid: .uuid
        case .datetime: .datetime
        case .timespan: .timespan
        case .region: .region
        }
    }

    public var dataIDValue: DataIDValue? {
        switch self {
        case .int(let number): .int(number)
        case .string(let text): .string(text)
        default: nil
        }
    }
}

extension QueryLiteral: Hashable {
    public static func == (a: QueryLiteral, b: QueryLiteral) -> Bool {
        switch (a, b) {
        case (.int(let a), .int(let b)): a == b
        case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
        case (.float(let a), .float(let b)): a == b
        case (.hash(let a), .hash(let b)): a == b
        case (.uuid(let a), .uuid(let b)): a == b
        case (.datetime(let a), .datetime(let b)): a == b
        case (.timespan(let a), .timespan(let b)): a == b
        case (.region(let a), .region(let b)): a == b
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .int(let value): hasher.combine(value)
        case .string(let value): value.hashBytes(into: &hasher)
        case .float(let value): hasher.combine(value)
        case .hash(let bytes): hasher.combine(bytes)
        case .uuid(let id): hasher.combine(id)
        case .datetime(let time): hasher.combine(time)
        case .timespan(let span): hasher.combine(span)
        case .region(let region): hasher.combine(region)
        }
    }
}
