import StructuredData

/// A constraint of a table.
public struct Constraint: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
        case unique(columns: [String])
        case check(expression: String)
        case foreignKey(ForeignKey)
    }

    public struct ForeignKey: Sendable, Hashable {
        /// Column ids of this table.
        public var columns: [String]
        /// Column ids of the table that it points to, in the order of `columns`.
        public var referenced: [String]
        public var onDelete: Action?
        public var onUpdate: Action?

        public init(columns: [String], referenced: [String], onDelete: Action? = nil, onUpdate: Action? = nil) {
            self.columns = columns
            self.referenced = referenced
            self.onDelete = onDelete
            self.onUpdate = onUpdate
        }
    }

    /// What happens to rows when the row that they point to goes or changes.
    public enum Action: String, CaseIterable, Sendable {
        case cascade = "CASCADE"
        case setNull = "SET NULL"
        case setDefault = "SET DEFAULT"
        case restrict = "RESTRICT"
        case noAction = "NO ACTION"
    }

    public enum Initially: String, CaseIterable, Sendable {
        case immediate = "IMMEDIATE"
        case deferred = "DEFERRED"
    }

    public var name: String
    public var id: String
    public var description: String?
    public var utype: String?
    public var isDeferrable = false
    public var initially: Initially?
    public var content: Content
    public var position: TextPosition

    public init(name: String, id: String, content: Content, position: TextPosition = TextPosition(line: 1, column: 1)) {
        self.name = name
        self.id = id
        self.content = content
        self.position = position
    }

    /// The `@type` of the file.
    public var typeName: String {
        switch content {
        case .unique: "Unique"
        case .check: "Check"
        case .foreignKey: "ForeignKey"
        }
    }

    public var foreignKey: ForeignKey? { if case .foreignKey(let key) = content { key } else { nil } }

    /// The ids of the columns of its own table.
    public var columns: [String] {
        switch content {
        case .unique(let columns): columns
        case .check: []
        case .foreignKey(let key): key.columns
        }
    }
}
