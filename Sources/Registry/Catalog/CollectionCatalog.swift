import ButlerModel
import ByteText

/// All collections of a repository as of one moment: types, chains and parents, resolved in memory.
package struct CollectionCatalog: Sendable {
    package struct Entry: Sendable {
        package let key: Int64
        package let name: String
        package let type: CollectionType
        package let documentation: String?
    }

    /// In order of creation.
    package private(set) var entries: [Entry] = []
    private var indexByName: [ExactName: Int] = [:]
    private var indexByKey: [Int64: Int] = [:]
    private var childrenByParent: [Int64: [Int64]] = [:]
    private var parentsByChild: [Int64: [Int64]] = [:]

    package mutating func add(_ entry: Entry) {
        indexByName[ExactName(entry.name)] = entries.count
        indexByKey[entry.key] = entries.count
        entries.append(entry)
    }

    /// Links come ordered by parent and position.
    package mutating func addLink(parent: Int64, child: Int64) {
        childrenByParent[parent, default: []].append(child)
        parentsByChild[child, default: []].append(parent)
    }

    package subscript(key: Int64) -> Entry? { indexByKey[key].map { entries[$0] } }
    package subscript(name: String) -> Entry? { indexByName[ExactName(name)].map { entries[$0] } }

    package func children(of entry: Entry) -> [Entry] {
        (childrenByParent[entry.key] ?? []).compactMap { self[$0] }
    }

    package func parents(of entry: Entry) -> [Entry] {
        (parentsByChild[entry.key] ?? []).compactMap { self[$0] }
    }

    /// - Throws: `ButlerError` of kind `missingCollection`.
    package func require(_ name: String) throws(ButlerError) -> Entry {
        guard let entry = self[name] else {
            throw ButlerError(.missingCollection, "No collection with name '\(name)' found.")
        }
        return entry
    }

    // MARK: Chains

    /// The collections with chains replaced by their members, depth first, each once, at its first place. A chain
    /// that contains itself is followed once.
    package func flattened(_ roots: [Entry], includingChains: Bool = false) -> [Entry] {
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
    package func wouldCycle(parent: Entry, children: [Entry]) -> Bool {
        flattened(children, includingChains: true).contains { $0.key == parent.key }
    }

    /// Chains that contain themselves, as two clients can bring about that edit two chains at the same time.
    package var circularChains: [Entry] {
        entries.filter { $0.type == .chained && wouldCycle(parent: $0, children: children(of: $0)) }
    }

    // MARK: Searches

    /// The collections that match names and globs, each once: first what globs match, in order of creation with chains
    /// last, then names in the order given. Where chains are to be replaced by their members, the chains that globs
    /// match come last of all, so that their members come after the names. This is the search order of the Python
    /// software.
    /// - Throws: `ButlerError` of kind `missingCollection` for names that do not exist.
    package func matching(_ patterns: [String], forFlattening: Bool = false) throws(ButlerError) -> [Entry] {
        let parsed = patterns.map(NamePattern.init)
        let isEverything = patterns.contains("*")
        let globs = parsed.compactMap { if case .glob(let glob) = $0 { glob } else { nil } }
        var matches = entries
        if !isEverything {
            matches.removeAll { entry in
                guard !globs.isEmpty else { return true }
                let name = Array(entry.name.unicodeScalars)
                return !globs.contains { $0.matches(name) }
            }
        }
        let chains = matches.filter { $0.type == .chained }
        matches.removeAll { $0.type == .chained }
        if isEverything { return matches + chains }

        var named: [Entry] = []
        var missing: [String] = []
        for case .name(let name) in parsed {
            if let entry = self[name] { named.append(entry) } else { missing.append(name) }
        }
        var seen = Set<Int64>()
        let result = (forFlattening ? matches + named + chains : matches + chains + named).filter {
            seen.insert($0.key).inserted
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
