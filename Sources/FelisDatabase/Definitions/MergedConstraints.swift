import Felis

/// PostgreSQL makes one constraint of the primary key and unique constraints with the same columns, which are fewer
/// then, and names it after the first that has a name.
extension SchemaDefinitions {
    /// Whether the database has no such constraint as there is another of the same columns.
    func isMerged(_ constraint: Constraint, of table: Table) -> Bool {
        guard dialect == .postgresql, case .unique(let columns) = constraint.content else { return false }
        if columns == table.primaryKey?.ids, !constraint.isDeferrable { return true }
        return table.constraints.prefix { $0.name != constraint.name }.contains { other in
            guard case .unique(columns) = other.content else { return false }
            return other.isDeferrable == constraint.isDeferrable && other.initially == constraint.initially
        }
    }

    /// What PostgreSQL calls the primary key.
    func primaryKeyName(of table: Table) -> String {
        let merged = table.constraints.first { constraint in
            guard case .unique(let columns) = constraint.content, !constraint.isDeferrable else { return false }
            return columns == table.primaryKey?.ids
        }
        return merged?.name ?? table.name + "_pkey"
    }
}
