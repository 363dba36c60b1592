import Felis
import StructuredData

/// Changes that SQLite cannot make in place.
extension TableAlteration {
    /// The keys of columns that databases know of.
    private static let columnKeys: Set<String> = [
        "datatype", "length", "precision", "nullable", "value", "autoincrement",
    ]

    /// Whether SQLite cannot change the table in place, or not so that it can be undone with all else.
    var needsRebuild: Bool {
        changes.contains { change in
            switch (change.object, change.kind) {
            case (.constraint, .changed): change.field != "description" && change.field != "votable:utype"
            case (.constraint, _): true
            case (.column, .changed): change.field.map { Self.columnKeys.contains($0) } ?? false
            case (.column, .added): after.column(name: change.name).map { !canBeAdded($0) } ?? false
            case (.column, .removed): true
            case (.table, .changed): change.field == "primaryKey" && changesKey
            default: false
            }
        }
    }

    /// Source: `ALTER TABLE ADD COLUMN` in the documentation of SQLite.
    private func canBeAdded(_ column: Column) -> Bool {
        guard let value = column.value else { return column.isNullable }
        let text = new.defaultText(value)
        return !text.hasPrefix("(") && text != "CURRENT_TIMESTAMP" && (column.isNullable || text != "NULL")
    }

    /// A table of the new form takes the place of the old one, which is put aside, and its rows.
    ///
    /// - Parameters:
    ///   - aside: the name of the old table for the while.
    ///   - unsaid: what the old table has that the new one will not have, as the language cannot say it.
    func rebuild(aside: String, unsaid: [String]) throws(DefinitionError) -> MigrationStep {
        let old = dialect.quoted(aside)
        var targets: [String] = []
        var sources: [String] = []
        var losses = unsaid
        var doubts: [String] = []
        var guesses: [String] = []
        for column in after.columns {
            guard let earlier = before.column(name: earlierName(of: column.name)) else {
                if !column.isNullable, column.value == nil {
                    doubts.append("\(column.name) needs a value in every row")
                }
                continue
            }
            targets.append(dialect.quoted(column.name))
            sources.append(dialect.quoted(earlier.name))
            if earlier.name != column.name { guesses.append("\(earlier.name) is now called \(column.name)") }
            if let loss = TypeChange.loss(from: earlier, to: column) { losses.append("\(column.name): \(loss)") }
            if earlier.isNullable, !column.isNullable { doubts.append("\(column.name) may hold NULL") }
        }
        let kept = Set(after.columns.map { earlierName(of: $0.name) })
        for column in before.columns where !kept.contains(column.name) { losses.append("column \(column.name)") }
        if targets.isEmpty { losses.append("all rows") }
        if changes.contains(where: { $0.object == .constraint && $0.kind != .removed }) || changesKey {
            doubts.append("rows may break a key or constraint")
        }
        var step = MigrationStep(
            purpose: "Make table \(after.name) anew", risk: .none,
            statements: [Statement(.createTable, try new.tableText(after, leavesOutKeys: false))])
        if !losses.isEmpty {
            step.risk = .losesData(losses.joined(separator: ", "))
        } else if !doubts.isEmpty {
            step.risk = .mayFail((doubts + guesses).joined(separator: ", "))
        } else if !guesses.isEmpty {
            step.risk = .assumes(guesses.joined(separator: ", "))
        }
        step.checks = [SQLiteCondition.hasTable(after.name)]
        if !targets.isEmpty {
            step.statements.append(
                Statement(
                    .other,
                    "INSERT INTO \(name) (\(targets.joined(separator: ", "))) "
                        + "SELECT \(sources.joined(separator: ", ")) FROM \(old)"))
            step.checks.append(SQLiteCondition.haveSameCount(name, old))
        }
        step.statements += try new.indexStatements(of: after)
        step.checks += after.indexes.map { SQLiteCondition.hasIndex(after.name, $0.name) }
        // What the old version does not tell of is not to go without a word.
        step.checks.append(SQLiteCondition.hasColumns(aside, count: before.columns.count))
        if unsaid.isEmpty { step.checks.append(SQLiteCondition.isBare(aside)) }
        step.preparation = [Statement(.other, "ALTER TABLE \(self.old.name(of: before)) RENAME TO \(old)")]
        step.preparation += before.indexes.map { index in
            Statement(.other, "DROP INDEX IF EXISTS \(dialect.quoted(index.name))")
        }
        step.clearance = [Statement(.other, "DROP TABLE \(old)")]
        return step
    }
}
