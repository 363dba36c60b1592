import Felis
import StructuredData

/// The steps that turn the tables of one version of a schema into those of the next.
///
/// What only data services see (units, UCDs, places in TAP_SCHEMA) makes no step: `load-tap-schema --update` carries
/// it.
public struct SchemaMigration: Sendable {
    private let old: SchemaDefinitions
    private let new: SchemaDefinitions
    private let unsaid: UnsaidParts
    private let makesSchema: Bool
    /// What tables are called that SQLite puts aside, by their names.
    private let aside: [String: String]
    private let guardName: String
    private var dialect: Dialect { new.dialect }

    /// - Parameters:
    ///   - unsaid: what a database has that the old schema, which was read from it, does not tell.
    ///   - makesSchema: whether the schema in the database has to be made first.
    public init(
        from old: Schema, to new: Schema, dialect: Dialect, schemaName: String? = nil,
        unsaid: UnsaidParts = UnsaidParts(), makesSchema: Bool = false
    ) {
        // Both are in the same schema of the database, whatever the files are called.
        let options = SchemaDefinitions.Options(schemaName: schemaName ?? new.name)
        self.old = SchemaDefinitions(old, dialect: dialect, options: options)
        self.new = SchemaDefinitions(new, dialect: dialect, options: options)
        self.unsaid = unsaid
        self.makesSchema = makesSchema
        let tables = old.tables + new.tables
        var names = FreeNames(taken: tables.map(\.name) + tables.flatMap { $0.indexes.map(\.name) } + unsaid.names)
        guardName = names.take("migration_checks")
        var aside: [String: String] = [:]
        for table in old.tables { aside[table.name] = names.take(table.name + "_old") }
        self.aside = aside
    }

    /// The steps in an order in which they can be run: keys that point elsewhere go first and come last.
    ///
    /// - Throws: ``DefinitionError``.
    public func steps() throws(DefinitionError) -> [MigrationStep] {
        var changes: [String: [SchemaChange]] = [:]
        for change in SchemaComparison(old.schema, new.schema).changes where change.object != .schema {
            changes[change.table ?? change.name, default: []].append(change)
        }
        let earlier = Dictionary(old.schema.tables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var first: [MigrationStep] = []
        var before: [MigrationStep] = []
        var steps: [MigrationStep] = []
        var after: [MigrationStep] = []
        var last: [MigrationStep] = []
        for index in try new.tableOrder().tables {
            let table = new.schema.tables[index]
            guard let earlier = earlier[table.name] else {
                steps.append(try creation(of: table))
                last += try keys(of: table)
                continue
            }
            guard let own = changes[table.name] else { continue }
            let alteration = TableAlteration(
                old: old, new: new, before: earlier, after: table, changes: own, unsaidTypes: unsaid.ofTypes)
            if dialect == .sqlite, alteration.needsRebuild {
                steps.append(
                    try alteration.rebuild(
                        aside: aside[table.name] ?? table.name, unsaid: unsaid.ofTables[table.name] ?? []))
            } else {
                first += alteration.removals(ofKeys: true)
                before += alteration.removals(ofKeys: false)
                steps += try alteration.columnSteps() + alteration.tableSteps()
                after += try alteration.additions(ofKeys: false)
                last += try alteration.additions(ofKeys: true)
            }
        }
        let all = first + (try removals()) + before + steps + after + last
        let preparation = SchemaCreation(new).preparation(.initialize)
        guard makesSchema, let name = new.schemaName, !preparation.isEmpty else { return all }
        return [MigrationStep(purpose: "Make the schema \(name)", risk: .none, statements: preparation)] + all
    }

    /// The text of steps, as one transaction where the database can undo definitions.
    public func script(_ steps: [MigrationStep]) -> String {
        guard !steps.isEmpty else { return "" }
        switch dialect {
        case .sqlite:
            let names = Set(steps.flatMap(\.clearance).map(\.text))
            let aside = old.schema.tables.compactMap { self.aside[$0.name] }
                .filter { names.contains("DROP TABLE \(dialect.quoted($0))") }
            return SQLiteScript(steps: steps, aside: aside, guardName: guardName).text
        case .postgresql: return "BEGIN;\n" + steps.map(\.scriptText).joined() + "COMMIT;\n"
        case .mysql: return steps.map(\.scriptText).joined()
        }
    }

    /// Tables that go, those first that point to others.
    private func removals() throws(DefinitionError) -> [MigrationStep] {
        let names = Set(new.schema.tables.map(\.name))
        let order = try old.tableOrder()
        return order.tables.reversed().compactMap { index in
            let table = old.schema.tables[index]
            guard !names.contains(table.name) else { return nil }
            var step = MigrationStep(
                purpose: "Remove table \(table.name)", risk: .losesData("all rows of \(table.name)"), statements: [])
            guard dialect != .sqlite else {
                let name = aside[table.name] ?? table.name
                step.preparation = [
                    Statement(.other, "ALTER TABLE \(old.name(of: table)) RENAME TO \(dialect.quoted(name))")
                ]
                step.preparation += table.indexes.map { index in
                    Statement(.other, "DROP INDEX IF EXISTS \(dialect.quoted(index.name))")
                }
                step.checks = [SQLiteCondition.hasTable(name)]
                step.clearance = [Statement(.other, "DROP TABLE \(dialect.quoted(name))")]
                return step
            }
            if order.cyclic.contains(index) {
                let keys = table.constraints.filter { $0.foreignKey != nil }
                step.statements = keys.map { old.dropStatement($0, of: table) }
            }
            step.statements.append(Statement(.other, "DROP TABLE \(old.name(of: table))"))
            return step
        }
    }

    private func creation(of table: Table) throws(DefinitionError) -> MigrationStep {
        var statements = [Statement(.createTable, try new.tableText(table, leavesOutKeys: dialect != .sqlite))]
        statements += try new.indexStatements(of: table)
        if dialect == .postgresql {
            statements += new.comments(on: table)
            let others = table.constraints.filter { $0.foreignKey == nil }
            statements += others.compactMap { new.comment(on: $0, of: table) }
        }
        var step = MigrationStep(purpose: "Add table \(table.name)", risk: .none, statements: statements)
        step.checks = [SQLiteCondition.hasTable(table.name)]
        step.checks += table.indexes.map { SQLiteCondition.hasIndex(table.name, $0.name) }
        return step
    }

    /// The keys of a new table, once all tables are there.
    private func keys(of table: Table) throws(DefinitionError) -> [MigrationStep] {
        guard dialect != .sqlite else { return [] }
        var steps: [MigrationStep] = []
        for constraint in table.constraints where constraint.foreignKey != nil {
            steps.append(
                MigrationStep(
                    purpose: "Add constraint \(constraint.name)", risk: .none,
                    statements: try new.addStatements(constraint, of: table)))
        }
        return steps
    }
}

extension SchemaDefinitions {
    func dropStatement(_ constraint: Constraint, of table: Table) -> Statement {
        let word = dialect == .mysql && constraint.foreignKey != nil ? "FOREIGN KEY" : "CONSTRAINT"
        return Statement(.other, "ALTER TABLE \(name(of: table)) DROP \(word) \(dialect.quoted(constraint.name))")
    }

    func addStatements(_ constraint: Constraint, of table: Table) throws(DefinitionError) -> [Statement] {
        let text = try constraintText(constraint, of: table)
        let statement = Statement(.addConstraint, "ALTER TABLE \(name(of: table)) ADD \(text)")
        guard dialect == .postgresql, let comment = comment(on: constraint, of: table) else { return [statement] }
        return [statement, comment]
    }
}
