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

    let nodes: MergeNodes
    /// All that are asked for.
    let changes: [SchemaChange]
    let reference: MergeSide
    let release: MergeSide
    /// What the reference changed itself.
    let ownChanges: Set<SchemaChange>
    var editor: YAMLEditor
    private(set) var expected: [Expectation] = []
    private var newLists: [NewList] = []
    private let forms: WrittenForms
    /// What the reference changed, and the tables in which it changed anything.
    private let ownPlaces: Set<[String]>
    private let ownTables: Set<String>

    init(
        nodes: MergeNodes, changes: [SchemaChange], reference: MergeSide, release: MergeSide,
        ownChanges: Set<SchemaChange>, editor: YAMLEditor
    ) {
        self.nodes = nodes
        self.changes = changes
        self.reference = reference
        self.release = release
        self.ownChanges = ownChanges
        self.editor = editor
        ownPlaces = Set(ownChanges.map { Self.place($0.object, table: $0.table, name: $0.name) })
        ownTables = Set(ownChanges.compactMap(\.table))
        let places = release.schema.columnsByID()
        forms = WrittenForms { id in
            guard let place = places[id] else { return id }
            let table = release.schema.tables[place.table]
            return reference.column(table.columns[place.column].name, of: table.name)?.id ?? id
        }
    }

    private static func place(_ object: SchemaChange.Object, table: String?, name: String) -> [String] {
        [object.rawValue, table ?? "", name]
    }

    mutating func decide(_ change: SchemaChange) -> SchemaMerge.Decision {
        func byHand(_ reason: String) -> SchemaMerge.Decision { .init(change: change, fate: .byHand, reason: reason) }
        switch (change.object, change.kind) {
        case (.schema, .changed), (.table, .changed), (.column, .changed): return set(change)
        case (.constraint, .changed), (.index, .changed): return set(change)
        case (.group, .added) where reference.has(change): return add(change)
        case (.group, _): return byHand("column groups are not merged")
        case (.column, .renamed): return byHand("references to the old name have to follow")
        case (_, .added): return add(change)
        case (_, .removed): return remove(change)
        default: return byHand("\(change.object.rawValue)s are not merged")
        }
    }

    // MARK: Values

    private mutating func set(_ change: SchemaChange) -> SchemaMerge.Decision {
        var decision = SchemaMerge.Decision(change: change, fate: .byHand)
        guard let field = change.field, let mapping = nodes.mapping(of: change) else {
            decision.reason = "the reference model does not have \(change.place) in its own text"
            return decision
        }
        let present = reference.value(of: change)
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
        if isDerived(change), MergeNodes.value(field, in: mapping) == nil {
            decision.fate = .alreadyThere
            decision.reason = "it follows from the datatype"
            return decision
        }
        let isDone =
            if let value = change.new {
                editor.set(field, of: mapping, to: value)
            } else if isNullMeant(change) {
                editor.set(field, of: mapping, to: .null)
            } else {
                editor.remove(field, of: mapping)
            }
        guard isDone else {
            decision.reason =
                MergeNodes.value(field, in: mapping) == nil
                ? "it comes from elsewhere in the file, by a merge key"
                : "the text is written so that it cannot be changed in place"
            return decision
        }
        expected.append(Expectation(change: change, value: change.new))
        decision.fate = .applied
        return decision
    }

    private func isComposite(_ value: StructuredValue) -> Bool { value.arrayValue != nil || value.objectValue != nil }

    /// Whether the release does not write the value, but has it from the datatype.
    private func isDerived(_ change: SchemaChange) -> Bool {
        guard change.object == .column, let field = change.field, let column = release.column(of: change) else {
            return false
        }
        return Self.derivedFields.contains(field) && change.new == Self.derived(field, column)
    }

    static let derivedFields: Set<String> = ["votable:arraysize", "votable:xtype"]

    /// What a key of a column is if the file does not say it.
    private static func derived(_ field: String, _ column: Column) -> StructuredValue? {
        switch field {
        case "votable:arraysize":
            column.datatype.defaultArraysize(length: column.length).map { .string($0) }
        case "votable:xtype": column.datatype == .timestamp ? "timestamp" : nil
        default: nil
        }
    }

    /// Whether the release says that there is no value where there is one by default.
    private func isNullMeant(_ change: SchemaChange) -> Bool {
        switch (change.object, change.field) {
        case (.table, "mysql:engine"): true
        case (.column, .some(let field)): release.column(of: change).flatMap { Self.derived(field, $0) } != nil
        default: false
        }
    }

    // MARK: Objects

    private mutating func add(_ change: SchemaChange) -> SchemaMerge.Decision {
        var decision = SchemaMerge.Decision(change: change, fate: .byHand)
        if reference.has(change) {
            let differences = self.differences(change)
            decision.fate = differences.isEmpty ? .alreadyThere : .conflict
            if !differences.isEmpty {
                decision.reason =
                    "that of the reference model differs in \(differences.joined(separator: ", "))"
            }
            return decision
        }
        guard let table = release.table(change.table ?? change.name) else { return decision }
        if change.object != .table, reference.table(table.name) == nil {
            decision.reason = "the reference model does not have the table"
            return decision
        }
        let mapping = release.written(change, forms)
        guard let mapping else { return decision }
        if let list = nodes.list(of: change) {
            guard editor.append(mapping, to: list) else {
                decision.reason = "the list is not written with a dash for each"
                return decision
            }
        } else if change.object == .constraint || change.object == .index, nodes.table(table.name) != nil {
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

    /// The keys whose values differ in an object that both sides have added. Ids do not count.
    private func differences(_ change: SchemaChange) -> [String] {
        guard let theirs = release.written(change, forms),
            let ours = reference.written(change, WrittenForms { $0 })
        else { return [] }
        var keys = ours.keys
        for key in theirs.keys where ours[key] == nil { keys.append(key) }
        return keys.filter { Self.withoutIDs(ours[$0], key: $0) != Self.withoutIDs(theirs[$0], key: $0) }
    }

    private static func withoutIDs(_ value: StructuredValue?, key: String) -> StructuredValue? {
        switch value {
        case _ where key == "@id": return nil
        case .array(let items)?: return .array(items.map { withoutIDs($0, key: "") ?? .null })
        case .object(let mapping)?:
            return .object(StructuredMapping(mapping.pairs.compactMap { pair in
                withoutIDs(pair.1, key: pair.0).map { (pair.0, $0) }
            }))
        default: return value
        }
    }

    /// Writes the lists that tables did not have.
    ///
    /// - Returns: the changes for which this could not be done.
    mutating func addLists() -> [SchemaChange] {
        var failures: [SchemaChange] = []
        for list in newLists {
            if let table = nodes.table(list.table), editor.add(list.key, of: table, items: list.items) { continue }
            failures += list.changes
        }
        expected.removeAll { failures.contains($0.change) }
        return failures
    }

    private mutating func remove(_ change: SchemaChange) -> SchemaMerge.Decision {
        var decision = SchemaMerge.Decision(change: change, fate: .byHand)
        guard reference.has(change) else {
            decision.fate = .alreadyThere
            return decision
        }
        if hasOwnForm(change) {
            decision.fate = .conflict
            decision.reason = "the reference model has changed it"
            return decision
        }
        guard let list = nodes.list(of: change), case .sequence(let items) = list.content,
            let index = items.firstIndex(where: { MergeNodes.text("name", in: $0) == change.name }),
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
        let name = Self.place(change.object, table: change.table, name: change.name)
        return ownPlaces.contains(name) || (change.object == .table && ownTables.contains(change.name))
    }

    /// Constraints or indexes that all go take their key with them, once.
    private mutating func removeItem(
        _ index: Int, of list: YAMLNode, _ items: [YAMLNode], _ change: SchemaChange
    ) -> Bool {
        let going = changes.filter { other in
            other.kind == .removed && other.object == change.object && other.table == change.table
                && reference.has(other) && !hasOwnForm(other)
        }
        guard going.count == items.count, change.object == .constraint || change.object == .index,
            let table = change.table.flatMap({ nodes.table($0) })
        else { return editor.removeItem(index, of: list) }
        return going.first != change || editor.remove(change.object == .index ? "indexes" : "constraints", of: table)
    }
}
