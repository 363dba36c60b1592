import ByteText

extension YAMLNode {
    /// The node that stands for a value, with the spelling that PyYAML's `safe_dump` chooses.
    public init(_ value: StructuredValue) {
        switch value {
        case .null: self.init(tag: YAMLTag.null, content: .scalar("null"))
        case .bool(let flag): self.init(tag: YAMLTag.bool, content: .scalar(flag ? "true" : "false"))
        case .int(let number): self.init(tag: YAMLTag.int, content: .scalar(String(number)))
        case .float(let number): self.init(tag: YAMLTag.float, content: .scalar(Self.text(number)))
        case .string(let text): self.init(tag: YAMLTag.string, content: .scalar(text))
        case .bytes(let data): self.init(tag: YAMLTag.binary, content: .scalar(Self.base64Lines(data)))
        case .array(let items):
            self.init(tag: YAMLTag.sequence, content: .sequence(items.map { YAMLNode($0) }))
        case .object(let mapping):
            let entries = mapping.pairs.map { Entry(key: YAMLNode(.string($0.key)), value: YAMLNode($0.value)) }
            self.init(tag: YAMLTag.mapping, content: .mapping(entries))
        }
    }

    private static func text(_ number: Double) -> String {
        guard number.isFinite else { return number.isNaN ? ".nan" : number < 0 ? "-.inf" : ".inf" }
        let text = PythonFloat.repr(number)
        // Without a dot YAML 1.1 would read "1e+16" as text.
        guard !text.utf8.contains(UInt8(ascii: ".")), let exponent = text.firstIndex(of: "e") else { return text }
        return text[..<exponent] + ".0" + text[exponent...]
    }

    /// Base64 in lines of 76 characters, each ended (RFC 2045).
    private static func base64Lines(_ data: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: data.count, by: 57) {
            text += Base64.encode(Array(data[start..<min(start + 57, data.count)])).utf8
            text.append(UInt8(ascii: "\n"))
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Writes YAML byte for byte as PyYAML's `safe_dump(value, sort_keys=False)` does: block style, two blanks of indent,
/// lines folded at width 80.
///
/// Nodes with tags of their own are written as PyYAML's `dump` writes what a representer gives, so that import files
/// can be made as well. No anchors are written: Python writes them for objects that appear twice, and values here
/// have no identity.
///
/// - Complexity: O(n). Stack use grows with the depth of the value.
public struct YAMLWriter {
    public struct Options: Sendable {
        /// The column beyond which text is folded at blanks.
        public var width: Int
        /// Write printable characters beyond ASCII as they are, not as escapes.
        public var allowsUnicode: Bool
        /// Write lists and mappings that hold only scalars in one line, `[1, 2]`, which is PyYAML's
        /// `default_flow_style=None`.
        public var flowsLeaves: Bool

        public init(width: Int = 80, allowsUnicode: Bool = false, flowsLeaves: Bool = false) {
            self.width = width
            self.allowsUnicode = allowsUnicode
            self.flowsLeaves = flowsLeaves
        }
    }

    /// The YAML text of a value, ending with a line break.
    public static func text(_ value: StructuredValue, options: Options = Options()) -> String {
        text(YAMLNode(value), options: options)
    }

    /// The YAML text of a node, ending with a line break.
    public static func text(_ node: YAMLNode, options: Options = Options()) -> String {
        var writer = YAMLWriter(out: YAMLLayout(width: options.width), options: options)
        writer.node(node, context: .root)
        writer.out.breakIfNeeded()
        if writer.isOpenEnded { writer.out.endOpenDocument() }
        return String(decoding: writer.out.bytes, as: UTF8.self)
    }

    enum Context { case root, item, key, value }

    var out: YAMLLayout
    let options: Options
    /// Whether the document ends in text that a reader could take for unfinished.
    private var isOpenEnded = false
    /// Whether brackets are open around what is being written.
    private var isInFlow = false

    private init(out: YAMLLayout, options: Options) {
        self.out = out
        self.options = options
    }

    // MARK: Nodes

    private mutating func node(_ node: YAMLNode, context: Context) {
        switch node.content {
        case .scalar(let text): scalar(text, tag: node.tag, context: context)
        case .sequence(let items):
            if node.tag != YAMLTag.sequence { tag(node.tag) }
            if items.isEmpty {
                emptyCollection("[", "]")
            } else if flows(node) {
                flow("[", items, "]") { $0.node($1, context: .item) }
            } else {
                sequence(items, context: context)
            }
        case .mapping(let entries):
            if node.tag != YAMLTag.mapping { tag(node.tag) }
            if entries.isEmpty {
                emptyCollection("{", "}")
            } else if flows(node) {
                flow("{", entries, "}") { $0.flowEntry($1) }
            } else {
                mapping(entries)
            }
        }
    }

    private mutating func tag(_ tag: String) {
        out.indicator(YAMLTag.shorthand(tag), needsBlank: true)
    }

    private mutating func emptyCollection(_ opening: String, _ closing: String) {
        out.indicator(opening, needsBlank: true, isBlank: true)
        out.indicator(closing, needsBlank: false)
        isOpenEnded = false
    }

    // MARK: Flow style

    private func flows(_ node: YAMLNode) -> Bool {
        guard options.flowsLeaves, !isInFlow else { return isInFlow }
        func isScalar(_ node: YAMLNode) -> Bool {
            // A literal block has a style of its own, which PyYAML respects.
            if case .scalar = node.content { node.tag != YAMLTag.binary } else { false }
        }
        return switch node.content {
        case .scalar: false
        case .sequence(let items): items.allSatisfy(isScalar)
        case .mapping(let entries): entries.allSatisfy { isScalar($0.key) && isScalar($0.value) }
        }
    }

    private mutating func flow<Item>(
        _ opening: String, _ items: [Item], _ closing: String, _ write: (inout YAMLWriter, Item) -> Void
    ) {
        let wasInFlow = isInFlow
        isInFlow = true
        out.indicator(opening, needsBlank: true, isBlank: true)
        out.pushIndent(isFlow: true, keeps: false)
        for (position, item) in items.enumerated() {
            if position > 0 { out.indicator(",", needsBlank: false) }
            if out.isBeyondWidth { out.indent() }
            write(&self, item)
        }
        out.popIndent()
        out.indicator(closing, needsBlank: false)
        isOpenEnded = false
        isInFlow = wasInFlow
    }

    private mutating func flowEntry(_ entry: YAMLNode.Entry) {
        if isSimpleKey(entry.key) {
            node(entry.key, context: .key)
            out.indicator(":", needsBlank: false)
        } else {
            out.indicator("?", needsBlank: true)
            node(entry.key, context: .value)
            if out.isBeyondWidth { out.indent() }
            out.indicator(":", needsBlank: true)
        }
        node(entry.value, context: .value)
    }

    private mutating func sequence(_ items: [YAMLNode], context: Context) {
        // A list that is the value of a key stands at the key's own indent.
        let keepsIndent = (context == .value || context == .key) && !out.isIndention
        out.pushIndent(isFlow: false, keeps: keepsIndent)
        for item in items {
            out.indent()
            out.indicator("-", needsBlank: true, isIndention: true)
            node(item, context: .item)
        }
        out.popIndent()
    }

    private mutating func mapping(_ entries: [YAMLNode.Entry]) {
        out.pushIndent(isFlow: false, keeps: false)
        for entry in entries {
            out.indent()
            if isSimpleKey(entry.key) {
                node(entry.key, context: .key)
                out.indicator(":", needsBlank: false)
            } else {
                out.indicator("?", needsBlank: true, isIndention: true)
                node(entry.key, context: .value)
                out.indent()
                out.indicator(":", needsBlank: true, isIndention: true)
            }
            node(entry.value, context: .value)
        }
        out.popIndent()
    }

    /// Whether a key fits before its colon on one line: PyYAML counts the tag with the text and stops at 128.
    private func isSimpleKey(_ key: YAMLNode) -> Bool {
        let tagLength = YAMLTag.shorthand(key.tag).unicodeScalars.count
        switch key.content {
        case .scalar(let text):
            let scalars = Array(text.unicodeScalars)
            guard !scalars.isEmpty, tagLength + scalars.count < 128 else { return false }
            return !YAMLAnalysis(scalars, allowsUnicode: options.allowsUnicode).isMultiline
        case .sequence(let items): return items.isEmpty && tagLength < 128
        case .mapping(let entries): return entries.isEmpty && tagLength < 128
        }
    }

    // MARK: Scalars

    private mutating func scalar(_ text: String, tag: String, context: Context) {
        let scalars = Array(text.unicodeScalars)
        let analysis = YAMLAnalysis(scalars, allowsUnicode: options.allowsUnicode)
        let style = style(of: text, analysis, tag: tag, context: context)
        let isImplicit = style == .plain || (style != .plain && tag == YAMLTag.string)
        if !isImplicit { self.tag(tag) }
        out.pushIndent(isFlow: true, keeps: false)
        isOpenEnded = false
        switch style {
        case .plain:
            isOpenEnded = context == .root
            out.plain(scalars, splits: context != .key)
        case .single: out.singleQuoted(scalars, splits: context != .key)
        case .double: out.doubleQuoted(scalars, splits: context != .key, allowsUnicode: options.allowsUnicode)
        case .literal: isOpenEnded = out.literal(scalars)
        }
        out.popIndent()
    }

    private enum ScalarStyle { case plain, single, double, literal }

    private func style(of text: String, _ analysis: YAMLAnalysis, tag: String, context: Context) -> ScalarStyle {
        let isKey = context == .key
        if tag == YAMLTag.binary, !isKey, !isInFlow, analysis.allowsLiteral { return .literal }
        if YAMLResolver.tag(plain: text) == tag, !(isKey && (analysis.isEmpty || analysis.isMultiline)),
            isInFlow ? analysis.allowsFlowPlain : analysis.allowsPlain
        {
            return .plain
        }
        if tag != YAMLTag.binary, analysis.allowsSingleQuoted, !(isKey && analysis.isMultiline) { return .single }
        return .double
    }
}
