import StructuredData

/// Where the objects of the reference model are written in its file.
struct MergeNodes {
    let root: YAMLNode
    private let tables: [String: YAMLNode]
    /// The columns of each table.
    private let columns: [String: [String: YAMLNode]]

    /// - Complexity: O(columns).
    init(_ root: YAMLNode) {
        self.root = root
        let list = Self.value("tables", in: root)
        tables = Self.byName(list)
        columns = tables.mapValues { Self.byName(Self.value("columns", in: $0)) }
    }

    private static func byName(_ list: YAMLNode?) -> [String: YAMLNode] {
        guard let list, case .sequence(let items) = list.content else { return [:] }
        let named = items.compactMap { item in text("name", in: item).map { ($0, item) } }
        return Dictionary(named, uniquingKeysWith: { first, _ in first })
    }

    static func value(_ key: String, in node: YAMLNode) -> YAMLNode? {
        guard case .mapping(let entries) = node.content else { return nil }
        return entries.last { entry in
            if case .scalar(let text) = entry.key.content { text == key } else { false }
        }?.value
    }

    /// The text of a key, which a merge key may bring.
    static func text(_ key: String, in node: YAMLNode, depth: Int = 0) -> String? {
        if let value = value(key, in: node) {
            guard case .scalar(let text) = value.content else { return nil }
            return Scalars.trimmed(text)
        }
        guard depth < 8, case .mapping(let entries) = node.content else { return nil }
        for entry in entries.reversed() where entry.key.tag == YAMLTag.merge {
            let sources = if case .sequence(let items) = entry.value.content { items } else { [entry.value] }
            for source in sources {
                if let text = text(key, in: source, depth: depth + 1) { return text }
            }
        }
        return nil
    }

    func table(_ name: String) -> YAMLNode? { tables[name] }

    /// The list that the object of a change is in, or would be.
    func list(of change: SchemaChange) -> YAMLNode? {
        if change.object == .table { return Self.value("tables", in: root) }
        guard let table = change.table.flatMap({ tables[$0] }) else { return nil }
        return switch change.object {
        case .column: Self.value("columns", in: table)
        case .constraint: Self.value("constraints", in: table)
        case .index: Self.value("indexes", in: table)
        case .group: Self.value("columnGroups", in: table)
        case .schema, .table: nil
        }
    }

    func mapping(of change: SchemaChange) -> YAMLNode? {
        switch change.object {
        case .schema: root
        case .table: tables[change.name]
        case .column: change.table.flatMap { columns[$0]?[change.name] }
        case .constraint, .index: Self.byName(list(of: change))[change.name]
        case .group: nil
        }
    }
}
