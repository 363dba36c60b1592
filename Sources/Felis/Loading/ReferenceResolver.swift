/// Gives tables the columns that they take from other schemas.
struct ReferenceResolver {
    let file: String
    let resources: [String: Schema]
    /// Aliases whose schemas could not be loaded, which has been reported.
    let failed: Set<String>
    let increment: Int?
    private(set) var problems: [SchemaProblem] = []
    private var suggestions = Suggestions()
    /// The tables of each resource that references name, by name.
    private var tables: [String: [String: Table]] = [:]

    init(file: String, resources: [String: Schema], failed: Set<String>, increment: Int?) {
        self.file = file
        self.resources = resources
        self.failed = failed
        self.increment = increment
    }

    /// Appends the columns, in the order of the references, to each table's own.
    mutating func resolve(_ schema: inout Schema) {
        for index in schema.tables.indices where !schema.tables[index].references.isEmpty {
            resolve(&schema.tables[index], path: [.key("tables"), .index(index), .key("columnRefs")])
        }
    }

    private mutating func resolve(_ table: inout Table, path: [PathStep]) {
        // The number starts anew with each alias.
        var number = 0
        var alias = ""
        var found: (name: String, table: Table?, columns: [String: Int])?
        for reference in table.references {
            if reference.resource != alias {
                alias = reference.resource
                number = 0
                found = nil
            }
            guard let resource = resources[reference.resource] else {
                if !failed.contains(reference.resource) {
                    report(
                        "Schema resource '\(reference.resource)' was not found in resources", reference, path,
                        near: suggestions.nearest(to: reference.resource, in: resources.keys.sorted()))
                }
                continue
            }
            if found?.name != reference.table {
                let table = self.table(reference.table, of: resource, alias: reference.resource)
                var columns: [String: Int] = [:]
                for (index, column) in (table?.columns ?? []).enumerated() { columns[column.name] = index }
                found = (reference.table, table, columns)
            }
            guard let source = found, let sourceTable = source.table else {
                report(
                    "Table '\(reference.table)' not found in resource '\(reference.resource)'", reference, path,
                    near: suggestions.nearest(to: reference.table, in: resource.tables.lazy.map(\.name)))
                continue
            }
            let name = reference.referencedName ?? reference.name
            guard let index = source.columns[name] else {
                let addition = reference.referencedName == nil ? " and no ref_name provided" : ""
                report(
                    "Column '\(name)' not found in table '\(reference.table)' from resource "
                        + "'\(reference.resource)'\(addition)", reference, path,
                    near: suggestions.nearest(to: name, in: sourceTable.columns.lazy.map(\.name)))
                continue
            }
            // Numbers that overrides give are not counted.
            if (reference.overrides?.columnIndex).flatMap({ $0 }) == nil { number += increment ?? 0 }
            table.columns.append(column(sourceTable.columns[index], reference, tableID: table.id, number: number))
        }
    }

    private mutating func table(_ name: String, of resource: Schema, alias: String) -> Table? {
        if tables[alias] == nil {
            tables[alias] = Dictionary(
                resource.tables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        }
        return tables[alias]?[name]
    }

    private func column(_ source: Column, _ reference: ColumnReference, tableID: String, number: Int) -> Column {
        var column = source
        column.name = reference.name
        column.id = "\(tableID).\(reference.name)"
        column.isReferenced = true
        column.position = reference.position
        let overrides = reference.overrides
        if let datatype = overrides?.datatype { column.datatype = datatype }
        if let length = overrides?.length { column.length = length }
        if let description = overrides?.description { column.description = description }
        if let isNullable = overrides?.isNullable { column.isNullable = isNullable }
        if let principal = overrides?.principal { column.principal = principal }
        if increment != nil { column.columnIndex = number }
        if let index = overrides?.columnIndex, increment == nil || index != nil { column.columnIndex = index }
        return column
    }

    private mutating func report(
        _ message: String, _ reference: ColumnReference, _ path: [PathStep], near: String?
    ) {
        guard problems.count < ReadingContext.problemLimit else { return }
        problems.append(
            SchemaProblem(
                kind: .value, file: file, position: reference.position,
                path: path + [.key(reference.resource), .key(reference.table), .key(reference.name)],
                message: message, remedy: near.map { "did you mean '\($0)'?" }))
    }
}
