/// Gives a meaning to a tag that YAML itself does not define, such as `!include`.
///
/// Arguments: the full tag; the node's value as if it had no tag (a scalar is always `.string`); where the node
/// begins. `nil` says that the handler does not know the tag, which makes the tag an error.
public typealias YAMLTagHandler = (
    _ tag: String, _ value: StructuredValue, _ position: TextPosition
) throws -> StructuredValue?

extension StructuredValue {
    /// The value of a YAML document, by the rules of PyYAML's `safe_load`; an empty text is `.null`.
    ///
    /// Where the data models differ: timestamps stay `.string`, in their own spelling; `!!set` becomes a mapping to
    /// nulls; `!!omap` and `!!pairs` become lists of two-element lists; an integer beyond `Int64` becomes `.float`;
    /// a key that is not text becomes the text that Python's `str` gives (`1` → `"1"`, `true` → `"True"`, null →
    /// `"None"`). A repeated key keeps its last value.
    ///
    /// - Throws: ``YAMLError`` with line and column; also when `limits` are passed.
    public init(yaml bytes: some Collection<UInt8>, limits: YAMLLimits = YAMLLimits()) throws(YAMLError) {
        do {
            self = try YAMLConstructor.value(
                of: try YAMLNode.compose(bytes, limits: limits), budget: bytes.count + limits.aliasedValues,
                limits: limits)
        } catch let error as YAMLError {
            throw error
        } catch {
            // Only a tag handler throws anything else, and there is none here.
            throw .syntax(problem: "\(error)", at: TextPosition(line: 1, column: 1))
        }
    }

    /// The value of a YAML document. See ``init(yaml:limits:)-(Collection<UInt8>,_)``.
    public init(yaml text: String, limits: YAMLLimits = YAMLLimits()) throws(YAMLError) {
        try self.init(yaml: text.utf8, limits: limits)
    }

    /// The value of a YAML document with tags of its own.
    ///
    /// - Throws: ``YAMLError``, or what the handler throws.
    public init(
        yaml bytes: some Collection<UInt8>, limits: YAMLLimits = YAMLLimits(), tagHandler: YAMLTagHandler
    ) throws {
        self = try withoutActuallyEscaping(tagHandler) { handler in
            try YAMLConstructor.value(
                of: try YAMLNode.compose(bytes, limits: limits), budget: bytes.count + limits.aliasedValues,
                limits: limits, handler: handler)
        }
    }

    /// The value of a YAML document with tags of its own.
    public init(yaml text: String, limits: YAMLLimits = YAMLLimits(), tagHandler: YAMLTagHandler) throws {
        try self.init(yaml: text.utf8, limits: limits, tagHandler: tagHandler)
    }

    /// The value of a node and everything below it. Here `limits.aliasedValues` bounds all values, since a node
    /// does not tell what in it was an alias.
    public init(_ node: YAMLNode, limits: YAMLLimits = YAMLLimits(), tagHandler: YAMLTagHandler? = nil) throws {
        self = try YAMLConstructor.value(of: node, budget: limits.aliasedValues, limits: limits, handler: tagHandler)
    }
}

/// Turns nodes into values.
struct YAMLConstructor {
    private let limits: YAMLLimits
    private let handler: YAMLTagHandler?
    /// How many more values may be built: what is written (never more nodes than bytes), and the allowance for
    /// repeated ones.
    private var budget: Int

    static func value(
        of node: YAMLNode?, budget: Int, limits: YAMLLimits, handler: YAMLTagHandler? = nil
    ) throws -> StructuredValue {
        guard let node else { return .null }
        var constructor = YAMLConstructor(limits: limits, handler: handler, budget: budget)
        return try constructor.value(node, depth: 1)
    }

    private mutating func value(_ node: YAMLNode, depth: Int) throws -> StructuredValue {
        try spend(node, depth: depth)
        switch node.tag {
        case YAMLTag.null, YAMLTag.bool, YAMLTag.int, YAMLTag.float, YAMLTag.binary, YAMLTag.string, YAMLTag.timestamp:
            guard case .scalar(let text) = node.content else { throw wrongKind(node) }
            guard let value = YAMLScalar.value(text, tag: node.tag) else {
                throw YAMLError.invalidScalar(tag: node.tag, text: text, at: node.position)
            }
            return value
        case YAMLTag.sequence:
            guard case .sequence = node.content else { throw wrongKind(node) }
            return try untagged(node, depth: depth)
        case YAMLTag.mapping:
            guard case .mapping = node.content else { throw wrongKind(node) }
            return try untagged(node, depth: depth)
        case YAMLTag.set:
            guard case .mapping = node.content, case .object(let members) = try untagged(node, depth: depth) else {
                throw wrongKind(node)
            }
            return .object(StructuredMapping(members.pairs.map { ($0.key, .null) }))
        case YAMLTag.orderedMapping, YAMLTag.pairs: return try pairs(node, depth: depth)
        default:
            if let handler, let value = try handler(node.tag, try untagged(node, depth: depth), node.position) {
                return value
            }
            throw YAMLError.unknownTag(node.tag, at: node.position)
        }
    }

    /// The value of a node by its kind alone.
    private mutating func untagged(_ node: YAMLNode, depth: Int) throws -> StructuredValue {
        switch node.content {
        case .scalar(let text): return .string(text)
        case .sequence(let items):
            var values: [StructuredValue] = []
            values.reserveCapacity(items.count)
            for item in items { values.append(try value(item, depth: depth + 1)) }
            return .array(values)
        case .mapping:
            var mapping = StructuredMapping()
            for entry in try entries(of: node, depth: depth) {
                let key = try self.key(entry.key, depth: depth + 1)
                mapping.set(key, to: try value(entry.value, depth: depth + 1))
            }
            return .object(mapping)
        }
    }

    private mutating func key(_ node: YAMLNode, depth: Int) throws -> String {
        // A lone "=" has a tag of its own, but as a key it is only text.
        if node.tag == YAMLTag.value, case .scalar(let text) = node.content { return text }
        let value = try value(node, depth: depth)
        guard let text = YAMLScalar.keyText(value) else {
            throw YAMLError.unusableKey(found: value.kindName, at: node.position)
        }
        return text
    }

    /// The entries of a mapping with its merge keys resolved: merged entries come first, so that the mapping's own
    /// entries, and the earlier mappings of a merge list, have the last word.
    private mutating func entries(of node: YAMLNode, depth: Int) throws -> [YAMLNode.Entry] {
        guard case .mapping(let written) = node.content else { return [] }
        guard written.contains(where: { $0.key.tag == YAMLTag.merge }) else { return written }
        var merged: [YAMLNode.Entry] = []
        for entry in written where entry.key.tag == YAMLTag.merge {
            switch entry.value.content {
            case .mapping: merged += try mergedEntries(entry.value, depth: depth)
            case .sequence(let sources):
                for source in sources.reversed() {
                    guard case .mapping = source.content else {
                        throw YAMLError.invalidMerge(found: source.kindName, at: source.position)
                    }
                    merged += try mergedEntries(source, depth: depth)
                }
            case .scalar: throw YAMLError.invalidMerge(found: "a scalar", at: entry.value.position)
            }
        }
        return merged + written.filter { $0.key.tag != YAMLTag.merge }
    }

    private mutating func mergedEntries(_ source: YAMLNode, depth: Int) throws -> [YAMLNode.Entry] {
        try spend(source, depth: depth + 1)
        let entries = try entries(of: source, depth: depth + 1)
        budget -= entries.count
        return entries
    }

    private mutating func pairs(_ node: YAMLNode, depth: Int) throws -> StructuredValue {
        guard case .sequence(let items) = node.content else { throw wrongKind(node) }
        var result: [StructuredValue] = []
        for item in items {
            guard case .mapping(let entries) = item.content, entries.count == 1 else { throw wrongKind(node) }
            let key = try value(entries[0].key, depth: depth + 2)
            result.append([key, try value(entries[0].value, depth: depth + 2)])
        }
        return .array(result)
    }

    private mutating func spend(_ node: YAMLNode, depth: Int) throws {
        guard depth <= limits.depth + 1 else { throw YAMLError.tooDeep(limit: limits.depth, at: node.position) }
        budget -= 1
        guard budget >= 0 else {
            throw YAMLError.tooManyAliasedValues(limit: limits.aliasedValues, at: node.position)
        }
    }

    private func wrongKind(_ node: YAMLNode) -> YAMLError {
        .wrongKind(tag: node.tag, found: node.kindName, at: node.position)
    }
}
