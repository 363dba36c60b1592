import StructuredData

/// Carries the changes between two versions of a schema over to a third one that grew from the first: what became of an
/// ancestor in a release goes into the reference model, whose file keeps its comments, order and quoting.
///
/// A value that the reference changed in another way is a conflict, and stays. Tables, keys, constraints, indexes and
/// columns that the reference takes from elsewhere are left to people: they are among the rest.
public struct SchemaMerge: Sendable {
    /// What became of one change.
    public enum Fate: String, Sendable {
        case applied, alreadyThere = "already there", conflict, leftOut = "left out", byHand = "by hand"
    }

    public struct Decision: Sendable {
        public var change: SchemaChange
        public var fate: Fate
        /// Why it is a conflict, or has to be done by hand.
        public var reason: String?
    }

    public enum Failure: Error, Sendable, CustomStringConvertible {
        /// The edited text is not the schema that it should be.
        case unsound(String)

        public var description: String {
            switch self {
            case .unsound(let what): "The merged file would not be right (\(what)); nothing has been written."
            }
        }
    }

    /// The text of the reference model with the changes.
    public private(set) var text: [UInt8]
    public private(set) var decisions: [Decision] = []

    /// - Parameters:
    ///   - bytes: the file of the reference model, without errors.
    ///   - keys: only changes of these keys; `nil` for all. Added and removed columns go by `columns`.
    /// - Throws: ``Failure``; `YAMLError`.
    public init(
        ancestor: Schema, release: Schema, reference: Schema, bytes: [UInt8], keys: Set<String>? = nil,
        options: SchemaOptions = SchemaOptions()
    ) throws {
        text = bytes
        guard let root = try YAMLNode.compose(bytes) else { return }
        var run = Run(root: root, reference: reference, release: release, editor: YAMLEditor(bytes))
        for change in SchemaComparison(ancestor, release).changes {
            if let keys, !keys.contains(change.field ?? "\(change.object.rawValue)s") {
                decisions.append(Decision(change: change, fate: .leftOut))
                continue
            }
            decisions.append(run.decide(change))
        }
        text = run.editor.result()
        try verify(run.expected, options: options)
    }

    /// Reads the new text and looks at every value that was to be set.
    private func verify(_ expected: [Run.Expectation], options: SchemaOptions) throws {
        let parsed = SchemaLoader.parse(text, location: SchemaLocation("merged"), options: options)
        guard let schema = parsed.schema else {
            throw Failure.unsound(parsed.problems.first { $0.severity == .error }.map { "\($0)" } ?? "it has errors")
        }
        for item in expected where Run.value(of: item.change, in: schema) != item.value {
            throw Failure.unsound("\(item.change)")
        }
    }
}

private struct Run {
    struct Expectation {
        var change: SchemaChange
        var value: StructuredValue?
    }

    let root: YAMLNode
    let reference: Schema
    let release: Schema
    var editor: YAMLEditor
    var expected: [Expectation] = []

    init(root: YAMLNode, reference: Schema, release: Schema, editor: YAMLEditor) {
        self.root = root
        self.reference = reference
        self.release = release
        self.editor = editor
    }

    mutating func decide(_ change: SchemaChange) -> SchemaMerge.Decision {
        func byHand(_ reason: String) -> SchemaMerge.Decision { .init(change: change, fate: .byHand, reason: reason) }
        switch (change.object, change.kind) {
        case (.schema, .changed), (.table, .changed), (.column, .changed): return set(change)
        case (.column, .added): return add(change)
        case (.column, .removed): return remove(change)
        case (.column, .renamed): return byHand("references to the old name have to follow")
        default: return byHand("\(change.object.rawValue)s are not merged")
        }
    }

    // MARK: Values

    /// The value of the key that a change is about; for added and removed columns whether the column is there.
    static func value(of change: SchemaChange, in schema: Schema) -> StructuredValue? {
        let dump = SchemaDump()
        switch change.object {
        case .schema: return change.field.flatMap { dump.value(schema)[$0] }
        case .table:
            guard let field = change.field, let index = schema.tables.firstIndex(where: { $0.name == change.name })
            else {
                return nil
            }
            return dump.value(schema)["tables"]?.arrayValue?[index][field]
        case .column:
            let column = change.table.flatMap { schema.table(name: $0) }?.column(name: change.name)
            guard change.kind == .changed else { return .bool(column != nil) }
            return change.field.flatMap { field in column.flatMap { dump.column($0)[field] } }
        default: return nil
        }
    }

    private mutating func set(_ change: SchemaChange) -> SchemaMerge.Decision {
        var decision = SchemaMerge.Decision(change: change, fate: .byHand)
        guard let field = change.field, let mapping = mapping(of: change) else {
            decision.reason = "the reference model does not have \(change.place) in its own text"
            return decision
        }
        let present = Self.value(of: change, in: reference)
        if present == change.new {
            decision.fate = .alreadyThere
            return decision
        }
        guard present == change.old else {
            decision.fate = .conflict
            decision.reason = "the reference model has '\(SchemaChange.text(present))'"
            return decision
        }
        if isDerived(change) {
            decision.fate = .alreadyThere
            decision.reason = "it follows from the datatype"
            return decision
        }
        let isDone =
            if let value = change.new, !isComposite(value) {
                editor.set(field, of: mapping, to: value)
            } else {
                change.new == nil && editor.remove(field, of: mapping)
            }
        guard isDone else {
            decision.reason = "the text is written so that it cannot be changed in place"
            return decision
        }
        expected.append(Expectation(change: change, value: change.new))
        decision.fate = .applied
        return decision
    }

    private func isComposite(_ value: StructuredValue) -> Bool { value.arrayValue != nil || value.objectValue != nil }

    /// Whether the release does not write the value, but has it from the datatype.
    private func isDerived(_ change: SchemaChange) -> Bool {
        guard let column = change.table.flatMap({ release.table(name: $0) })?.column(name: change.name) else {
            return false
        }
        switch change.field {
        case "votable:arraysize": return column.arraysize == column.datatype.defaultArraysize(length: column.length)
        case "votable:xtype": return column.xtype == (column.datatype == .timestamp ? "timestamp" : nil)
        default: return false
        }
    }

    // MARK: Columns

    private mutating func add(_ change: SchemaChange) -> SchemaMerge.Decision {
        var decision = SchemaMerge.Decision(change: change, fate: .byHand)
        guard let tableName = change.table, let table = reference.table(name: tableName),
            let column = release.table(name: tableName)?.column(name: change.name)
        else {
            decision.reason = "the reference model does not have the table"
            return decision
        }
        if table.column(name: change.name) != nil {
            decision.fate = .alreadyThere
            return decision
        }
        var mapping = SchemaDump().column(column)
        if column.id == "#\(tableName).\(column.name)" { mapping["@id"] = nil }
        if column.arraysize == column.datatype.defaultArraysize(length: column.length) {
            mapping["votable:arraysize"] = nil
        }
        if column.datatype == .timestamp, column.xtype == "timestamp" { mapping["votable:xtype"] = nil }
        guard let list = columnList(ofTable: tableName), editor.append(mapping, to: list) else {
            decision.reason = "the table has no list of columns with a dash for each"
            return decision
        }
        expected.append(Expectation(change: change, value: true))
        decision.fate = .applied
        return decision
    }

    private mutating func remove(_ change: SchemaChange) -> SchemaMerge.Decision {
        var decision = SchemaMerge.Decision(change: change, fate: .byHand)
        guard let tableName = change.table, let table = reference.table(name: tableName),
            table.column(name: change.name) != nil
        else {
            decision.fate = .alreadyThere
            return decision
        }
        guard let list = columnList(ofTable: tableName), case .sequence(let items) = list.content,
            let index = items.firstIndex(where: { Self.text("name", in: $0) == change.name }),
            editor.removeItem(index, of: list)
        else {
            decision.reason = "the column is not in a list of columns with a dash for each"
            return decision
        }
        expected.append(Expectation(change: change, value: false))
        decision.fate = .applied
        return decision
    }

    // MARK: Nodes

    private static func value(_ key: String, in node: YAMLNode) -> YAMLNode? {
        guard case .mapping(let entries) = node.content else { return nil }
        return entries.last { entry in
            if case .scalar(let text) = entry.key.content { text == key } else { false }
        }?.value
    }

    private static func text(_ key: String, in node: YAMLNode) -> String? {
        guard let value = value(key, in: node), case .scalar(let text) = value.content else { return nil }
        return Scalars.trimmed(text)
    }

    private func item(named name: String, in list: YAMLNode?) -> YAMLNode? {
        guard let list, case .sequence(let items) = list.content else { return nil }
        return items.first { Self.text("name", in: $0) == name }
    }

    private func columnList(ofTable table: String) -> YAMLNode? {
        item(named: table, in: Self.value("tables", in: root)).flatMap { Self.value("columns", in: $0) }
    }

    private func mapping(of change: SchemaChange) -> YAMLNode? {
        switch change.object {
        case .schema: root
        case .table: item(named: change.name, in: Self.value("tables", in: root))
        case .column: change.table.flatMap { item(named: change.name, in: columnList(ofTable: $0)) }
        default: nil
        }
    }
}
