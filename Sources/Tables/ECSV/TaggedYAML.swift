import StructuredData

/// Values of astropy's YAML headers, whose tags name Python classes: see `Table.metadata` for how tags are kept.
enum TaggedYAML {
    /// How many values a header may hold with its aliases written out.
    private static let largestHeader = 4_000_000

    // MARK: Reading

    /// The value of a node: ordered mappings become mappings, and what a value cannot hold otherwise (a tag of its own,
    /// a time, an integer beyond 64 bits) becomes a mapping from the tag.
    static func value(_ node: YAMLNode) throws -> StructuredValue {
        var budget = largestHeader
        return try value(node, &budget)
    }

    private static func value(_ node: YAMLNode, _ budget: inout Int) throws -> StructuredValue {
        budget -= 1
        guard budget > 0 else { throw YAMLError.tooManyAliasedValues(limit: largestHeader, at: node.position) }
        switch node.tag {
        case YAMLTag.sequence: return try untagged(node, &budget)
        case YAMLTag.mapping:
            // What is merged has no tags of its own in any header that astropy writes.
            if case .mapping(let entries) = node.content, entries.contains(where: { $0.key.tag == YAMLTag.merge }) {
                return try StructuredValue(node) { _, value, _ in value }
            }
            return try untagged(node, &budget)
        case YAMLTag.orderedMapping:
            guard case .sequence(let items) = node.content else { return try StructuredValue(node) }
            var mapping = StructuredMapping()
            for item in items {
                guard case .mapping(let entries) = item.content, entries.count == 1 else {
                    return try StructuredValue(node)
                }
                mapping[try key(entries[0].key)] = try value(entries[0].value, &budget)
            }
            return .object(mapping)
        case YAMLTag.null, YAMLTag.bool, YAMLTag.int, YAMLTag.float, YAMLTag.binary, YAMLTag.string:
            let value = try StructuredValue(node)
            if node.tag == YAMLTag.int, case .float = value { break }
            return value
        case YAMLTag.pairs, YAMLTag.set: return try StructuredValue(node) { _, value, _ in value }
        default: break
        }
        return .object([YAMLTag.shorthand(node.tag): try untagged(node, &budget)])
    }

    private static func untagged(_ node: YAMLNode, _ budget: inout Int) throws -> StructuredValue {
        switch node.content {
        case .scalar(let text): return .string(text)
        case .sequence(let items):
            var values: [StructuredValue] = []
            for item in items { values.append(try value(item, &budget)) }
            return .array(values)
        case .mapping(let entries):
            var mapping = StructuredMapping()
            for entry in entries { mapping[try key(entry.key)] = try value(entry.value, &budget) }
            return .object(mapping)
        }
    }

    private static func key(_ node: YAMLNode) throws -> String {
        if node.tag == YAMLTag.string, case .scalar(let text) = node.content { return text }
        let null = YAMLNode(StructuredValue.null)
        let holder = YAMLNode(tag: YAMLTag.mapping, content: .mapping([.init(key: node, value: null)]))
        return try StructuredValue(holder).objectValue?.keys.first ?? ""
    }

    // MARK: Writing

    /// The node of a value, with the keys of mappings in the order of their code points, as astropy writes them.
    static func node(_ value: StructuredValue) -> YAMLNode {
        switch value {
        case .array(let items): return YAMLNode(tag: YAMLTag.sequence, content: .sequence(items.map(node)))
        case .object(let mapping):
            if mapping.count == 1, let (name, content) = mapping.pairs.first, let tag = tag(name) {
                var node: YAMLNode
                if case .string(let text) = content {
                    node = YAMLNode(tag: tag, content: .scalar(text))
                } else {
                    node = Self.node(content)
                }
                node.tag = tag
                return node
            }
            let sorted = mapping.pairs.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            return YAMLNode(tag: YAMLTag.mapping, content: .mapping(sorted.map { entry($0.key, node($0.value)) }))
        default: return YAMLNode(value)
        }
    }

    /// An ordered mapping, `!!omap`.
    static func ordered(_ mapping: StructuredMapping) -> YAMLNode {
        YAMLNode(
            tag: YAMLTag.orderedMapping,
            content: .sequence(
                mapping.pairs.map {
                    YAMLNode(tag: YAMLTag.mapping, content: .mapping([entry($0.key, node($0.value))]))
                }))
    }

    static func entry(_ key: String, _ value: YAMLNode) -> YAMLNode.Entry {
        YAMLNode.Entry(key: YAMLNode(.string(key)), value: value)
    }

    /// The full tag that a shorthand stands for.
    private static func tag(_ shorthand: String) -> String? {
        if shorthand.hasPrefix("!<"), shorthand.hasSuffix(">") { return String(shorthand.dropFirst(2).dropLast()) }
        if shorthand.hasPrefix("!!"), shorthand.utf8.count > 2 { return "tag:yaml.org,2002:" + shorthand.dropFirst(2) }
        return shorthand.hasPrefix("!") && shorthand.utf8.count > 1 ? shorthand : nil
    }
}
