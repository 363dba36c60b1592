import Felis
import StructuredData

/// The steps for one table that both versions have.
struct TableAlteration {
    let old: SchemaDefinitions
    let new: SchemaDefinitions
    let before: Table
    let after: Table
    let changes: [SchemaChange]

    private var dialect: Dialect { new.dialect }
    private var name: String { new.name(of: after) }

    /// The keys of columns that databases know of.
    private static let columnKeys: Set<String> = [
        "datatype", "length", "precision", "nullable", "value", "mysql:datatype", "postgresql:datatype",
        "autoincrement",
    ]

    // MARK: SQLite

    /// Whether SQLite cannot change the table in place.
    var needsRebuild: Bool {
        changes.contains { change in
            switch (change.object, change.kind) {
            case (.constraint, .changed): change.field != "description" && change.field != "votable:utype"
            case (.constraint, _): true
            case (.column, .changed):
                isStructural(change) && !["mysql:datatype", "postgresql:datatype"].contains(change.field)
            case (.column, .added): after.column(name: change.name).map { !$0.isNullable && $0.value == nil } ?? false
            case (.column, .removed): isInKey(change.name)
            case (.table, .changed): change.field == "primaryKey"
            default: false
            }
        }
    }

    private func isInKey(_ column: String) -> Bool {
        guard let id = before.column(name: column)?.id else { return false }
        return before.primaryKey?.ids.contains(id) ?? false || before.constraints.contains { $0.columns.contains(id) }
    }

    private func isStructural(_ change: SchemaChange) -> Bool {
        change.field.map { Self.columnKeys.contains($0) } ?? false
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

    // MARK: In place

    /// Indexes and constraints that go, or come back in another form.
    func removals() -> [MigrationStep] {
        var steps: [MigrationStep] = []
        let creation = SchemaCreation(old)
        for index in before.indexes where isGone(.index, index.name) {
            steps.append(
                MigrationStep(
                    purpose: "Remove index \(index.name)", risk: .none,
                    statements: [creation.dropStatement(index, of: before)]))
        }
        for constraint in before.constraints where isGone(.constraint, constraint.name) {
            let word = dialect == .mysql && constraint.foreignKey != nil ? "FOREIGN KEY" : "CONSTRAINT"
            steps.append(
                MigrationStep(
                    purpose: "Remove constraint \(constraint.name)", risk: .none,
                    statements: [
                        Statement(.other, "ALTER TABLE \(name) DROP \(word) \(dialect.quoted(constraint.name))")
                    ]))
        }
        return steps
    }

    /// Indexes and constraints that come.
    func additions() throws(DefinitionError) -> [MigrationStep] {
        var steps: [MigrationStep] = []
        for constraint in after.constraints where isNew(.constraint, constraint.name) {
            steps.append(
                MigrationStep(
                    purpose: "Add constraint \(constraint.name)", risk: .mayFail("rows may break it"),
                    statements: [
                        Statement(.other, "ALTER TABLE \(name) ADD \(try new.constraintText(constraint, of: after))")
                    ]))
        }
        let all = try new.indexStatements(of: after)
        for (index, statement) in zip(after.indexes, all) where isNew(.index, index.name) {
            steps.append(MigrationStep(purpose: "Add index \(index.name)", risk: .none, statements: [statement]))
        }
        if changes.contains(where: { $0.object == .table && $0.kind == .changed && $0.field == "primaryKey" }) {
            let key = try new.names(after.primaryKey?.ids ?? [], of: after, user: "The primary key")
            let drop =
                dialect == .mysql ? "DROP PRIMARY KEY" : "DROP CONSTRAINT \(dialect.quoted(after.name + "_pkey"))"
            var parts: [String] = []
            if !(before.primaryKey?.ids ?? []).isEmpty { parts.append(drop) }
            if !key.isEmpty { parts.append("ADD PRIMARY KEY (\(key))") }
            steps.append(
                MigrationStep(
                    purpose: "Change the primary key of \(after.name)", risk: .mayFail("rows may have the same key"),
                    statements: [Statement(.other, "ALTER TABLE \(name) \(parts.joined(separator: ", "))")]))
        }
        return steps
    }

    private func isGone(_ object: SchemaChange.Object, _ name: String) -> Bool {
        changes.contains { $0.object == object && $0.name == name && ($0.kind == .removed || isRemade($0)) }
    }

    private func isNew(_ object: SchemaChange.Object, _ name: String) -> Bool {
        changes.contains { $0.object == object && $0.name == name && ($0.kind == .added || isRemade($0)) }
    }

    private func isRemade(_ change: SchemaChange) -> Bool {
        change.kind == .changed && change.field != "description" && change.field != "votable:utype"
    }

    func columnSteps() throws(DefinitionError) -> [MigrationStep] {
        var steps: [MigrationStep] = []
        for change in changes where change.object == .column {
            let column = dialect.quoted(change.name)
            switch change.kind {
            case .removed:
                steps.append(
                    MigrationStep(
                        purpose: "Remove column \(change.place)", risk: .losesData("all values of \(change.name)"),
                        statements: [Statement(.other, "ALTER TABLE \(name) DROP COLUMN \(column)")]))
            case .renamed:
                let earlier = dialect.quoted(change.old?.stringValue ?? "")
                steps.append(
                    MigrationStep(
                        purpose: "Rename column \(change.place)", risk: .none,
                        statements: [Statement(.other, "ALTER TABLE \(name) RENAME COLUMN \(earlier) TO \(column)")]))
            case .added:
                guard let added = after.column(name: change.name) else { continue }
                var statements = [
                    Statement(
                        .other,
                        "ALTER TABLE \(name) ADD COLUMN \(try new.columnText(added, of: after, isCounter: false))")
                ]
                if let comment = comment(on: added) { statements.append(comment) }
                let needsValue = !added.isNullable && added.value == nil
                steps.append(
                    MigrationStep(
                        purpose: "Add column \(change.place)",
                        risk: needsValue ? .mayFail("rows have no value for it; give it a default") : .none,
                        statements: statements))
            case .changed: continue
            }
        }
        var seen: Set<String> = []
        for change in changes where change.object == .column && change.kind == .changed {
            guard seen.insert(change.name).inserted, let step = try alteration(of: change.name) else { continue }
            steps.append(step)
        }
        return steps
    }

    private func comment(on column: Column) -> Statement? {
        guard dialect == .postgresql else { return nil }
        let text = column.description.map { dialect.literal($0) } ?? "NULL"
        return Statement(.comment, "COMMENT ON COLUMN \(name).\(dialect.quoted(column.name)) IS \(text)")
    }

    /// All that changes about a column, in one step; `nil` if the database does not know of it.
    private func alteration(of columnName: String) throws(DefinitionError) -> MigrationStep? {
        guard dialect != .sqlite, let earlier = before.column(name: columnName),
            let column = after.column(name: columnName)
        else { return nil }
        let typeBefore = try old.typeText(earlier, of: before)
        let type = try new.typeText(column, of: after)
        var statements: [Statement] = []
        var risk = MigrationStep.Risk.none
        if earlier.isNullable, !column.isNullable { risk = .mayFail("rows may hold NULL") }
        if typeBefore != type, let loss = TypeChange.loss(from: earlier, to: column) { risk = .losesData(loss) }
        let saysOther = earlier.description != column.description
        if dialect == .mysql {
            guard
                typeBefore != type || earlier.isNullable != column.isNullable || earlier.value != column.value
                    || saysOther
            else { return nil }
            let text = try new.columnText(column, of: after, isCounter: false)
            statements.append(Statement(.other, "ALTER TABLE \(name) MODIFY COLUMN \(text)"))
        } else {
            let start = "ALTER TABLE \(name) ALTER COLUMN \(dialect.quoted(columnName))"
            if typeBefore != type {
                let cast = "USING \(dialect.quoted(columnName))::\(type)"
                statements.append(Statement(.other, "\(start) TYPE \(type) \(cast)"))
            }
            if earlier.isNullable != column.isNullable {
                statements.append(Statement(.other, "\(start) \(column.isNullable ? "DROP" : "SET") NOT NULL"))
            }
            if earlier.value != column.value {
                let action = column.value.map { "SET DEFAULT \(new.defaultText($0))" } ?? "DROP DEFAULT"
                statements.append(Statement(.other, "\(start) \(action)"))
            }
            if saysOther, let comment = comment(on: column) { statements.append(comment) }
        }
        guard !statements.isEmpty else { return nil }
        return MigrationStep(purpose: "Change column \(after.name).\(columnName)", risk: risk, statements: statements)
    }
}
