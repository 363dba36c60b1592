import StructuredData

/// The decisions of one merge, and the edits that carry them out.
struct MergeRun {
    struct Expectation {
        var change: SchemaChange
        var value: StructuredValue?
    }

    /// Constraints or indexes for a table that has no list of them yet.
    private struct NewList {
        var table: String
        var key: String
        var items: [StructuredMapping]
        var changes: [SchemaChange]
    }

    let root: YAMLNode
    /// All that are asked for.
    let changes: [SchemaChange]
    let ancestor: Schema
    let reference: Schema
    let release: Schema
    var editor: YAMLEditor
    private(set) var expected: [Expectation] = []
    private var newLists: [NewList] = []
    private let forms: WrittenForms
    /// What the reference changed itself.
    private let ownChanges: [SchemaChange]

    init(
        root: YAMLNode, changes: [SchemaChange], ancestor: Schema, reference: Schema, release: Schema,
        editor: YAMLEditor
    ) {
        self.root = root
        self.changes = changes
        self.ancestor = ancestor
        self.reference = reference
        self.release = release
        self.editor = editor
        ownChanges = SchemaComparison(ancestor, reference).changes
        let places = release.columnsByID()
        forms = WrittenForms { id in
            guard let place = places[id] else { return id }
            let table = release.tables[place.table]
            let column = reference.table(name: table.name)?.column(name: table.columns[place.column].name)
            return column?.id ?? id
        }
    }

    mutating func decide(_ change: SchemaChange) -> SchemaMerge.Decision {
        func byHand(_ reason: String) -> SchemaMerge.Decision { .init(change: change, fate: .byHand, reason: reason) }
        switch (change.object, change.kind) {
        case (.schema, .changed), (.table, .changed), (.column, .changed): return set(change)
        case (.constraint, .changed), (.index, .changed): return set(change)
        case (.group, _): return byHand("column groups are not merged")
        case (.column, .renamed): return byHand("references to the old name have to follow")
        case (_, .added): return add(change)
        case (_, .removed): return remove(change)
        default: return byHand("\(change.object.rawValue)s are not merged")
        }
    }

    // MARK: Values

    /// The value of the key that a change is about; for added and removed objects whether they are there.
    static func value(of change: SchemaChange, in schema: Schema) -> StructuredValue? {
        guard change.kind == .changed else { return .bool(has(change, schema)) }
        let dump = SchemaDump()
        switch change.object {
        case .schema: return change.field.flatMap { dump.value(schema)[$0] }
        case .table:
            return change.field.flatMap { field in schema.table(name: change.name).flatMap { dump.table($0)[field] } }
        case .column:
            let column = change.table.flatMap { schema.table(name: $0) }?.column(name: change.name)
            return change.field.flatMap { field in column.flatMap { dump.column($0)[field] } }
        case .constraint:
            let table = change.table.flatMap { schema.table(name: $0) }
            let constraint = table?.constraints.first { $0.name == change.name }
            return change.field.flatMap { field in constraint.flatMap { dump.constraint($0)[field] } }
        case .index:
            let index = change.table.flatMap { schema.table(name: $0) }?.indexes.first { $0.name == change.name }
            return change.field.flatMap { field in index.flatMap { dump.index($0)[field] } }
        case .group: return nil
        }
    }

    /// Whether a schema has the object that a change is about.
    static func has(_ change: SchemaChange, _ schema: Schema) -> Bool {
        let table = schema.table(name: change.table ?? change.name)
        return switch change.object {
        case .schema: true
        case .table: table != nil
        case .column: table?.column(name: change.name) != nil
        case .constraint: table?.constraints.contains { $0.name == change.name } ?? false
        case .index: table?.indexes.contains { $0.name == change.name } ?? false
        case .group: table?.groups.contains { $0.name == change.name } ?? false
        }
    }

    private mutating func set(_ change: SchemaChange) -> SchemaMerge.Decision {
        var decision = SchemaMerge.Decision(change: change, fate: .byHand)
        guard let field = change.field, let mapping = mapping(of: change) else {
            decision.reason = "the reference model does not have \(change.place) in its own text"
            return decision
        }
        let present = Self.value(of: change, in: reference)
        if present == change.new || ownChanges.contains(change) {
            decision.fate = .alreadyThere
            return decision
        }
        if change.new.map(isComposite) ?? false || change.old.map(isComposite) ?? false {
            decision.reason = "lists are not merged"
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

    // MARK: Objects

    private mutating func add(_ change: SchemaChange) -> SchemaMerge.Decision {
        var decision = SchemaMerge.Decision(change: change, fate: .byHand)
        if Self.has(change, reference) {
            decision.fate = .alreadyThere
            return decision
        }
        guard let table = release.table(name: change.table ?? change.name) else { return decision }
        if change.object != .table, reference.table(name: table.name) == nil {
            decision.reason = "the reference model does not have the table"
            return decision
        }
        let mapping: StructuredMapping?
        switch change.object {
        case .table: mapping = forms.table(table)
        case .column: mapping = table.column(name: change.name).map { forms.column($0, table: table.name) }
        case .constraint: mapping = table.constraints.first { $0.name == change.name }.map { forms.constraint($0) }
        case .index: mapping = table.indexes.first { $0.name == change.name }.map { forms.index($0) }
        case .schema, .group: mapping = nil
        }
        guard let mapping else { return decision }
        if let list = list(of: change) {
            guard editor.append(mapping, to: list) else {
                decision.reason = "the list is not written with a dash for each"
                return decision
            }
        } else if change.object == .constraint || change.object == .index, node(ofTable: table.name) != nil {
            let key = change.object == .index ? "indexes" : "constraints"
            if let known = newLists.firstIndex(where: { $0.table == table.name && $0.key == key }) {
                newLists[known].items.append(mapping)
                newLists[known].changes.append(change)
            } else {
                newLists.append(NewList(table: table.name, key: key, items: [mapping], changes: [change]))
            }
        } else {
            decision.reason = "the reference model does not have \(change.place) in its own text"
            return decision
        }
        expected.append(Expectation(change: change, value: true))
        decision.fate = .applied
        return decision
    }

    /// Writes the lists that tables did not have.
    ///
    /// - Returns: the changes for which this could not be done.
    mutating func addLists() -> [SchemaChange] {
        var failures: [SchemaChange] = []
        for list in newLists {
            if let table = node(ofTable: list.table), editor.add(list.key, of: table, items: list.items) { continue }
            failures += list.changes
        }
        expected.removeAll { failures.contains($0.change) }
        return failures
    }

    private mutating func remove(_ change: SchemaChange) -> SchemaMerge.Decision {
        var decision = SchemaMerge.Decision(change: change, fate: .byHand)
        guard Self.has(change, reference) else {
            decision.fate = .alreadyThere
            return decision
        }
        if hasOwnForm(change) {
            decision.fate = .conflict
            decision.reason = "the reference model has changed it"
            return decision
        }
        guard let list = list(of: change), case .sequence(let items) = list.content,
            let index = items.firstIndex(where: { Self.text("name", in: $0) == change.name }),
            removeItem(index, of: list, items, change)
        else {
            decision.reason = "it is not in a list that is written with a dash for each"
            return decision
        }
        expected.append(Expectation(change: change, value: false))
        decision.fate = .applied
        return decision
    }

    /// Whether the reference changed what a change is about.
    private func hasOwnForm(_ change: SchemaChange) -> Bool {
        ownChanges.contains { own in
            own.object == change.object && own.name == change.name && own.table == change.table
                || (change.object == .table && own.table == change.name)
        }
    }

    /// Constraints or indexes that all go take their key with them, once.
    private mutating func removeItem(
        _ index: Int, of list: YAMLNode, _ items: [YAMLNode], _ change: SchemaChange
    ) -> Bool {
        let going = changes.filter { other in
            other.kind == .removed && other.object == change.object && other.table == change.table
                && Self.has(other, reference) && !hasOwnForm(other)
        }
        guard going.count == items.count, change.object == .constraint || change.object == .index,
            let table = change.table.flatMap({ node(ofTable: $0) })
        else { return editor.removeItem(index, of: list) }
        return going.first != change || editor.remove(change.object == .index ? "indexes" : "constraints", of: table)
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

    private func node(ofTable table: String) -> YAMLNode? { item(named: table, in: Self.value("tables", in: root)) }

    /// The list that the object of a change is in, or would be.
    private func list(of change: SchemaChange) -> YAMLNode? {
        if change.object == .table { return Self.value("tables", in: root) }
        guard let table = change.table.flatMap({ node(ofTable: $0) }) else { return nil }
        return switch change.object {
        case .column: Self.value("columns", in: table)
        case .constraint: Self.value("constraints", in: table)
        case .index: Self.value("indexes", in: table)
        case .group: Self.value("columnGroups", in: table)
        case .schema, .table: nil
        }
    }

    private func mapping(of change: SchemaChange) -> YAMLNode? {
        switch change.object {
        case .schema: root
        case .table: node(ofTable: change.name)
        case .column, .constraint, .index: item(named: change.name, in: list(of: change))
        case .group: nil
        }
    }
}
