import Felis

/// One SQL statement, without its semicolon.
public struct Statement: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case createTable, createIndex, comment, addConstraint, other
    }

    public var kind: Kind
    public var text: String

    public init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    /// The statement in a script, with the blank lines around the definition of a table.
    public var scriptText: String { kind == .createTable ? "\n\(text)\n\n;\n" : "\(text);\n" }
}

/// Why no definitions can be made of a schema.
public enum DefinitionError: Error, Sendable, Hashable, CustomStringConvertible {
    case unknownColumn(id: String, user: String, table: String)
    /// The columns that a foreign key points to are in several tables.
    case severalTargets(constraint: String)
    case emptyTable(String, Dialect)
    case badOverride(column: String, table: String, DialectType.Failure)

    public var description: String {
        switch self {
        case .unknownColumn(let id, let user, let table):
            "\(user) of table '\(table)' names the column '\(id)', which does not exist."
        case .severalTargets(let constraint):
            "The foreign key '\(constraint)' points to columns of several tables; make it two constraints."
        case .emptyTable(let table, let dialect):
            "Table '\(table)' has no columns, which \(dialect.rawValue) does not allow; add one, or remove the table."
        case .badOverride(let column, let table, let failure):
            "Column '\(column)' of table '\(table)': \(failure)."
        }
    }
}
