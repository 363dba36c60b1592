import StructuredData

/// The checks that need the whole schema, the columns of other schemas included.
struct SchemaChecks {
    let file: String
    let schema: Schema
    /// Whether all of the schema could be read, so that what is missing is not there.
    let isWhole: Bool
    let options: SchemaOptions

    func problems() -> [SchemaProblem] {
        var problems: [SchemaProblem] = []
        checkNames(&problems)
        let objects = checkIDs(&problems)
        checkConstraints(objects, &problems)
        if isWhole { checkKeysAndIndexes(objects, &problems) }
        return problems
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
        for table in schema.tables {
            if !tables.insert(table.name).inserted {
                problems.append(
                    problem(
                        "Table names must be unique: '\(table.name)' appears again", at: table.position,
                        path: [.key("tables")]))
            }
            if options.checks.contains(.tableIndexes), let index = table.tableIndex,
                !tableIndexes.insert(index).inserted
            {
                problems.append(
                    problem("Duplicate 'tap:table_index' value \(index) found in schema", at: table.position))
            }
            for constraint in table.constraints where !constraints.insert(constraint.name).inserted {
                problems.append(
                    problem("Duplicate constraint name '\(constraint.name)' found in schema", at: constraint.position))
            }
            for index in table.indexes where !indexes.insert(index.name).inserted {
                problems.append(problem("Duplicate index name '\(index.name)' found in schema", at: index.position))
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
        func add(_ id: String, _ position: TextPosition, column table: Int? = nil, unless isKnown: () -> Bool) {
            let object = Objects.Object(position: position, tableOfColumn: table)
            // An empty id is that of an object without a name, which has been reported.
            guard !id.isEmpty, let first = objects.byID.updateValue(object, forKey: id) else { return }
            objects.byID[id] = first
            if let table { objects.others[id, default: []].insert(table) }
            guard !isKnown() else { return }
            problems.append(
                problem(
                    "Duplicate ID '\(id)' found in schema, first at line \(first.position.line)", at: position,
                    remedy: "give one of the objects another '@id'"))
        }
        add(schema.id, schema.position) { false }
        for (t, table) in schema.tables.enumerated() {
            add(table.id, table.position) { false }
            var repeats: Set<Int>?
            for (index, column) in table.columns.enumerated() {
                // Two columns of one name have been reported, unless one comes from elsewhere.
                add(column.id, column.position, column: t) {
                    if column.isReferenced { return false }
                    let known = repeats ?? Self.repeats(in: table.columns)
                    repeats = known
                    return known.contains(index)
                }
            }
            for constraint in table.constraints { add(constraint.id, constraint.position) { false } }
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
        for (t, table) in schema.tables.enumerated() {
            let keys = table.primaryKey?.ids ?? []
            guard !keys.isEmpty || !table.indexes.isEmpty else { continue }
            var ids: [String] { table.columns.map(\.id).sorted() }
            for id in keys where !objects.isColumn(id, of: t) {
                problems.append(
                    problem(
                        "the primary key names '\(id)', which is no column of table '\(table.name)'; "
                            + "no database can be made",
                        at: table.position, path: [.key("tables"), .index(t), .key("primaryKey")],
                        remedy: Suggestion.nearest(to: id, in: ids).map { "did you mean '\($0)'?" },
                        severity: .warning))
            }
            for (i, index) in table.indexes.enumerated() {
                for id in index.columns where !objects.isColumn(id, of: t) {
                    problems.append(
                        problem(
                            "the index '\(index.name)' names '\(id)', which is no column of table '\(table.name)'; "
                                + "no database can be made",
                            at: index.position, path: [.key("tables"), .index(t), .key("indexes"), .index(i)],
                            remedy: Suggestion.nearest(to: id, in: ids).map { "did you mean '\($0)'?" },
                            severity: .warning))
                }
            }
        }
    }
}
