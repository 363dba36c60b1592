import Felis
import StructuredData

/// The steps that turn the tables of one version of a schema into those of the next.
///
/// What only data services see (units, UCDs, places in TAP_SCHEMA) makes no step: `load-tap-schema --update` carries
/// it.
public struct SchemaMigration: Sendable {
    private let old: SchemaDefinitions
    private let new: SchemaDefinitions
    private var dialect: Dialect { new.dialect }

    public init(from old: Schema, to new: Schema, dialect: Dialect, schemaName: String? = nil) {
        // Both are in the same schema of the database, whatever the files are called.
        let options = SchemaDefinitions.Options(schemaName: schemaName ?? new.name)
        self.old = SchemaDefinitions(old, dialect: dialect, options: options)
        self.new = SchemaDefinitions(new, dialect: dialect, options: options)
    }

    /// The steps in an order in which they can be run: keys that point elsewhere go first and come last.
    ///
    /// - Throws: ``DefinitionError``.
    public func steps() throws(DefinitionError) -> [MigrationStep] {
        let changes = SchemaComparison(old.schema, new.schema).changes
        var first: [MigrationStep] = []
        var before: [MigrationStep] = []
        var steps: [MigrationStep] = []
        var after: [MigrationStep] = []
        var last: [MigrationStep] = []
        for index in try new.tableOrder().tables {
            let table = new.schema.tables[index]
            let own = changes.filter { ($0.table ?? $0.name) == table.name && $0.object != .schema }
            guard let earlier = old.schema.table(name: table.name) else {
                steps.append(try creation(of: table))
                last += try keys(of: table)
                continue
            }
            guard !own.isEmpty else { continue }
            let alteration = TableAlteration(old: old, new: new, before: earlier, after: table, changes: own)
            if dialect == .sqlite, alteration.needsRebuild {
                steps.append(try alteration.rebuild())
            } else {
                first += alteration.removals(ofKeys: true)
                before += alteration.removals(ofKeys: false)
                steps += try alteration.columnSteps() + alteration.commentSteps()
                after += try alteration.additions(ofKeys: false)
                last += try alteration.additions(ofKeys: true)
            }
        }
        return first + (try removals()) + before + steps + after + last
    }

    /// The text of steps, as one transaction where the database can undo definitions.
    public func script(_ steps: [MigrationStep]) -> String {
        let text = steps.map(\.scriptText).joined()
        guard !steps.isEmpty, dialect != .mysql else { return text }
        // Else SQLite would take a table that is made anew for one whose rows are deleted.
        let start = dialect == .sqlite ? "PRAGMA foreign_keys = OFF;\n" : ""
        return start + "BEGIN;\n" + text + "COMMIT;\n"
    }

    /// Tables that go, those first that point to others.
    private func removals() throws(DefinitionError) -> [MigrationStep] {
        let names = Set(new.schema.tables.map(\.name))
        let order = try old.tableOrder()
        return order.tables.reversed().compactMap { index in
            let table = old.schema.tables[index]
            guard !names.contains(table.name) else { return nil }
            var statements = [Statement(.other, "DROP TABLE \(old.name(of: table))")]
            if order.cyclic.contains(index), dialect != .sqlite {
                let keys = table.constraints.filter { $0.foreignKey != nil }
                statements.insert(contentsOf: keys.map { old.dropStatement($0, of: table) }, at: 0)
            }
            return MigrationStep(
                purpose: "Remove table \(table.name)", risk: .losesData("all rows of \(table.name)"),
                statements: statements)
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
        return MigrationStep(purpose: "Add table \(table.name)", risk: .none, statements: statements)
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
