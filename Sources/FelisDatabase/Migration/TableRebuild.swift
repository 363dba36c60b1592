import Felis
import StructuredData

/// Changes that SQLite cannot make in place.
extension TableAlteration {
    /// The keys of columns that databases know of.
    private static let columnKeys: Set<String> = [
        "datatype", "length", "precision", "nullable", "value", "autoincrement",
    ]

    /// Whether SQLite cannot change the table in place.
    var needsRebuild: Bool {
        changes.contains { change in
            switch (change.object, change.kind) {
            case (.constraint, .changed): change.field != "description" && change.field != "votable:utype"
            case (.constraint, _): true
            case (.column, .changed): change.field.map { Self.columnKeys.contains($0) } ?? false
            case (.column, .added): after.column(name: change.name).map { !canBeAdded($0) } ?? false
            case (.column, .removed): isBound(change.name)
            case (.table, .changed): change.field == "primaryKey"
            default: false
            }
        }
    }

    /// Whether a key or constraint has the column.
    private func isBound(_ column: String) -> Bool {
        guard let id = before.column(name: column)?.id else { return false }
        return before.primaryKey?.ids.contains(id) ?? false || before.constraints.contains { $0.columns.contains(id) }
    }

    /// Source: `ALTER TABLE ADD COLUMN` in the documentation of SQLite.
    private func canBeAdded(_ column: Column) -> Bool {
        guard let value = column.value else { return column.isNullable }
        let text = new.defaultText(value)
        return !text.hasPrefix("(") && text != "CURRENT_TIMESTAMP" && (column.isNullable || text != "NULL")
    }

    /// A table of the new form takes the rows of the old one, and its place.
    func rebuild() throws(DefinitionError) -> MigrationStep {
        let copy = dialect.quoted(after.name + "_new")
        var renamed: [String: String] = [:]
        for change in changes where change.object == .column && change.kind == .renamed {
            renamed[change.name] = change.old?.stringValue
        }
        var targets: [String] = []
        var sources: [String] = []
        var losses: [String] = []
        var doubts: [String] = []
        for column in after.columns {
            guard let earlier = before.column(name: renamed[column.name] ?? column.name) else {
                if !column.isNullable, column.value == nil {
                    doubts.append("\(column.name) needs a value in every row")
                }
                continue
            }
            targets.append(dialect.quoted(column.name))
            sources.append(dialect.quoted(earlier.name))
            if let loss = TypeChange.loss(from: earlier, to: column) { losses.append("\(column.name): \(loss)") }
            if earlier.isNullable, !column.isNullable { doubts.append("\(column.name) may hold NULL") }
        }
        let kept = Set(after.columns.map { renamed[$0.name] ?? $0.name })
        for column in before.columns where !kept.contains(column.name) { losses.append("column \(column.name)") }
        let text = try new.tableText(after, leavesOutKeys: false, newName: copy)
        var statements = [
            Statement(.createTable, text),
            Statement(
                .other,
                "INSERT INTO \(copy) (\(targets.joined(separator: ", "))) "
                    + "SELECT \(sources.joined(separator: ", ")) FROM \(name)"),
            Statement(.other, "DROP TABLE \(name)"), Statement(.other, "ALTER TABLE \(copy) RENAME TO \(name)"),
        ]
        statements += try new.indexStatements(of: after)
        let risk: MigrationStep.Risk =
            !losses.isEmpty
            ? .losesData(losses.joined(separator: ", "))
            : doubts.isEmpty ? .none : .mayFail(doubts.joined(separator: ", "))
        return MigrationStep(purpose: "Make table \(after.name) anew", risk: risk, statements: statements)
    }
}
