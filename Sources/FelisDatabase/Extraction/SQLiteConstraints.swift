import Felis

/// Makes constraints of the language of those that texts of SQLite have: with names, and columns spelled as the tables
/// have them.
struct SQLiteConstraints {
    struct Failure: Error {
        /// What is left out.
        let part: String
    }

    private let tables: [String: Table]
    private var ids: Set<String>
    private var names: Set<String> = []
    /// Constraints that got other names.
    private(set) var remarks: [String] = []

    /// - Parameter schema: the tables with their columns and keys.
    init(_ schema: Schema) {
        tables = Dictionary(
            schema.tables.map { ($0.name.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
        ids = Set([schema.id] + schema.tables.flatMap { [$0.id] + $0.columns.map(\.id) })
    }

    mutating func constraint(
        _ written: TableDefinitionReader.WrittenConstraint, of table: Table
    ) throws(Failure) -> Constraint {
        let content: Constraint.Content
        let suggestion: String
        switch written.content {
        case .unique(let columns):
            content = .unique(columns: try ids(columns, of: table, user: "a uniqueness"))
            suggestion = ([table.name] + columns + ["key"]).joined(separator: "_")
        case .check(let expression):
            content = .check(expression: expression)
            suggestion = "\(table.name)_check"
        case .foreignKey(let columns, let targetName, let referenced):
            let part = "the foreign key of \(columns.joined(separator: ", ")) to \(targetName)"
            guard let target = tables[targetName.lowercased()] else {
                throw Failure(part: "\(part), a table that is not there")
            }
            let referencedIDs =
                try referenced.map { names throws(Failure) in try ids(names, of: target, user: part) }
                ?? target.primaryKey?.ids ?? []
            guard referencedIDs.count == columns.count else {
                throw Failure(part: "\(part), whose columns do not match")
            }
            content = .foreignKey(
                .init(
                    columns: try ids(columns, of: table, user: part), referenced: referencedIDs,
                    onDelete: written.onDelete, onUpdate: written.onUpdate))
            suggestion = ([table.name] + columns + ["fkey"]).joined(separator: "_")
        }
        let name = name(written.name, suggestion, table: table.name)
        var constraint = Constraint(name: name, id: id(name, table.name), content: content)
        constraint.isDeferrable = written.isDeferrable
        constraint.initially = written.initially
        return constraint
    }

    private func ids(_ names: [String], of table: Table, user: String) throws(Failure) -> [String] {
        var ids: [String] = []
        for name in names {
            guard let column = table.columns.first(where: { $0.name.lowercased() == name.lowercased() }) else {
                throw Failure(part: "\(user), which names no column by \(name)")
            }
            ids.append(column.id)
        }
        return ids
    }

    /// The language wants names, each once.
    private mutating func name(_ written: String?, _ suggestion: String, table: String) -> String {
        if let written, names.insert(written).inserted { return written }
        var name = suggestion
        var number = 0
        while !names.insert(name).inserted {
            number += 1
            name = "\(suggestion)\(number)"
        }
        if let written {
            remarks.append("The constraint '\(written)' of table \(table) is called \(name), as another has its name.")
        }
        return name
    }

    /// An id that nothing has yet.
    mutating func id(_ name: String, _ table: String) -> String {
        var id = "#\(name)"
        while !ids.insert(id).inserted { id = "#\(table).\(id.dropFirst())" }
        return id
    }
}
