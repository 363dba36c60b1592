import StructuredData

/// A schema: what one file of the language describes.
public struct Schema: Sendable, Hashable {
    public var name: String
    public var id: String
    public var description: String?
    public var utype: String?
    public var version: Version?
    /// The other schemas that columns are taken from: alias and location, in order.
    public var resources: [Resource] = []
    public var tables: [Table] = []
    public var position = TextPosition(line: 1, column: 1)

    public init(name: String, id: String) {
        self.name = name
        self.id = id
    }

    public struct Resource: Sendable, Hashable {
        public var alias: String
        public var uri: String
        public var position: TextPosition
    }

    public enum Version: Sendable, Hashable {
        case text(String)
        case detailed(current: String, compatible: [String], readCompatible: [String])

        public var current: String {
            switch self {
            case .text(let text): text
            case .detailed(let current, _, _): current
            }
        }
    }

    public func table(name: String) -> Table? { tables.first { $0.name == name } }

    /// Where each column is, by id. Cost: O(columns).
    public func columnsByID() -> [String: (table: Int, column: Int)] {
        var result: [String: (table: Int, column: Int)] = [:]
        for (t, table) in tables.enumerated() {
            for (c, column) in table.columns.enumerated() { result[column.id] = (t, c) }
        }
        return result
    }
}
