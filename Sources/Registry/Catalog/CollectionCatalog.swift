import ButlerModel

/// All collections of a repository as of one moment: types, chains and parents, resolved in memory.
struct CollectionCatalog: Sendable {
    struct Entry: Sendable {
        let key: Int64
        let name: String
        let type: CollectionType
        let documentation: String?
    }

    /// In order of creation.
    private(set) var entries: [Entry] = []
    private var indexByName: [String: Int] = [:]
    private var indexByKey: [Int64: Int] = [:]
    private var childrenByParent: [Int64: [Int64]] = [:]
    private var parentsByChild: [Int64: [Int64]] = [:]

    mutating func add(_ entry: Entry) {
        indexByName[entry.name] = entries.count
        indexByKey[entry.key] = entries.count
        entries.append(entry)
    }

    /// Links come ordered by parent and position.
    mutating func addLink(parent: Int64, child: Int64) {
        childrenByParent[parent, default: []].append(child)
        parentsByChild[child, default: []].append(parent)
    }

    subscript(key: Int64) -> Entry? { indexByKey[key].map { entries[$0] } }
    subscript(name: String) -> Entry? { indexByName[name].map { entries[$0] } }

    func children(of entry: Entry) -> [Entry] {
        (childrenByParent[entry.key] ?? []).compactMap { self[$0] }
    }

    func parents(of entry: Entry) -> [Entry] {
        (parentsByChild[entry.key] ?? []).compactMap { self[$0] }
    }

    /// - Throws: `ButlerError` of kind `missingCollection`.
    func require(_ name: String) throws(ButlerError) -> Entry {
        guard let entry = self[name] else {
            throw ButlerError(.missingCollection, "No collection with name '\(name)' found.")
        }
        return entry
    }

    // MARK: Chains

    /// The collections with chains replaced by their members, depth first, each once, at its first place. A chain
    /// that contains itself (which no client can make, but a damaged database can hold) is followed once.
    func flattened(_ roots: [Entry], includingChains: Bool = false) -> [Entry] {
        var result: [Entry] = []
        var seen = Set<Int64>()
        var pending = Array(roots.reversed())
        while let entry = pending.popLast() {
            guard seen.insert(entry.key).inserted else { continue }
            if entry.type == .chained {
                if includingChains { result.append(entry) }
                pending.append(contentsOf: children(of: entry).reversed())
            } else {
                result.append(entry)
            }
        }
        return result
    }

    /// Whether making `children` members of `parent` would make it contain itself.
    func wouldCycle(parent: Entry, children: [Entry]) -> Bool {
        flattened(children, includingChains: true).contains { $0.key == parent.key }
    }

    // MARK: Searches

    /// The collections that match names and globs: names in the order given, matches of globs in order of creation,
    /// each once.
    /// - Throws: `ButlerError` of kind `missingCollection` for names that do not exist.
    func matching(_ patterns: [String]) throws(ButlerError) -> [Entry] {
        if patterns.contains("*") { return entries }
        var result: [Entry] = []
        var seen = Set<Int64>()
        var missing: [String] = []
        for pattern in patterns.map(NamePattern.init) {
            switch pattern {
            case .name(let name):
                guard let entry = self[name] else {
                    missing.append(name)
                    continue
                }
                if seen.insert(entry.key).inserted { result.append(entry) }
            case .glob(let glob):
                for entry in entries where !seen.contains(entry.key) && glob.matches(entry.name) {
                    seen.insert(entry.key)
                    result.append(entry)
                }
            }
        }
        switch missing.count {
        case 0: return result
        case 1: throw ButlerError(.missingCollection, "No collection with name '\(missing[0])' found.")
        default:
            throw ButlerError(
                .missingCollection, "No collections with names '\(missing.joined(separator: " "))' found.")
        }
    }
}
