import StructuredData

/// The keys of a kind of object, in the order of the language, each with the other name that it may have.
struct FieldTable: Sendable {
    let keys: [String]
    /// The names of each length in bytes: few enough that comparing beats hashing.
    private let namesByLength: [[(name: String, slot: Int)]]

    /// - Parameter keys: `key`, or `key=other_name`.
    init(_ keys: String...) {
        var names: [String] = []
        var namesByLength: [[(name: String, slot: Int)]] = []
        for (slot, entry) in keys.enumerated() {
            for (index, name) in entry.split(separator: "=").enumerated() {
                if index == 0 { names.append(String(name)) }
                let length = name.utf8.count
                while namesByLength.count <= length { namesByLength.append([]) }
                namesByLength[length].append((String(name), slot))
            }
        }
        self.keys = names
        self.namesByLength = namesByLength
    }

    func slot(_ key: String) -> Int? {
        let length = key.utf8.count
        guard length < namesByLength.count else { return nil }
        return namesByLength[length].first { $0.name == key }?.slot
    }

    var names: some Sequence<String> { namesByLength.joined().map(\.name).sorted() }
}

/// A mapping of a file, its entries sorted into the slots of a table of keys.
struct Fields {
    let context: ReadingContext
    let table: FieldTable
    let position: TextPosition
    private let entries: [YAMLNode.Entry]
    /// For each slot the number of its entry, or -1.
    private var places: [Int]

    /// Reads a mapping and reports keys that are unknown or repeated; `nil` if it is none, which is reported too.
    ///
    /// - Parameters:
    ///   - className: what messages call the object.
    ///   - allowsUnknown: unknown keys only get a warning.
    init?(
        _ node: YAMLNode, _ table: FieldTable, className: String, allowsUnknown: Bool = false,
        in context: ReadingContext
    ) {
        self.context = context
        self.table = table
        position = node.position
        places = Array(repeating: -1, count: table.keys.count)
        guard let entries = Self.entries(of: node, in: context) else {
            context.report(
                .modelType, "\(className) should be a mapping, found \(Scalars.kindName(node))", at: node.position)
            return nil
        }
        self.entries = entries
        for (index, entry) in entries.enumerated() {
            guard case .scalar(let key) = entry.key.content else {
                context.report(.unknownKey, "\(entry.key.kindName) cannot be a key", at: entry.key.position)
                continue
            }
            guard let slot = table.slot(key), entry.key.tag == YAMLTag.string else {
                let near = Suggestion.key(for: key, in: table)
                context.report(
                    .unknownKey, "unknown key '\(key)' in \(className)", at: entry.key.position,
                    remedy: near.map { "did you mean '\($0)'?" }, below: [.key(key)],
                    severity: allowsUnknown ? .warning : .error)
                continue
            }
            if !allowsUnknown, places[slot] >= 0 { reportOtherName(key, entries[places[slot]].key, entry.key, slot) }
            places[slot] = index
        }
    }

    /// A key may have either of its names, and not both.
    private func reportOtherName(_ key: String, _ earlier: YAMLNode, _ later: YAMLNode, _ slot: Int) {
        guard case .scalar(let first) = earlier.content, first != key else { return }
        let name = table.keys[slot]
        let (other, position) = first == name ? (key, later.position) : (first, earlier.position)
        context.report(
            .unknownKey, "'\(other)' and '\(name)' are the same key", at: position, remedy: "remove '\(other)'",
            below: [.key(other)])
    }

    /// Whether a key is there under its other name.
    func hasOtherName(_ slot: Int) -> Bool {
        guard has(slot), case .scalar(let key) = entries[places[slot]].key.content else { return false }
        return key != table.keys[slot]
    }

    /// Reports the other name of a key which is no key where the key itself is always there.
    func reportOtherName(_ slot: Int) {
        guard has(slot), case .scalar(let key) = entries[places[slot]].key.content else { return }
        context.report(
            .unknownKey, "'\(key)' cannot stand here for '\(table.keys[slot])'", at: entries[places[slot]].key.position,
            remedy: "write '\(table.keys[slot])'", below: [.key(key)])
    }

    /// The entries of a mapping, those of merge keys first, later ones of the same key winning; `nil` if the node is no
    /// mapping. Repeated keys get a warning.
    static func entries(of node: YAMLNode, in context: ReadingContext, depth: Int = 0) -> [YAMLNode.Entry]? {
        guard case .mapping(let written) = node.content, node.tag == YAMLTag.mapping else { return nil }
        guard context.spend(written.count + 1, at: node.position) else { return [] }
        warnOfRepeats(written, in: context)
        guard written.contains(where: { $0.key.tag == YAMLTag.merge }) else { return written }
        guard depth < 64 else {
            context.report(.unreadable, "merge keys nest too deeply", at: node.position)
            return []
        }
        var merged: [YAMLNode.Entry] = []
        for entry in written where entry.key.tag == YAMLTag.merge {
            let sources: [YAMLNode]
            if case .sequence(let items) = entry.value.content {
                sources = items.reversed()
            } else {
                sources = [entry.value]
            }
            for source in sources {
                guard let entries = entries(of: source, in: context, depth: depth + 1) else {
                    context.report(
                        .unreadable, "'<<' needs a mapping or a list of mappings, found \(source.kindName)",
                        at: source.position)
                    continue
                }
                merged += entries
            }
        }
        return merged + written.filter { $0.key.tag != YAMLTag.merge }
    }

    private static func warnOfRepeats(_ entries: [YAMLNode.Entry], in context: ReadingContext) {
        // Nearly all mappings are small, where looking back beats hashing, and looking at lengths and last letters
        // first beats comparing.
        var seen: Set<String> = []
        var marks: UInt64 = 0
        let isLarge = entries.count > 24
        for (index, entry) in entries.enumerated() {
            guard case .scalar(let key) = entry.key.content, entry.key.tag != YAMLTag.merge else { continue }
            let isRepeated: Bool
            if isLarge {
                isRepeated = !seen.insert(key).inserted
            } else {
                let mark: UInt64 = 1 << UInt64((key.utf8.count &* 13 &+ Int(key.utf8.last ?? 0)) & 63)
                isRepeated =
                    marks & mark != 0
                    && entries[..<index].contains { earlier in
                        if case .scalar(let other) = earlier.key.content { other == key } else { false }
                    }
                marks |= mark
            }
            if isRepeated {
                context.warn(
                    .duplicateKey, "the key '\(key)' appears again; only its last value counts", at: entry.key.position,
                    remedy: "remove one of the two")
            }
        }
    }

    // MARK: Values

    subscript(slot: Int) -> YAMLNode? { has(slot) ? entries[places[slot]].value : nil }

    /// Whether the key is there, be it with a null.
    func has(_ slot: Int) -> Bool { places[slot] >= 0 }

    /// The value of a key unless it is absent or null.
    func present(_ slot: Int) -> YAMLNode? {
        guard let node = self[slot], node.tag != YAMLTag.null else { return nil }
        return node
    }

    func reportMissing(_ slot: Int) {
        context.report(.missing, "'\(table.keys[slot])' is missing", at: position, below: [.key(table.keys[slot])])
    }

    func inside<T>(_ slot: Int, _ body: () -> T) -> T { context.inside(.key(table.keys[slot]), body) }

    func text(_ slot: Int) -> String? {
        guard let node = present(slot) else { return nil }
        return text(node, slot)
    }

    private func text(_ node: YAMLNode, _ slot: Int) -> String? {
        if case .scalar(let text) = node.content, node.tag == YAMLTag.string { return Scalars.trimmed(text) }
        return inside(slot) { Scalars.text(node, in: context) }
    }

    /// The text of a key that has to be there.
    func requiredText(_ slot: Int) -> String? {
        guard let node = self[slot] else {
            reportMissing(slot)
            return nil
        }
        return text(node, slot)
    }

    func integer(_ slot: Int, in range: ClosedRange<Int>? = nil) -> Int? {
        guard let node = present(slot) else { return nil }
        return inside(slot) { Scalars.integer(node, in: range, context) }
    }

    /// A flag that may not be null.
    func boolean(_ slot: Int) -> Bool? {
        guard let node = self[slot] else { return nil }
        return inside(slot) { Scalars.boolean(node, in: context) }
    }

    /// A list of texts; `nil` if the key is absent, null (unless `isRequired`) or wrong.
    func texts(_ slot: Int, minimum: Int = 0, isRequired: Bool = false) -> [String]? {
        guard let node = isRequired ? self[slot] : present(slot) else {
            if isRequired { reportMissing(slot) }
            return nil
        }
        return inside(slot) {
            guard let items = Scalars.items(node, in: context) else { return nil }
            guard items.count >= minimum else {
                context.report(.tooShort, "at least \(minimum) item is needed", at: node.position)
                return nil
            }
            var texts: [String] = []
            var isWhole = true
            for (index, item) in items.enumerated() {
                if let text = context.inside(.index(index), { Scalars.text(item, in: context) }) {
                    texts.append(text)
                } else {
                    isWhole = false
                }
            }
            return isWhole ? texts : nil
        }
    }

    func choice<T: RawRepresentable & CaseIterable>(_ slot: Int, _ type: T.Type) -> T? where T.RawValue == String {
        guard let node = present(slot) else { return nil }
        return inside(slot) {
            if case .scalar(let text) = node.content, let value = T(rawValue: text) { return value }
            let names = T.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            context.report(.literal, "\(Scalars.shown(node)) is none of \(names)", at: node.position)
            return nil
        }
    }

    /// Calls `body` with each item of a list, inside its path.
    func forEach(_ slot: Int, _ body: (YAMLNode) -> Void) {
        guard let node = self[slot] else { return }
        inside(slot) {
            guard let items = Scalars.items(node, in: context) else { return }
            for (index, item) in items.enumerated() {
                guard context.spend(1, at: item.position) else { return }
                context.inside(.index(index)) { body(item) }
            }
        }
    }
}
