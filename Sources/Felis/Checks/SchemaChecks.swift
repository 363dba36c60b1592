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
        checkIDs(&problems)
        checkConstraints(&problems)
        if isWhole { checkKeysAndIndexes(&problems) }
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

    private func checkIDs(_ problems: inout [SchemaProblem]) {
        var seen: [String: TextPosition] = [:]
        func add(_ id: String, _ position: TextPosition) {
            // An empty id is that of an object without a name, which has been reported.
            guard !id.isEmpty else { return }
            if let first = seen[id] {
                problems.append(
                    problem(
                        "Duplicate ID '\(id)' found in schema, first at line \(first.line)", at: position,
                        remedy: "give one of the objects another '@id'"))
            } else {
                seen[id] = position
            }
        }
        add(schema.id, schema.position)
        for table in schema.tables {
            add(table.id, table.position)
            var names: Set<String> = []
            // Two columns of one name have been reported, unless one comes from elsewhere.
            for column in table.columns where names.insert(column.name).inserted || column.isReferenced {
                add(column.id, column.position)
            }
            for constraint in table.constraints { add(constraint.id, constraint.position) }
        }
    }

    // MARK: Constraints

    private enum Kind { case column, other }

    private func checkConstraints(_ problems: inout [SchemaProblem]) {
        guard schema.tables.contains(where: { !$0.constraints.isEmpty }) else { return }
        let objects = objectKinds()
        for (t, table) in schema.tables.enumerated() where !table.constraints.isEmpty {
            let own = Set(table.columns.map(\.id))
            for (c, constraint) in table.constraints.enumerated() {
                func add(_ list: String, _ id: String, _ message: String) {
                    problems.append(
                        problem(
                            message, at: constraint.position,
                            path: [.key("tables"), .index(t), .key("constraints"), .index(c), .key(list), .key(id)]))
                }
                for id in constraint.columns {
                    checkExists(id, objects) { add("columns", id, $0) }
                    if isWhole, !own.contains(id) {
                        add("columns", id, "Column '\(id)' not found in table '\(table.name)'")
                    }
                }
                for id in constraint.foreignKey?.referenced ?? [] {
                    checkExists(id, objects) { add("referenced_columns", id, $0) }
                }
            }
        }
    }

    private func checkExists(_ id: String, _ objects: [String: Kind], _ report: (String) -> Void) {
        switch objects[id] {
        case .column: break
        case .other: report("ID '\(id)' does not refer to a Column object")
        case nil: if isWhole { report("Column ID '\(id)' not found in schema") }
        }
    }

    private func objectKinds() -> [String: Kind] {
        var objects = [schema.id: Kind.other]
        for table in schema.tables {
            objects[table.id] = .other
            for constraint in table.constraints { objects[constraint.id] = .other }
        }
        for table in schema.tables { for column in table.columns { objects[column.id] = .column } }
        return objects
    }

    // MARK: What only fails later

    /// The Python tool finds these when it makes the tables; here they are warnings, so that verdicts are the same.
    private func checkKeysAndIndexes(_ problems: inout [SchemaProblem]) {
        for (t, table) in schema.tables.enumerated() {
            let keys = table.primaryKey?.ids ?? []
            guard !keys.isEmpty || !table.indexes.isEmpty else { continue }
            let own = Set(table.columns.map(\.id))
            for id in keys where !own.contains(id) {
                problems.append(
                    problem(
                        "the primary key names '\(id)', which is no column of table '\(table.name)'; "
                            + "no database can be made",
                        at: table.position, path: [.key("tables"), .index(t), .key("primaryKey")],
                        remedy: Suggestion.nearest(to: id, in: own.sorted()).map { "did you mean '\($0)'?" },
                        severity: .warning))
            }
            for (i, index) in table.indexes.enumerated() {
                for id in index.columns where !own.contains(id) {
                    problems.append(
                        problem(
                            "the index '\(index.name)' names '\(id)', which is no column of table '\(table.name)'; "
                                + "no database can be made",
                            at: index.position, path: [.key("tables"), .index(t), .key("indexes"), .index(i)],
                            remedy: Suggestion.nearest(to: id, in: own.sorted()).map { "did you mean '\($0)'?" },
                            severity: .warning))
                }
            }
        }
    }
}
