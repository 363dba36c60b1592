/// Why a YAML document could not be read, and where.
public enum YAMLError: Error, Equatable, CustomStringConvertible {
    /// The text is not YAML; `problem` is the parser's own explanation.
    case syntax(problem: String, at: TextPosition)
    /// A scalar does not have the form that its tag asks for.
    case invalidScalar(tag: String, text: String, at: TextPosition)
    /// A node is of another kind than its tag asks for.
    case wrongKind(tag: String, found: String, at: TextPosition)
    /// No tag handler knows this tag.
    case unknownTag(String, at: TextPosition)
    /// A list or a mapping is used as a key.
    case unusableKey(found: String, at: TextPosition)
    /// `<<` with something else than a mapping or a list of mappings.
    case invalidMerge(found: String, at: TextPosition)
    /// `<<` in a mapping that is taken piece by piece.
    case mergeOfParts(at: TextPosition)
    /// `*name` without an earlier `&name`.
    case undefinedAlias(String, at: TextPosition)
    /// `*name` inside the node that `&name` marks: the value would contain itself.
    case recursiveAlias(String, at: TextPosition)
    /// `&name` marks two nodes of one document.
    case duplicateAnchor(String, at: TextPosition)
    /// There is a second document after the first.
    case severalDocuments(at: TextPosition)
    case tooDeep(limit: Int, at: TextPosition)
    case tooLarge(bytes: Int, limit: Int)
    /// Aliases and merge keys repeat more values than the limit allows.
    case tooManyAliasedValues(limit: Int, at: TextPosition)

    public var description: String {
        switch self {
        case .syntax(let problem, let at): "Invalid YAML at \(at): \(problem)."
        case .invalidScalar(let tag, let text, let at):
            "Invalid YAML at \(at): '\(text)' is not a value of the tag \(YAMLTag.shorthand(tag))."
        case .wrongKind(let tag, let found, let at):
            "Invalid YAML at \(at): the tag \(YAMLTag.shorthand(tag)) cannot mark \(found)."
        case .unknownTag(let tag, let at):
            "Unknown YAML tag \(YAMLTag.shorthand(tag)) at \(at); remove the tag or use a reader that knows it."
        case .unusableKey(let found, let at):
            "Invalid YAML at \(at): \(found) cannot be the key of a mapping; use plain text."
        case .invalidMerge(let found, let at):
            "Invalid YAML at \(at): '<<' needs a mapping or a list of mappings, found \(found)."
        case .mergeOfParts(let at):
            "Merge keys (<<) are not supported at this place (\(at)); write the values out."
        case .undefinedAlias(let name, let at):
            "Invalid YAML at \(at): alias '*\(name)' has no anchor '&\(name)' before it."
        case .recursiveAlias(let name, let at): "Invalid YAML at \(at): the node '&\(name)' contains itself."
        case .duplicateAnchor(let name, let at): "Invalid YAML at \(at): the anchor '&\(name)' is already used."
        case .severalDocuments(let at): "Invalid YAML at \(at): a second document begins; only one is expected."
        case .tooDeep(let limit, let at): "YAML at \(at) nests deeper than the limit of \(limit) levels."
        case .tooLarge(let bytes, let limit): "The YAML text has \(bytes) bytes, more than the limit of \(limit)."
        case .tooManyAliasedValues(let limit, let at):
            "YAML at \(at): aliases repeat more than \(limit) values; write fewer aliases of aliases."
        }
    }
}

/// Bounds on what a YAML reader takes from a text that it does not trust.
public struct YAMLLimits: Sendable {
    /// How deep lists and mappings may nest, aliases included.
    public var depth: Int
    /// How long the text may be.
    public var bytes: Int
    /// How many values may come from aliases and merge keys, over the whole document.
    public var aliasedValues: Int

    public init(depth: Int = 256, bytes: Int = 1 << 28, aliasedValues: Int = 1_000_000) {
        self.depth = depth
        self.bytes = bytes
        self.aliasedValues = aliasedValues
    }
}
