/// Which keys of a flat mapping hold provenance: those with one prefix and one separator, which are found from the keys
/// that every provenance has. Source: quantum reference, section 11.1.
struct FlatProvenanceKeys {
    /// With the separator, if there is a prefix.
    private let prefix: String
    let separator: Character

    /// `nil` when no key holds provenance.
    ///
    /// - Throws: `ButlerError` of kind `malformedModel` when there are several prefixes or separators.
    init?(_ keys: [String]) throws(ButlerError) {
        var prefixes: Set<String> = []
        var separators: Set<Character> = []
        var heads: [String: String] = [:]
        for key in keys {
            let lower = key.lowercased()
            if let (head, marks) = Self.input(lower) ?? Self.dataID(lower) {
                prefixes.insert(String(key.prefix(head)))
                separators.formUnion(marks)
            } else if let (name, head) = Self.plain(lower) {
                heads[name] = String(key.prefix(head))
            }
        }
        // Without inputs and dimensions only the three names of the dataset itself tell.
        if prefixes.isEmpty, heads.count == 3 { prefixes = Set(heads.values) }
        guard !prefixes.isEmpty else { return nil }
        for prefix in prefixes { if let mark = prefix.last { separators.insert(mark) } }
        if separators.isEmpty { separators = [" "] }
        guard prefixes.count == 1, separators.count == 1, let prefix = prefixes.first, let separator = separators.first
        else {
            throw ButlerError(
                .malformedModel,
                "Provenance keys have the prefixes \(prefixes.sorted()) and the separators \(separators.sorted()); "
                    + "keep the keys of one dataset only.")
        }
        self.prefix = prefix
        self.separator = separator
    }

    /// The words of a key behind the prefix; `nil` for a key that holds no provenance.
    func words(of key: String) -> [String]? {
        guard key.lowercased().hasPrefix(prefix.lowercased()) else { return nil }
        let words = key.dropFirst(prefix.count).split(separator: separator, omittingEmptySubsequences: false)
            .map { String($0) }
        switch (words.first?.lowercased(), words.count) {
        case ("id", 1), ("run", 1), ("datasettype", 1), ("quantum", 1), ("n_inputs", 1), ("dataid", 2): return words
        case ("input", 3...): return Int(words[1]) == nil ? nil : words
        default: return nil
        }
    }

    /// `…input?0?name`: the length of what stands before it, and the separators.
    private static func input(_ key: String) -> (Int, [Character])? {
        for name in ["id", "datasettype", "run"] where key.hasSuffix(name) {
            let rest = Array(key.dropLast(name.count).suffix(8))
            guard rest.count == 8, String(rest[0..<5]) == "input", rest[6] == "0" else {
                continue
            }
            return (key.count - name.count - 8, [rest[5], rest[7]])
        }
        return nil
    }

    /// `…dataid?dimension`.
    private static func dataID(_ key: String) -> (Int, [Character])? {
        let characters = Array(key)
        let tail = characters.reversed().prefix { $0 == "_" || ("a"..."z").contains($0) }.count
        // The name of the dimension is the longest run of letters at the end; before it a separator and "dataid".
        let head = characters.count - tail - 7
        guard tail > 0, head >= 0, String(characters[head..<(head + 6)]) == "dataid" else { return nil }
        return (head, [characters[head + 6]])
    }

    /// A key that ends in one of the three names of a dataset.
    private static func plain(_ key: String) -> (String, Int)? {
        for name in ["datasettype", "run", "id"] where key.hasSuffix(name) {
            let head = key.count - name.count
            if head == 0 { return (name, 0) }
            let mark = key[key.index(key.startIndex, offsetBy: head - 1)]
            if !mark.isLetter && !mark.isNumber && mark != "_" { return (name, head) }
        }
        return nil
    }
}
