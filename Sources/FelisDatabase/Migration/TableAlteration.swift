import Felis
import StructuredData

/// The steps for one table that both versions have.
struct TableAlteration {
    let old: SchemaDefinitions
    let new: SchemaDefinitions
    let before: Table
    let after: Table
    let changes: [SchemaChange]
    /// The names that columns had before, by those that they have.
    private let earlierNames: [String: String]
    /// What the types of columns, as `table.column`, say in the database besides what the language can.
    private let unsaidTypes: [String: String]

    init(
        old: SchemaDefinitions, new: SchemaDefinitions, before: Table, after: Table, changes: [SchemaChange],
        unsaidTypes: [String: String] = [:]
    ) {
        self.old = old
        self.new = new
        self.before = before
        self.after = after
        self.changes = changes
        self.unsaidTypes = unsaidTypes
        var names: [String: String] = [:]
        for change in changes where change.object == .column && change.kind == .renamed {
            names[change.name] = change.old?.stringValue
        }
        earlierNames = names
    }

    func earlierName(of column: String) -> String { earlierNames[column] ?? column }

    var dialect: Dialect { new.dialect }
    var name: String { new.name(of: after) }

    // MARK: In place

    /// Indexes and constraints that go, or come back in another form.
    ///
    /// - Parameter ofKeys: whether of keys that point elsewhere, or of all else.
    func removals(ofKeys: Bool) -> [MigrationStep] {
        var steps: [MigrationStep] = []
        let creation = SchemaCreation(old)
        for index in before.indexes where !ofKeys && isGone(.index, index.name) {
            var step = MigrationStep(
                purpose: "Remove index \(index.name)", risk: .none,
                statements: [creation.dropStatement(index, of: before)])
            step.checks = ["NOT \(SQLiteCondition.hasIndex(before.name, index.name))"]
            steps.append(step)
        }
        for constraint in before.constraints
        where (constraint.foreignKey != nil) == ofKeys && isGone(.constraint, constraint.name)
            && !old.isMerged(constraint, of: before)
        {
            steps.append(
                MigrationStep(
                    purpose: "Remove constraint \(constraint.name)", risk: .none,
                    statements: [old.dropStatement(constraint, of: before)]))
        }
        if !ofKeys, let step = keyRemoval() { steps.append(step) }
        return steps
    }

    /// Indexes and constraints that come, those last that are keys which point elsewhere.
    func additions(ofKeys: Bool) throws(DefinitionError) -> [MigrationStep] {
        var steps: [MigrationStep] = []
        if !ofKeys, let step = try keyAddition() { steps.append(step) }
        for constraint in after.constraints
        where (constraint.foreignKey != nil) == ofKeys && isNew(.constraint, constraint.name)
            && !new.isMerged(constraint, of: after)
        {
            steps.append(
                MigrationStep(
                    purpose: "Add constraint \(constraint.name)", risk: .mayFail("rows may break it"),
                    statements: try new.addStatements(constraint, of: after)))
        }
        guard !ofKeys else { return steps }
        let all = try new.indexStatements(of: after)
        for (index, statement) in zip(after.indexes, all) where isNew(.index, index.name) {
            var step = MigrationStep(purpose: "Add index \(index.name)", risk: .none, statements: [statement])
            step.checks = [SQLiteCondition.hasIndex(after.name, index.name)]
            steps.append(step)
        }
        return steps
    }

    /// Whether the key has other columns than before, whatever they are called.
    var changesKey: Bool {
        func names(_ table: Table) -> [String] {
            (table.primaryKey?.ids ?? []).map { table.column(id: $0)?.name ?? $0 }
        }
        return names(before) != names(after).map { earlierName(of: $0) }
    }

    /// The old key, removed. MySQL does it together with ``keyAddition()``: columns that count need a key.
    private func keyRemoval() -> MigrationStep? {
        guard changesKey, dialect != .mysql, before.primaryKey.map({ !$0.ids.isEmpty }) ?? false else { return nil }
        var parts = ["DROP CONSTRAINT \(dialect.quoted(old.primaryKeyName(of: before)))"]
        // What a key requires of its columns stays when it goes.
        for column in after.columns where column.isNullable {
            // Columns get their new names later.
            let name = earlierName(of: column.name)
            guard isInKey(name, of: before), !isInKey(column.name, of: after) else { continue }
            parts.append("ALTER COLUMN \(dialect.quoted(name)) DROP NOT NULL")
        }
        return MigrationStep(
            purpose: "Remove the primary key of \(after.name)", risk: .none,
            statements: [Statement(.other, "ALTER TABLE \(name) \(parts.joined(separator: ", "))")])
    }

    private func keyAddition() throws(DefinitionError) -> MigrationStep? {
        guard changesKey else { return nil }
        let key = try new.names(after.primaryKey?.ids ?? [], of: after, user: "The primary key")
        var parts: [String] = []
        // A key goes by itself with the last of its columns.
        if dialect == .mysql, after.columns.contains(where: { isInKey(earlierName(of: $0.name), of: before) }) {
            parts.append("DROP PRIMARY KEY")
        }
        if !key.isEmpty {
            let name = new.primaryKeyName(of: after)
            let isNamed = dialect == .postgresql && name != after.name + "_pkey"
            parts.append("ADD \(isNamed ? "CONSTRAINT \(dialect.quoted(name)) " : "")PRIMARY KEY (\(key))")
        }
        guard !parts.isEmpty else { return nil }
        return MigrationStep(
            purpose: "\(key.isEmpty ? "Remove" : "Set") the primary key of \(after.name)",
            risk: key.isEmpty ? .none : .mayFail("rows may have the same key"),
            statements: [Statement(.other, "ALTER TABLE \(name) \(parts.joined(separator: ", "))")])
    }

    private func isInKey(_ column: String, of table: Table) -> Bool {
        guard let id = table.column(name: column)?.id else { return false }
        return table.primaryKey?.ids.contains(id) ?? false
    }

    /// What changes about the table as a whole.
    func tableSteps() -> [MigrationStep] { storageSteps() + commentSteps() }

    /// Storage engine and character set, which MySQL has. Where a file leaves the engine to the server, it stays.
    private func storageSteps() -> [MigrationStep] {
        guard dialect == .mysql else { return [] }
        var steps: [MigrationStep] = []
        if let engine = after.mysqlEngine, engine != before.mysqlEngine {
            let keepsKeys = engine.lowercased() == "innodb"
            steps.append(
                MigrationStep(
                    purpose: "Change the storage engine of \(after.name)",
                    risk: keepsKeys ? .none : .mayFail("not every engine has foreign keys"),
                    statements: [Statement(.other, "ALTER TABLE \(name) ENGINE=\(engine)")]))
        }
        if let charset = after.mysqlCharset, charset != before.mysqlCharset {
            let hasAll = charset.lowercased() == "utf8mb4"
            steps.append(
                MigrationStep(
                    purpose: "Change the character set of \(after.name)",
                    risk: hasAll ? .none : .losesData("characters that \(charset) does not have"),
                    statements: [Statement(.other, "ALTER TABLE \(name) CONVERT TO CHARACTER SET \(charset)")]))
        }
        return steps
    }

    /// Descriptions of the table and of constraints that stay, which PostgreSQL and, for tables, MySQL keep.
    private func commentSteps() -> [MigrationStep] {
        var statements: [Statement] = []
        func text(_ description: String?) -> String { description.map { dialect.literal($0) } ?? "NULL" }
        if before.description != after.description {
            switch dialect {
            case .sqlite: break
            case .postgresql:
                statements.append(Statement(.comment, "COMMENT ON TABLE \(name) IS \(text(after.description))"))
            case .mysql:
                let literal = dialect.literal(after.description ?? "")
                statements.append(Statement(.other, "ALTER TABLE \(name) COMMENT = \(literal)"))
            }
        }
        for constraint in after.constraints where dialect == .postgresql {
            guard let earlier = before.constraints.first(where: { $0.name == constraint.name }),
                earlier.description != constraint.description, !isGone(.constraint, constraint.name)
            else { continue }
            let name = dialect.quoted(constraint.name)
            statements.append(
                Statement(
                    .comment, "COMMENT ON CONSTRAINT \(name) ON \(self.name) IS \(text(constraint.description))"))
        }
        guard !statements.isEmpty else { return [] }
        return [MigrationStep(purpose: "Describe \(after.name)", risk: .none, statements: statements)]
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
                let earlier = change.old?.stringValue ?? ""
                var step = MigrationStep(
                    purpose: "Rename column \(change.place)",
                    risk: .assumes("\(earlier), which has the same definition, is now called \(change.name)"),
                    statements: [
                        Statement(.other, "ALTER TABLE \(name) RENAME COLUMN \(dialect.quoted(earlier)) TO \(column)")
                    ])
                step.checks = [SQLiteCondition.hasColumn(after.name, change.name)]
                steps.append(step)
            case .added:
                guard let added = after.column(name: change.name) else { continue }
                var statements = [
                    Statement(
                        .other,
                        "ALTER TABLE \(name) ADD COLUMN \(try new.columnText(added, of: after, isCounter: false))")
                ]
                if let comment = comment(on: added) { statements.append(comment) }
                let needsValue = !added.isNullable && added.value == nil
                var step = MigrationStep(
                    purpose: "Add column \(change.place)",
                    risk: needsValue ? .mayFail("rows have no value for it; give it a default") : .none,
                    statements: statements)
                step.checks = [SQLiteCondition.hasColumn(after.name, change.name)]
                steps.append(step)
            case .changed: continue
            }
        }
        var seen: Set<String> = []
        for change in changes where change.object == .column && change.kind == .changed {
            guard seen.insert(change.name).inserted, let step = try alteration(of: change.name) else { continue }
            steps.append(step)
        }
        // Whether a column counts by itself follows from the key too.
        for column in after.columns where dialect == .postgresql && !seen.contains(column.name) {
            guard let earlier = before.column(name: column.name),
                try counts(earlier, before, old) != counts(column, after, new),
                let step = try alteration(of: column.name)
            else { continue }
            steps.append(step)
        }
        return steps
    }

    private func counts(
        _ column: Column, _ table: Table, _ definitions: SchemaDefinitions
    ) throws(DefinitionError) -> Bool {
        try definitions.autoincrementColumn(of: table, key: table.primaryKey?.ids ?? []) == column.id
            && column.value == nil
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
        let typeChange = TypeChange(from: earlier, typeBefore, to: column, type, dialect: dialect)
        if let loss = typeChange.loss { risk = .losesData(loss) }
        if typeBefore != type, let unsaid = unsaidTypes["\(before.name).\(columnName)"] { risk = .losesData(unsaid) }
        let saysOther = (earlier.description ?? "") != (column.description ?? "")
        if dialect == .mysql {
            guard
                typeBefore != type || earlier.isNullable != column.isNullable || earlier.value != column.value
                    || saysOther
            else { return nil }
            let text = try new.columnText(column, of: after, isCounter: try counts(column, after, new))
            statements.append(Statement(.other, "ALTER TABLE \(name) MODIFY COLUMN \(text)"))
        } else {
            statements += try postgresqlAlteration(earlier, column, typeBefore, type)
            if saysOther, let comment = comment(on: column) { statements.append(comment) }
        }
        guard !statements.isEmpty else { return nil }
        return MigrationStep(purpose: "Change column \(after.name).\(columnName)", risk: risk, statements: statements)
    }

    private func postgresqlAlteration(
        _ earlier: Column, _ column: Column, _ typeBefore: String, _ type: String
    ) throws(DefinitionError) -> [Statement] {
        let quoted = dialect.quoted(column.name)
        let start = "ALTER TABLE \(name) ALTER COLUMN \(quoted)"
        var texts: [String] = []
        let counted = try counts(earlier, before, old)
        let counts = try counts(column, after, new)
        let sequence = new.qualified("\(after.name)_\(column.name)_seq")
        if counted, !counts { texts += ["\(start) DROP DEFAULT", "DROP SEQUENCE IF EXISTS \(sequence)"] }
        if typeBefore != type {
            // The default of the old type may be none of the new one.
            if earlier.value != nil { texts.append("\(start) DROP DEFAULT") }
            let change = TypeChange(from: earlier, typeBefore, to: column, type, dialect: dialect)
            texts.append("\(start) TYPE \(type) USING \(change.conversion(of: quoted))")
            if counted, counts { texts.append("ALTER SEQUENCE \(sequence) AS \(type)") }
        }
        if earlier.isNullable != column.isNullable, !isInKey(column.name, of: after) {
            texts.append("\(start) \(column.isNullable ? "DROP" : "SET") NOT NULL")
        }
        if let value = column.value, earlier.value != value || typeBefore != type {
            texts.append("\(start) SET DEFAULT \(new.defaultText(value))")
        } else if column.value == nil, earlier.value != nil, typeBefore == type {
            texts.append("\(start) DROP DEFAULT")
        }
        if counts, !counted {
            texts += [
                "CREATE SEQUENCE \(sequence) AS \(type) OWNED BY \(name).\(quoted)",
                "SELECT setval(\(dialect.literal(sequence)), COALESCE(max(\(quoted)), 0) + 1, false) FROM \(name)",
                "\(start) SET DEFAULT nextval(\(dialect.literal(sequence)))",
            ]
        }
        return texts.map { Statement(.other, $0) }
    }
}
