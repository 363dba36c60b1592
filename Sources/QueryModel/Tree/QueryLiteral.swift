import AstroTime
import ButlerModel

/// A value written into a query, or bound to a name in it.
public enum QueryLiteral: Hashable, Sendable {
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
