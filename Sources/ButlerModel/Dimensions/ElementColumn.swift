/// The logical type of a column of a dimension element. Database types and wire spellings follow from it.
public enum ElementColumnType: Hashable, Sendable {
    case int
    case string(length: Int)
    case float
    case bool
    case hash(byteCount: Int)
    case uuid
    case region
    case timespan
    case datetime

    /// The spelling of dimension configurations, without length.
    public var configurationName: String {
        switch self {
        case .int: "int"
        case .string: "string"
        case .float: "float"
        case .bool: "bool"
        case .hash: "hash"
        case .uuid: "uuid"
        case .region: "region"
        case .timespan: "timespan"
        case .datetime: "datetime"
        }
    }
}

/// One column of the record of a dimension element.
public struct ElementColumn: Hashable, Sendable {
    /// What the column means to its element.
    public enum Role: Hashable, Sendable {
        /// Identifies the record; the payload is the position of the dimension in the universe.
        case required(dimension: Int)
        /// Names a dimension that follows from the record.
        case implied(dimension: Int)
        case alternateKey
        case metadata
        case region
        case timespan
    }

    /// The column's name in tables and records. An element's own primary key goes by its key name (`id`, `name`).
    public let name: String
    public let role: Role
    public let type: ElementColumnType
    /// Whether the model allows no value. Databases allow NULL in more places than the model does.
    public let isNullable: Bool
    public let documentation: String

    public init(name: String, role: Role, type: ElementColumnType, isNullable: Bool, documentation: String) {
        self.name = name
        self.role = role
        self.type = type
        self.isNullable = isNullable
        self.documentation = documentation
    }
}
