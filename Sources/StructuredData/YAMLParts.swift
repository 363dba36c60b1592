/// Takes a long document piece by piece, so that it need not be in memory as a whole.
///
/// The document has to be a mapping. Along a path of keys its lists are handed out item by item: with the path
/// `["data", "records"]` the items of the root's `data` are mappings, whose `records` are lists again; each of their
/// items arrives as a node of its own. Everything beside the path arrives as entries.
public protocol YAMLPartVisitor {
    /// An entry beside the path, or one on it that is no list.
    /// - Parameter level: 0 for the root, 1 for the items of the first list, and so on.
    mutating func entry(_ key: String, _ value: YAMLNode, level: Int) throws
    /// A list of the path begins, at the key of this level; its items are of the level after it.
    mutating func beginList(level: Int, at position: TextPosition) throws
    /// An item begins that is walked through: its entries are of this level.
    mutating func beginItem(level: Int, at position: TextPosition) throws
    mutating func endItem(level: Int) throws
    /// An item of the last list of the path.
    mutating func value(_ node: YAMLNode) throws
}

extension YAMLNode {
    /// Walks through a document. A node that an alias may name again is composed as a whole first.
    ///
    /// - Parameter path: the keys of the lists that are handed out item by item; not empty.
    /// - Returns: whether there is a document.
    /// - Throws: ``YAMLError``, what reading the text or the visitor throws. Merge keys (`<<`) beside and on the path are
    ///   refused.
    /// - Complexity: O(n); memory is that of the largest piece, and of the nodes with anchors.
    public static func visit<Visitor: YAMLPartVisitor>(
        _ source: YAMLSource, path: [String], limits: YAMLLimits = YAMLLimits(), visitor: inout Visitor
    ) throws -> Bool {
        guard source.count > 0 else { return false }
        guard source.count <= limits.bytes else { throw YAMLError.tooLarge(bytes: source.count, limit: limits.bytes) }
        let reader = YAMLSourceReader(source)
        return try withExtendedLifetime(reader) {
            do {
                var composer = YAMLComposer(.pieces(reader), limits: limits)
                guard let root = try composer.start() else { return false }
                try composer.walkMapping(root, level: 0, path: path, visitor: &visitor)
                try composer.end()
                return true
            } catch {
                throw reader.failure ?? error
            }
        }
    }
}

extension YAMLComposer {
    fileprivate mutating func walkMapping<Visitor: YAMLPartVisitor>(
        _ event: Event, level: Int, path: [String], visitor: inout Visitor
    ) throws {
        guard event.kind == .mappingStart, event.anchor == nil, event.tag == nil || event.tag == YAMLTag.mapping else {
            return try YAMLPartReplay.mapping(
                try node(event, depth: 2 * level + 1), level: level, path: path, visitor: &visitor)
        }
        while true {
            let start = try next()
            if start.kind == .mappingEnd { return }
            let key = try YAMLPartReplay.key(try node(start, depth: 2 * level + 2))
            let value = try next()
            if key == path[level], value.kind == .sequenceStart, value.anchor == nil,
                value.tag == nil || value.tag == YAMLTag.sequence
            {
                try walkList(at: value.position, level: level, path: path, visitor: &visitor)
            } else {
                let composed = try node(value, depth: 2 * level + 2)
                try YAMLPartReplay.entry(key, composed, level: level, path: path, visitor: &visitor)
            }
        }
    }

    private mutating func walkList<Visitor: YAMLPartVisitor>(
        at position: TextPosition, level: Int, path: [String], visitor: inout Visitor
    ) throws {
        try visitor.beginList(level: level, at: position)
        while true {
            let item = try next()
            if item.kind == .sequenceEnd { return }
            if level + 1 == path.count {
                try visitor.value(try node(item, depth: 2 * level + 3))
            } else {
                try visitor.beginItem(level: level + 1, at: item.position)
                try walkMapping(item, level: level + 1, path: path, visitor: &visitor)
                try visitor.endItem(level: level + 1)
            }
        }
    }
}

/// Hands out the pieces of nodes that are composed already.
private enum YAMLPartReplay {
    static func key(_ node: YAMLNode) throws(YAMLError) -> String {
        guard node.tag != YAMLTag.merge else { throw .mergeOfParts(at: node.position) }
        guard case .scalar(let text) = node.content else {
            throw .unusableKey(found: node.kindName, at: node.position)
        }
        return text
    }

    static func entry<Visitor: YAMLPartVisitor>(
        _ key: String, _ node: YAMLNode, level: Int, path: [String], visitor: inout Visitor
    ) throws {
        guard key == path[level], case .sequence(let items) = node.content else {
            return try visitor.entry(key, node, level: level)
        }
        try visitor.beginList(level: level, at: node.position)
        for item in items {
            if level + 1 == path.count {
                try visitor.value(item)
            } else {
                try visitor.beginItem(level: level + 1, at: item.position)
                try mapping(item, level: level + 1, path: path, visitor: &visitor)
                try visitor.endItem(level: level + 1)
            }
        }
    }

    static func mapping<Visitor: YAMLPartVisitor>(
        _ node: YAMLNode, level: Int, path: [String], visitor: inout Visitor
    ) throws {
        guard case .mapping(let entries) = node.content, node.tag == YAMLTag.mapping else {
            throw YAMLError.wrongKind(tag: YAMLTag.mapping, found: node.kindName, at: node.position)
        }
        for entry in entries {
            try self.entry(try key(entry.key), entry.value, level: level, path: path, visitor: &visitor)
        }
    }
}
