/// A table as the rules of the repository format describe it, free of any dialect.
public struct TableSpecification: Hashable, Sendable {
    public var name: String
    /// In the order of the table.
    public var columns: [ColumnSpecification]
    /// In the order of the key; none for temporary tables whose rows may repeat. These columns are never NULL.
    public var primaryKey: [String]
    /// Each a list of columns that is unique together.
    public var unique: [[String]]
    public var foreignKeys: [ForeignKeySpecification]
    /// Each a list of columns. Foreign keys get an index of their own where none of these serves.
    public var indexes: [[String]]
    /// Columns with positions on the sky that get an index for searches by place, where a database has them.
    public var spatialIndexes: [String]

    public init(
        _ name: String, columns: [ColumnSpecification], primaryKey: [String], unique: [[String]] = [],
        foreignKeys: [ForeignKeySpecification] = [], indexes: [[String]] = [], spatialIndexes: [String] = []
    ) {
        self.name = name
        self.columns = columns
        self.primaryKey = primaryKey
        self.unique = unique
        self.foreignKeys = foreignKeys
        self.indexes = indexes
        self.spatialIndexes = spatialIndexes
    }

    public func column(named name: String) -> ColumnSpecification? { columns.first { $0.name == name } }

    /// The key that the database hands out, if the table has one.
    public var autoincrementColumn: ColumnSpecification? { columns.first { $0.type == .autoincrement } }

    /// The named columns in the order of the names.
    ///
    /// - Throws: ``DatabaseError/invalidStatement(_:)`` for a name that the table does not have.
    func columns(named names: [String]) throws(DatabaseError) -> [ColumnSpecification] {
        var result: [ColumnSpecification] = []
        result.reserveCapacity(names.count)
        for name in names {
            guard let column = column(named: name) else {
                throw .invalidStatement(
                    "table '\(self.name)' has no column '\(name)'; it has \(columns.map(\.name).joined(separator: ", "))"
                )
            }
            result.append(column)
        }
        return result
    }
}

public struct ColumnSpecification: Hashable, Sendable {
    public var name: String
    public var type: ColumnType
    /// Ignored for columns of the primary key.
    public var isNullable: Bool
    /// What the database fills in when an insert leaves the column out.
    public var defaultValue: SQLValue?

    public init(_ name: String, _ type: ColumnType, isNullable: Bool = false, defaultValue: SQLValue? = nil) {
        self.name = name
        self.type = type
        self.isNullable = isNullable
        self.defaultValue = defaultValue
    }
}

public struct ForeignKeySpecification: Hashable, Sendable {
    public var columns: [String]
    public var table: String
    public var targetColumns: [String]
    /// Whether deleting the target row deletes this one.
    public var deletesCascade: Bool

    public init(_ columns: [String], references table: String, _ targetColumns: [String], deletesCascade: Bool = false)
    {
        self.columns = columns
        self.table = table
        self.targetColumns = targetColumns
        self.deletesCascade = deletesCascade
    }
}
