import StructuredData

/// Tries to carry out changes until the result is what it should be: each change that cannot be made by itself is left
/// to people, and the others are made.
struct MergeTrials {
    struct Outcome {
        var text: [UInt8]
        var decisions: [SchemaMerge.Decision]
        /// Why the text is not the schema that it should be.
        var flaw: String?
    }

    let nodes: MergeNodes
    let changes: [SchemaChange]
    /// Those of the changes that are asked for.
    let asked: Set<SchemaChange>
    let bytes: [UInt8]
    let options: SchemaOptions
    private let reference: MergeSide
    private let release: MergeSide
    private let ownChanges: Set<SchemaChange>
    /// The reference as its file has it, without columns of other files.
    private let before: MergeSide
    /// What differs from itself: numbers that are none, and groups of one name.
    private let alwaysDifferent: Set<Place>
    /// Why changes are not made.
    private var reasons: [SchemaChange: String] = [:]
    private var trialsLeft = 200

    init(
        nodes: MergeNodes, changes: [SchemaChange], asked: Set<SchemaChange>, ancestor: Schema, reference: Schema,
        release: Schema, bytes: [UInt8], options: SchemaOptions
    ) throws {
        self.nodes = nodes
        self.changes = changes
        self.asked = asked
        self.bytes = bytes
        self.options = options
        self.reference = MergeSide(reference)
        self.release = MergeSide(release)
        ownChanges = Set(SchemaComparison(ancestor, reference).changes)
        let parsed = SchemaLoader.parse(bytes, location: SchemaLocation("reference"), options: options)
        guard let before = parsed.schema else {
            throw SchemaMerge.Failure.unsound(Self.firstError(parsed.problems) ?? "the reference model has errors")
        }
        self.before = MergeSide(before)
        alwaysDifferent = Set(SchemaComparison(before, before).changes.map { Place($0) })
    }

    private static func firstError(_ problems: [SchemaProblem]) -> String? {
        problems.first { $0.severity == .error }.map { "\($0)" }
    }

    /// The text with all changes that can be made.
    ///
    /// - Throws: ``SchemaMerge/Failure`` if the reference model cannot even be read as it is.
    mutating func best() throws -> Outcome {
        let first = attempt(without: [])
        guard first.flaw != nil else { return first }
        let candidates = first.decisions.filter { $0.fate == .applied }.map(\.change)
        var held = Set(candidates)
        var best = attempt(without: held)
        if let flaw = best.flaw { throw SchemaMerge.Failure.unsound(flaw) }
        // What was not possible may be so with a change that comes later, such as a table that a key points to.
        var count: Int
        repeat {
            count = held.count
            admit(candidates.filter(held.contains)[...], &held, &best)
        } while held.count < count && !held.isEmpty
        for index in best.decisions.indices where held.contains(best.decisions[index].change) {
            let change = best.decisions[index].change
            best.decisions[index].fate = .byHand
            best.decisions[index].reason = reasons[change] ?? "too many changes cannot be made in place"
        }
        return best
    }

    /// Makes as many of the changes as can be made, halving them.
    private mutating func admit(
        _ changes: ArraySlice<SchemaChange>, _ held: inout Set<SchemaChange>, _ best: inout Outcome
    ) {
        guard !changes.isEmpty, trialsLeft > 0 else { return }
        trialsLeft -= 1
        let outcome = attempt(without: held.subtracting(changes))
        guard let flaw = outcome.flaw else {
            held.subtract(changes)
            best = outcome
            return
        }
        if changes.count == 1 {
            reasons[changes[changes.startIndex]] = flaw
            return
        }
        let middle = changes.startIndex + changes.count / 2
        admit(changes[..<middle], &held, &best)
        admit(changes[middle...], &held, &best)
    }

    private func attempt(without held: Set<SchemaChange>) -> Outcome {
        var run = MergeRun(
            nodes: nodes, changes: changes.filter { asked.contains($0) && !held.contains($0) }, reference: reference,
            release: release, ownChanges: ownChanges, editor: YAMLEditor(bytes))
        var decisions = changes.map { change -> SchemaMerge.Decision in
            guard asked.contains(change), !held.contains(change) else { return .init(change: change, fate: .leftOut) }
            return run.decide(change)
        }
        for failure in run.addLists() {
            guard let index = decisions.firstIndex(where: { $0.change == failure }) else { continue }
            decisions[index].fate = .byHand
            decisions[index].reason = "the table is written so that it cannot be added in place"
        }
        let text = run.editor.result()
        return Outcome(text: text, decisions: decisions, flaw: flaw(of: text, run.expected))
    }

    // MARK: Verification

    /// Reads a text and looks at every value: those that were to be set are, and nothing else is another.
    private func flaw(of text: [UInt8], _ expected: [MergeRun.Expectation]) -> String? {
        let parsed = SchemaLoader.parse(text, location: SchemaLocation("merged"), options: options)
        guard let schema = parsed.schema else { return Self.firstError(parsed.problems) ?? "the file has errors then" }
        // The columns of other files stay what they were.
        var whole = schema
        for index in whole.tables.indices {
            let known = reference.table(whole.tables[index].name)
            whole.tables[index].columns += known?.columns.filter(\.isReferenced) ?? []
        }
        let problems = SchemaChecks(file: "merged", schema: whole, isWhole: true, options: options).problems()
        if let problem = Self.firstError(problems) { return problem }
        let merged = MergeSide(schema)
        for item in expected where merged.value(of: item.change) != item.value {
            return "the file then has '\(SchemaChange.text(merged.value(of: item.change)))' there"
        }
        let wanted = alwaysDifferent.union(expected.map { Place($0.change) })
        for change in SchemaComparison(before.schema, schema).changes where !Self.isWanted(change, wanted) {
            return "by an anchor or merge key of the file it would also have \(change)"
        }
        return flawOfReferences(schema)
    }

    /// Comparisons look at the columns that come from other schemas, which are not there yet.
    private func flawOfReferences(_ schema: Schema) -> String? {
        let dump = SchemaDump()
        guard dump.value(schema).objectValue?["resources"] == dump.value(before.schema).objectValue?["resources"] else {
            return "the resources would change too"
        }
        for table in schema.tables {
            guard let old = before.table(table.name), !(old.references.isEmpty && table.references.isEmpty),
                dump.table(old)["columnRefs"] != dump.table(table)["columnRefs"]
            else { continue }
            return "the columns that '\(table.name)' takes from other schemas would change too"
        }
        return nil
    }

    /// What a change is about, whatever the values.
    private struct Place: Hashable {
        var kind: SchemaChange.Kind
        var object: SchemaChange.Object
        var table: String?
        var name: String
        var field: String?

        init(_ change: SchemaChange) {
            kind = change.kind
            object = change.object
            table = change.table
            // There is one schema, and the reference may call it something else.
            name = change.object == .schema ? "" : change.name
            field = change.field
        }
    }

    private static func isWanted(_ change: SchemaChange, _ wanted: Set<Place>) -> Bool {
        var place = Place(change)
        if wanted.contains(place) { return true }
        switch change.kind {
        case .renamed:
            // It was told as a column that goes and one that comes.
            guard case .string(let old)? = change.old else { return false }
            place.kind = .added
            guard wanted.contains(place) else { return false }
            place.kind = .removed
            place.name = old
            return wanted.contains(place)
        case .changed where MergeRun.derivedFields.contains(change.field ?? ""):
            // These follow from the datatype.
            return ["datatype", "length"].contains { field in
                place.field = field
                return wanted.contains(place)
            }
        default: return false
        }
    }
}
