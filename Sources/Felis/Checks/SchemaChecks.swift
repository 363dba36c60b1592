import StructuredData

/// The checks that need the whole schema, the columns of other schemas included.
struct SchemaChecks {
    let file: String
    let schema: Schema
    /// Whether all of the schema could be read, so that what is missing is not there.
    let isWhole: Bool
    let options: SchemaOptions

    /// The first problems, as many as a file may have; errors before warnings.
    func problems() -> [SchemaProblem] {
        var problems: [SchemaProblem] = []
        checkNames(&problems)
        let objects = checkIDs(&problems)
        checkConstraints(objects, &problems)
        if isWhole { checkKeysAndIndexes(objects, &problems) }
        return Array(problems.prefix(ReadingContext.problemLimit))
    }

    private func problem(
        _ message: String, at position: TextPosition?, path: [PathStep] = [], remedy: String? = nil,
        severity: SchemaProblem.Severity = .error
    ) -> SchemaProblem {
        SchemaProblem(
            severity: severity, kind: .value, file: file, position: position, path: path, message: message,
            remedy: remedy)
    }

    // MARK: Names

    private func checkNames(_ problems: inout [SchemaProblem]) {
        var tables: Set<String> = []
        var tableIndexes: Set<Int> = []
        var constraints: Set<String> = []
        var indexes: Set<String> = []
        for (t, table) in schema.tables.enumerated() {
            let path: [PathStep] = [.key("tables"), .index(t)]
            if !tables.insert(table.name).inserted {
                problems.append(
                    problem(
                        "Table names must be unique: '\(table.name)' appears again", at: table.position,
                        path: path + [.key("name")]))
            }
            if options.checks.contains(.tableIndexes), let index = table.tableIndex,
                !tableIndexes.insert(index).inserted
            {
                problems.append(
                    problem(
                        "Duplicate 'tap:table_index' value \(index) found in schema", at: table.position,
                        path: path + [.key("tap:table_index")]))
            }
            for (c, constraint) in table.constraints.enumerated() where !constraints.insert(constraint.name).inserted {
                problems.append(
                    problem(
                        "Duplicate constraint name '\(constraint.name)' found in schema", at: constraint.position,
                        path: path + [.key("constraints"), .index(c), .key("name")]))
            }
            for (i, index) in table.indexes.enumerated() where !indexes.insert(index.name).inserted {
                problems.append(
                    problem(
                        "Duplicate index name '\(index.name)' found in schema", at: index.position,
                        path: path + [.key("indexes"), .index(i), .key("name")]))
            }
        }
    }

    // MARK: Identifiers

    /// What has an id, for checks of references.
    private struct Objects {
        struct Object {
            let position: TextPosition
            /// The number of the table, if it is a column.
            let tableOfColumn: Int?
        }
        var byID: [String: Object] = [:]
        /// Columns whose ids other objects have too, with the numbers of their tables.
        var others: [String: Set<Int>] = [:]

        func isColumn(_ id: String, of table: Int) -> Bool {
            byID[id]?.tableOfColumn == table || others[id]?.contains(table) ?? false
        }

        func isColumn(_ id: String) -> Bool { byID[id]?.tableOfColumn != nil || others[id] != nil }
    }

    private func checkIDs(_ problems: inout [SchemaProblem]) -> Objects {
        var objects = Objects()
        objects.byID.reserveCapacity(schema.tables.reduce(1) { $0 + $1.columns.count + $1.constraints.count + 1 })
        func add(
            _ id: String, _ position: TextPosition, column table: Int? = nil, path: () -> [PathStep],
            unless isKnown: () -> Bool = { false }
        ) {
            let object = Objects.Object(position: position, tableOfColumn: table)
            // An empty id is that of an object without a name, which has been reported.
            guard !id.isEmpty, let first = objects.byID.updateValue(object, forKey: id) else { return }
            objects.byID[id] = first
            if let table { objects.others[id, default: []].insert(table) }
            guard !isKnown() else { return }
            problems.append(
                problem(
                    "Duplicate ID '\(id)' found in schema, first at line \(first.position.line)", at: position,
                    path: path() + [.key("@id")], remedy: "give one of the objects another '@id'"))
        }
        add(schema.id, schema.position, path: { [] })
        for (t, table) in schema.tables.enumerated() {
            add(table.id, table.position, path: { [.key("tables"), .index(t)] })
            var repeats: Set<Int>?
            for (index, column) in table.columns.enumerated() {
                // Two columns of one name have been reported, unless one comes from elsewhere.
                let path = { () -> [PathStep] in
                    column.isReferenced
                        ? [.key("tables"), .index(t), .key("columnRefs"), .key(column.name)]
                        : [.key("tables"), .index(t), .key("columns"), .index(index)]
                }
                add(column.id, column.position, column: t, path: path) {
                    if column.isReferenced { return false }
                    let known = repeats ?? Self.repeats(in: table.columns)
                    repeats = known
                    return known.contains(index)
                }
            }
            for (c, constraint) in table.constraints.enumerated() {
                add(
                    constraint.id, constraint.position,
                    path: { [.key("tables"), .index(t), .key("constraints"), .index(c)] })
            }
        }
        return objects
    }

    /// The numbers of the columns whose names stand before them already.
    private static func repeats(in columns: [Column]) -> Set<Int> {
        var names: Set<String> = []
        return Set(columns.indices.filter { !names.insert(columns[$0].name).inserted })
    }

    // MARK: Constraints

    private func checkConstraints(_ objects: Objects, _ problems: inout [SchemaProblem]) {
        for (t, table) in schema.tables.enumerated() {
            for (c, constraint) in table.constraints.enumerated() {
                func add(_ list: String, _ id: String, _ message: String) {
                    problems.append(
                        problem(
                            message, at: constraint.position,
                            path: [.key("tables"), .index(t), .key("constraints"), .index(c), .key(list), .key(id)]))
                }
                for id in constraint.columns {
                    checkExists(id, objects) { add("columns", id, $0) }
                    if isWhole, !objects.isColumn(id, of: t) {
                        add("columns", id, "Column '\(id)' not found in table '\(table.name)'")
                    }
                }
                for id in constraint.foreignKey?.referenced ?? [] {
                    checkExists(id, objects) { add("referenced_columns", id, $0) }
                }
            }
        }
    }

    private func checkExists(_ id: String, _ objects: Objects, _ report: (String) -> Void) {
        if objects.isColumn(id) { return }
        if objects.byID[id] != nil {
            report("ID '\(id)' does not refer to a Column object")
        } else if isWhole {
            report("Column ID '\(id)' not found in schema")
        }
    }

    // MARK: What only fails later

    /// The Python tool finds these when it makes the tables; here they are warnings, so that verdicts are the same.
    private func checkKeysAndIndexes(_ objects: Objects, _ problems: inout [SchemaProblem]) {
        var suggestions = Suggestions()
        for (t, table) in schema.tables.enumerated() {
            let keys = table.primaryKey?.ids ?? []
            guard !keys.isEmpty || !table.indexes.isEmpty else { continue }
            let ids = table.columns.lazy.map(\.id)
            for id in keys where !objects.isColumn(id, of: t) {
                problems.append(
                    problem(
                        "the primary key names '\(id)', which is no column of table '\(table.name)'; "
                            + "no database can be made",
                        at: table.position, path: [.key("tables"), .index(t), .key("primaryKey")],
                        remedy: suggestions.nearest(to: id, in: ids).map { "did you mean '\($0)'?" },
                        severity: .warning))
            }
            for (i, index) in table.indexes.enumerated() {
                for id in index.columns where !objects.isColumn(id, of: t) {
                    problems.append(
                        problem(
                            "the index '\(index.name)' names '\(id)', which is no column of table '\(table.name)'; "
                                + "no database can be made",
                            at: index.position, path: [.key("tables"), .index(t), .key("indexes"), .index(i)],
                            remedy: suggestions.nearest(to: id, in: ids).map { "did you mean '\($0)'?" },
                            severity: .warning))
                }
            }
        }
    }
}
