import StructuredData

/// A table of a schema.
public struct Table: Sendable, Hashable {
    public var name: String
    public var id: String
    public var description: String?
    public var utype: String?
    public var primaryKey: PrimaryKey?
    public var tableIndex: Int?
    /// The storage engine of MySQL; `nil` leaves it to the server.
    public var mysqlEngine: String? = Table.defaultEngine
    public var mysqlCharset: String?
    /// The columns of other schemas that this table takes, in order.
    public var references: [ColumnReference] = []
    public var columns: [Column] = []
    public var groups: [ColumnGroup] = []
    public var constraints: [Constraint] = []
    public var indexes: [Index] = []
    public var position = TextPosition(line: 1, column: 1)

    public static let defaultEngine = "MyISAM"

    public init(name: String, id: String) {
        self.name = name
        self.id = id
    }

    public func column(id: String) -> Column? { columns.first { $0.id == id } }
    public func column(name: String) -> Column? { columns.first { $0.name == name } }
}

/// Column ids; whether a single one was written as a text or as a list makes a difference to TAP_SCHEMA.
public enum PrimaryKey: Sendable, Hashable {
    case single(String)
    case list([String])

    public var ids: [String] {
        switch self {
        case .single(let id): [id]
        case .list(let ids): ids
        }
    }
}

/// A column that a table takes from a table of another schema.
public struct ColumnReference: Sendable, Hashable {
    /// The name under `resources`.
    public var resource: String
    public var table: String
    /// The name that the column gets here.
    public var name: String
    /// Whether anything is written after the name, be it an empty mapping.
    public var hasDetails = false
    /// The name that it has there, if that is another.
    public var referencedName: String?
    public var overrides: ColumnOverrides?
    public var position: TextPosition
}

/// What a table changes about a column that it takes. An outer `nil` leaves the column as it is.
public struct ColumnOverrides: Sendable, Hashable {
    public var datatype: Datatype?
    public var length: Int?
    public var description: String??
    public var isNullable: Bool?
    public var principal: Int??
    public var columnIndex: Int??

    public init() {}
}

/// An index of a table: of columns, or of expressions.
public struct Index: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
        case columns([String])
        case expressions([String])
    }

    public var name: String
    public var id: String
    public var description: String?
    public var utype: String?
    public var content: Content
    public var position: TextPosition

    public init(name: String, id: String, content: Content, position: TextPosition = TextPosition(line: 1, column: 1)) {
        self.name = name
        self.id = id
        self.content = content
        self.position = position
    }

    /// The ids of its columns; empty for an index of expressions.
    public var columns: [String] { if case .columns(let ids) = content { ids } else { [] } }
}

/// Columns that belong together.
public struct ColumnGroup: Sendable, Hashable {
    public var name: String
    public var id: String
    public var description: String?
    public var utype: String?
    public var columns: [String]
    public var ucd: String?
    public var position: TextPosition
}
