import StructuredData

/// Carries the changes between two versions of a schema over to a third one that grew from the first: what became of an
/// ancestor in a release goes into the reference model, whose file keeps its comments, order and quoting.
///
/// A value that the reference changed in another way is a conflict, and stays; so does an object that the release
/// removed and the reference changed. Renamed columns, column groups, columns that the reference takes from elsewhere
/// and lists of columns that changed are left to people: they are among the rest.
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
    ///   - keys: only changes of these keys; `nil` for all. Added and removed objects go by `columns`, `tables`, ….
    /// - Throws: ``Failure``; `YAMLError`.
    public init(
        ancestor: Schema, release: Schema, reference: Schema, bytes: [UInt8], keys: Set<String>? = nil,
        options: SchemaOptions = SchemaOptions()
    ) throws {
        text = bytes
        guard let root = try YAMLNode.compose(bytes) else { return }
        let all = SchemaComparison(ancestor, release).changes
        func isAsked(_ change: SchemaChange) -> Bool {
            keys?.contains(change.field ?? Self.keyOfAll(change.object)) ?? true
        }
        var run = MergeRun(
            root: root, changes: all.filter(isAsked), ancestor: ancestor, reference: reference, release: release,
            editor: YAMLEditor(bytes))
        for change in all {
            if !isAsked(change) {
                decisions.append(Decision(change: change, fate: .leftOut))
                continue
            }
            decisions.append(run.decide(change))
        }
        for failure in run.addLists() {
            guard let index = decisions.firstIndex(where: { $0.change == failure }) else { continue }
            decisions[index].fate = .byHand
            decisions[index].reason = "the table is written so that it cannot be added in place"
        }
        text = run.editor.result()
        try verify(run.expected, options: options)
    }

    /// The key that stands for whole objects of a kind that come and go.
    static func keyOfAll(_ object: SchemaChange.Object) -> String {
        object == .index ? "indexes" : "\(object.rawValue)s"
    }

    /// Reads the new text and looks at every value that was to be set.
    private func verify(_ expected: [MergeRun.Expectation], options: SchemaOptions) throws {
        let parsed = SchemaLoader.parse(text, location: SchemaLocation("merged"), options: options)
        guard let schema = parsed.schema else {
            throw Failure.unsound(parsed.problems.first { $0.severity == .error }.map { "\($0)" } ?? "it has errors")
        }
        if schema.resources.isEmpty {
            let problems = SchemaChecks(file: "merged", schema: schema, isWhole: true, options: options).problems()
            if let problem = problems.first(where: { $0.severity == .error }) { throw Failure.unsound("\(problem)") }
        }
        for item in expected where MergeRun.value(of: item.change, in: schema) != item.value {
            throw Failure.unsound("\(item.change)")
        }
    }
}
