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

    /// - Throws: ``DefinitionError``.
    public func steps() throws(DefinitionError) -> [MigrationStep] {
        let changes = SchemaComparison(old.schema, new.schema).changes
        var steps: [MigrationStep] = []
        var before: [MigrationStep] = []
        var after: [MigrationStep] = []
        for change in changes where change.object == .table && change.kind == .removed {
            guard let table = old.schema.table(name: change.name) else { continue }
            before.append(
                MigrationStep(
                    purpose: "Remove table \(table.name)", risk: .losesData("all rows of \(table.name)"),
                    statements: [Statement(.other, "DROP TABLE \(old.name(of: table))")]))
        }
        for table in new.schema.tables {
            let own = changes.filter { ($0.table ?? $0.name) == table.name && $0.object != .schema }
            if own.contains(where: { $0.object == .table && $0.kind == .added }) {
                steps.append(try creation(of: table))
                continue
            }
            guard let earlier = old.schema.table(name: table.name), !own.isEmpty else { continue }
            let alteration = TableAlteration(old: old, new: new, before: earlier, after: table, changes: own)
            if dialect == .sqlite, alteration.needsRebuild {
                steps.append(try alteration.rebuild())
            } else {
                before += alteration.removals()
                steps += try alteration.columnSteps()
                after += try alteration.additions()
            }
        }
        return before + steps + after
    }

    private func creation(of table: Table) throws(DefinitionError) -> MigrationStep {
        var statements = [Statement(.createTable, try new.tableText(table, leavesOutKeys: false))]
        statements += try new.indexStatements(of: table)
        if dialect == .postgresql { statements += new.comments(on: table) }
        return MigrationStep(purpose: "Add table \(table.name)", risk: .none, statements: statements)
    }
}
