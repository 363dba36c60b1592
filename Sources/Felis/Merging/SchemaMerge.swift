import StructuredData

/// Carries the changes between two versions of a schema over to a third one that grew from the first: what became of an
/// ancestor in a release goes into the reference model, whose file keeps its comments, order and quoting.
///
/// A value that the reference changed in another way is a conflict, and stays; so does an object that the release
/// removed and the reference changed, or that both have added in different forms. Renamed columns, column groups,
/// columns that the reference takes from elsewhere, lists of columns that changed, and values that other objects of the
/// file have from the same place by anchors and merge keys are left to people: they are among the rest.
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
        /// No key of the language, and no kind of object.
        case unknownKey(String, near: String?)
        /// Nothing that is asked for has changed.
        case nothingAsked(keys: [String])

        public var description: String {
            switch self {
            case .unsound(let what): "The merged file would not be right (\(what)); nothing has been written."
            case .unknownKey(let key, let near):
                "There is no key '\(key)' to merge" + (near.map { "; did you mean '\($0)'?" } ?? ".")
            case .nothingAsked(let keys):
                "Nothing has changed from the ancestor to the release in \(keys.joined(separator: ", "))."
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
    /// - Complexity: O(changes · log changes + size of the file). Each change that the file's anchors or another
    ///   change make impossible costs about log(changes) readings of the file more; after 200 of them, the changes
    ///   that are not known to be possible are left to people.
    public init(
        ancestor: Schema, release: Schema, reference: Schema, bytes: [UInt8], keys: Set<String>? = nil,
        options: SchemaOptions = SchemaOptions()
    ) throws {
        text = bytes
        let all = SchemaComparison(ancestor, release).changes
        if let keys { try Self.check(keys, all) }
        guard let root = try YAMLNode.compose(bytes) else { return }
        var trials = try MergeTrials(
            nodes: MergeNodes(root), changes: all,
            asked: Set(all.filter { keys?.contains(Self.key(of: $0)) ?? true }),
            ancestor: ancestor, reference: reference, release: release, bytes: bytes, options: options)
        let outcome = try trials.best()
        text = outcome.text
        decisions = outcome.decisions
    }

    /// The key that stands for a change: that of its value, or `columns`, `tables`, … for objects that come and go.
    private static func key(of change: SchemaChange) -> String {
        change.field ?? (change.object == .index ? "indexes" : "\(change.object.rawValue)s")
    }

    private static func check(_ keys: Set<String>, _ changes: [SchemaChange]) throws {
        let known = SchemaReader.keys.keys + TableReader.keys.keys + ColumnReader.keys.keys + ConstraintReader.allKeys
            + IndexReader.keys.keys + ["groups"]
        for key in keys.sorted() where !known.contains(key) {
            throw Failure.unknownKey(key, near: Suggestion.nearest(to: key, in: Set(known).sorted()))
        }
        guard changes.isEmpty || changes.contains(where: { keys.contains(key(of: $0)) }) else {
            throw Failure.nothingAsked(keys: keys.sorted())
        }
    }
}
