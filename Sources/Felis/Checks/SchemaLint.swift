import StructuredData

/// Looks at what no rule forbids. Findings are notes, and never make a file wrong.
public struct SchemaLint: Sendable {
    public enum Rule: String, CaseIterable, Sendable {
        /// Names of letters, digits and `_` that begin with a letter and fit PostgreSQL's 63 bytes.
        case naming
        /// Columns and tables without descriptions.
        case description
        /// Floating-point columns without a unit.
        case unit
        /// Numeric columns without a UCD.
        case ucd
        /// Foreign keys that no index of their table begins with.
        case foreignKeyIndex = "foreign-key-index"
        /// Columns of one name with different datatypes, in all schemas that are looked at.
        case typeDrift = "type-drift"
        /// Texts that are wider than their columns in TAP_SCHEMA.
        case tapWidth = "tap-width"
    }

    public let rules: Set<Rule>

    public init(rules: Set<Rule>) { self.rules = rules }

    /// The findings about schemas, each with the name of its file.
    public func findings(_ schemas: [(file: String, schema: Schema)]) -> [SchemaProblem] {
        var findings: [SchemaProblem] = []
        for (file, schema) in schemas {
            for (t, table) in schema.tables.enumerated() {
                let path: [PathStep] = [.key("tables"), .index(t)]
                func add(_ rule: Rule, _ message: String, _ position: TextPosition, _ more: [PathStep] = []) {
                    guard rules.contains(rule) else { return }
                    findings.append(
                        SchemaProblem(
                            severity: .note, kind: .lint, file: file, position: position, path: path + more,
                            message: "\(rule.rawValue): \(message)"))
                }
                lint(table, schema: schema, add: add)
            }
        }
        if rules.contains(.typeDrift) { findings += typeDrift(schemas) }
        return findings
    }

    private typealias Add = (Rule, String, TextPosition, [PathStep]) -> Void

    private func lint(_ table: Table, schema: Schema, add: Add) {
        checkName(table.name, "table", table.position, [], add)
        if (table.description ?? "").isEmpty {
            add(.description, "table '\(table.name)' has no description", table.position, [])
        }
        if "\(schema.name).\(table.name)".count > 128 {
            add(.tapWidth, "the name of table '\(table.name)' is longer than 128 characters", table.position, [])
        }
        for (c, column) in table.columns.enumerated() where !column.isReferenced {
            let path: [PathStep] = [.key("columns"), .index(c)]
            checkName(column.name, "column", column.position, path, add)
            let place = "column '\(table.name).\(column.name)'"
            if (column.description ?? "").isEmpty {
                add(.description, "\(place) has no description", column.position, path)
            }
            if column.datatype == .float || column.datatype == .double, column.unit == nil {
                add(.unit, "\(place) has no unit; write '' if it has no dimension", column.position, path)
            }
            if column.datatype.isNumeric, column.ucd == nil { add(.ucd, "\(place) has no UCD", column.position, path) }
            let widths = [
                (column.name, 64, "name"), (column.description ?? "", 512, "description"),
                (column.ucd ?? "", 64, "UCD"),
                (column.unit ?? "", 64, "unit"), (column.arraysize ?? "", 16, "arraysize"),
            ]
            for (text, limit, what) in widths where text.count > limit {
                add(.tapWidth, "the \(what) of \(place) is longer than \(limit) characters", column.position, path)
            }
        }
        let covers = table.indexes.map(\.columns) + [table.primaryKey?.ids ?? []]
        for (c, constraint) in table.constraints.enumerated() {
            guard let key = constraint.foreignKey else { continue }
            let isCovered = covers.contains {
                $0.count >= key.columns.count && Set($0.prefix(key.columns.count)) == Set(key.columns)
            }
            if !isCovered {
                add(
                    .foreignKeyIndex, "no index covers the foreign key '\(constraint.name)'", constraint.position,
                    [.key("constraints"), .index(c)])
            }
        }
    }

    private func checkName(_ name: String, _ what: String, _ position: TextPosition, _ path: [PathStep], _ add: Add) {
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
        }
        if !isPlain || name.isEmpty || (0x30...0x39).contains(name.utf8.first ?? 0x30) {
            add(.naming, "the \(what) name '\(name)' has other characters than letters, digits and '_'", position, path)
        } else if name.utf8.count > 63 {
            add(
                .naming, "the \(what) name '\(name)' is longer than 63 bytes, which PostgreSQL cuts off", position, path
            )
        }
    }

    private func typeDrift(_ schemas: [(file: String, schema: Schema)]) -> [SchemaProblem] {
        var uses: [String: [(file: String, table: String, column: Column)]] = [:]
        for (file, schema) in schemas {
            for table in schema.tables {
                for column in table.columns where !column.isReferenced {
                    uses["\(table.name).\(column.name)", default: []].append((file, table.name, column))
                }
            }
        }
        var findings: [SchemaProblem] = []
        for (place, columns) in uses.sorted(by: { $0.key < $1.key }) {
            guard let first = columns.first else { continue }
            for other in columns.dropFirst() where other.column.datatype != first.column.datatype {
                findings.append(
                    SchemaProblem(
                        severity: .note, kind: .lint, file: other.file, position: other.column.position,
                        message: "type-drift: column '\(place)' is \(other.column.datatype.rawValue) here and "
                            + "\(first.column.datatype.rawValue) in \(first.file)"))
            }
        }
        return findings
    }
}
