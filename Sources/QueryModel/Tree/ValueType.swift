import ButlerModel

/// The type of a column or value in a query. Source: query system reference, section 1.6.
public enum ValueType: String, Hashable, Sendable, CustomStringConvertible {
    case int, string, float, bool, hash, uuid, region, timespan, datetime
    /// When a dataset was registered. Compares with `datetime`, but old repositories store it in UTC.
    case ingestDate = "ingest_date"

    public var description: String { rawValue }

    public init(_ type: ElementColumnType) {
        switch type {
        case .int: self = .int
        case .string: self = .string
        case .float: self = .float
        case .bool: self = .bool
        case .hash: self = .hash
        case .uuid: self = .uuid
        case .region: self = .region
        case .timespan: self = .timespan
        case .datetime: self = .datetime
        }
    }

    /// Whether rows can be ordered by values of this type.
    public var isOrdered: Bool {
        switch self {
        case .int, .string, .float, .datetime, .ingestDate: true
        case .bool, .hash, .uuid, .region, .timespan: false
        }
    }

    public var isNumber: Bool { self == .int || self == .float }
}
