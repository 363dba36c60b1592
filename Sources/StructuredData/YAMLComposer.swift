internal import CYaml

extension YAMLNode {
    /// The root node of a YAML document; `nil` when the text holds no document.
    ///
    /// - Throws: ``YAMLError`` with line and column.
    /// - Complexity: O(n); stack use is bounded by `limits.depth`.
    public static func compose(
        _ bytes: some Collection<UInt8>, limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLError) -> YAMLNode? {
        let result = bytes.withContiguousStorageIfAvailable { YAMLComposer.compose($0, limits: limits) }
        if let result { return try result.get() }
        return try Array(bytes).withUnsafeBufferPointer { YAMLComposer.compose($0, limits: limits) }.get()
    }
}

/// Builds nodes from the events of libyaml.
struct YAMLComposer: ~Copyable {
    private var parser = yaml_parser_t()
    private let input: Input
    let limits: YAMLLimits
    /// The nodes that anchors name; `nil` while the node is still being read.
    private var anchors: [String: YAMLNode?] = [:]

    static func compose(
        _ bytes: UnsafeBufferPointer<UInt8>, limits: YAMLLimits
    ) -> Result<YAMLNode?, YAMLError> {
        guard bytes.count > 0 else { return .success(nil) }
        guard bytes.count <= limits.bytes else { return .failure(.tooLarge(bytes: bytes.count, limit: limits.bytes)) }
        do throws(YAMLError) {
            var composer = YAMLComposer(.bytes(bytes), limits: limits)
            return .success(try composer.document())
        } catch {
            return .failure(error)
        }
    }

    enum Input {
        case bytes(UnsafeBufferPointer<UInt8>)
        case pieces(YAMLSourceReader)
    }

    init(_ input: Input, limits: YAMLLimits) {
        self.input = input
        self.limits = limits
    }

    deinit {
        var parser = parser
        yaml_parser_delete(&parser)
    }

    private mutating func document() throws(YAMLError) -> YAMLNode? {
        guard let event = try start() else { return nil }
        let root = try node(event, depth: 1)
        try end()
        return root
    }

    /// The first event of the document's root; `nil` when there is no document.
    mutating func start() throws(YAMLError) -> Event? {
        guard yaml_parser_initialize(&parser) == 1 else {
            throw .syntax(problem: "the parser found no memory", at: TextPosition(line: 1, column: 1))
        }
        switch input {
        case .bytes(let bytes): yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
        case .pieces(let reader): reader.attach(to: &parser)
        }
        _ = try next()
        if try next().kind == .streamEnd { return nil }
        return try next()
    }

    /// Makes sure that nothing follows the document's root.
    mutating func end() throws(YAMLError) {
        _ = try next()
        let last = try next()
        if last.kind != .streamEnd { throw .severalDocuments(at: last.position) }
    }

    // MARK: Nodes

    mutating func node(_ event: Event, depth: Int) throws(YAMLError) -> YAMLNode {
        if case .alias(let name) = event.kind {
            guard let entry = anchors[name] else { throw .undefinedAlias(name, at: event.position) }
            guard let node = entry else { throw .recursiveAlias(name, at: event.position) }
            return node
        }
        if let anchor = event.anchor {
            guard anchors.updateValue(nil, forKey: anchor) == nil else {
                throw .duplicateAnchor(anchor, at: event.position)
            }
        }
        let content: YAMLNode.Content
        var tag = event.tag
        switch event.kind {
        case .scalar(let text, let isPlain):
            content = .scalar(text)
            tag = tag ?? (isPlain ? YAMLResolver.tag(plain: text) : YAMLTag.string)
        case .sequenceStart:
            content = .sequence(try items(of: event, depth: depth))
            tag = tag ?? YAMLTag.sequence
        case .mappingStart:
            content = .mapping(try entries(of: event, depth: depth))
            tag = tag ?? YAMLTag.mapping
        default: throw .syntax(problem: "a value is missing", at: event.position)
        }
        let node = YAMLNode(tag: tag ?? YAMLTag.string, content: content, position: event.position)
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private mutating func items(of start: Event, depth: Int) throws(YAMLError) -> [YAMLNode] {
        guard depth <= limits.depth else { throw .tooDeep(limit: limits.depth, at: start.position) }
        var items: [YAMLNode] = []
        while true {
            let event = try next()
            if case .sequenceEnd = event.kind { return items }
            items.append(try node(event, depth: depth + 1))
        }
    }

    private mutating func entries(of start: Event, depth: Int) throws(YAMLError) -> [YAMLNode.Entry] {
        guard depth <= limits.depth else { throw .tooDeep(limit: limits.depth, at: start.position) }
        var entries: [YAMLNode.Entry] = []
        while true {
            let event = try next()
            if case .mappingEnd = event.kind { return entries }
            let key = try node(event, depth: depth + 1)
            let value = try node(try next(), depth: depth + 1)
            entries.append(YAMLNode.Entry(key: key, value: value))
        }
    }

    // MARK: Events

    struct Event {
        enum Kind: Equatable {
            case streamEnd, sequenceStart, sequenceEnd, mappingStart, mappingEnd, other
            case alias(String)
            case scalar(String, isPlain: Bool)
        }
        var kind: Kind
        var anchor: String?
        /// The explicit tag, unless it is the lone `!`, which stands for "none".
        var tag: String?
        var position: TextPosition
    }

    mutating func next() throws(YAMLError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(&parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        var anchor: UnsafeMutablePointer<UInt8>?
        var tag: UnsafeMutablePointer<UInt8>?
        let kind: Event.Kind
        switch event.type {
        case YAML_STREAM_END_EVENT: kind = .streamEnd
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        case YAML_ALIAS_EVENT: kind = .alias(text(event.data.alias.anchor) ?? "")
        case YAML_SEQUENCE_START_EVENT:
            kind = .sequenceStart
            anchor = event.data.sequence_start.anchor
            tag = event.data.sequence_start.tag
        case YAML_MAPPING_START_EVENT:
            kind = .mappingStart
            anchor = event.data.mapping_start.anchor
            tag = event.data.mapping_start.tag
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let value = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            kind = .scalar(String(decoding: value, as: UTF8.self), isPlain: scalar.plain_implicit != 0)
            anchor = scalar.anchor
            tag = scalar.tag
        default: kind = .other
        }
        let explicit = text(tag)
        return Event(
            kind: kind, anchor: text(anchor), tag: explicit == "!" ? nil : explicit, position: place(event.start_mark))
    }

    private func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    private func place(_ mark: yaml_mark_t) -> TextPosition {
        TextPosition(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    private func failure() -> YAMLError {
        let problem = parser.problem.map { String(cString: $0) } ?? "the parser gives no reason"
        if parser.error == YAML_READER_ERROR {
            let offset = Int(parser.problem_offset)
            switch input {
            case .bytes(let bytes):
                return .syntax(problem: problem, at: TextPosition(offset: min(offset, bytes.count), in: bytes))
            case .pieces(let reader): return .syntax(problem: problem, at: reader.position(of: offset))
            }
        }
        let context = parser.context.map { String(cString: $0) + ", " } ?? ""
        return .syntax(problem: context + problem, at: place(parser.problem_mark))
    }
}
