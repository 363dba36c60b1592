/// Suggestions for many words of one file: once enough candidates have been looked at, there are no more of them, so
/// that a large file full of mistakes does not take long.
struct Suggestions {
    private var candidatesLeft = 100_000

    mutating func nearest(to word: String, in candidates: some Collection<String>) -> String? {
        guard candidatesLeft > 0 else { return nil }
        candidatesLeft -= candidates.count
        return Suggestion.nearest(to: word, in: candidates)
    }
}

/// Finds what somebody may have meant.
enum Suggestion {
    /// What some call keys of the language.
    private static let synonyms = [
        "default": "value", "defaultvalue": "value", "default_value": "value", "type": "datatype",
        "unit": "ivoa:unit", "tunit": "fits:tunit", "size": "length", "width": "length", "comment": "description",
        "desc": "description", "doc": "description", "null": "nullable", "notnull": "nullable", "pk": "primaryKey",
        "indices": "indexes", "refcolumns": "referencedColumns", "condition": "expression",
    ]

    /// The key of a table of keys that somebody may have meant: the same without its prefix, a word for the same, or
    /// one that is spelled nearly so.
    static func key(for word: String, in table: FieldTable) -> String? {
        let lowered = word.lowercased()
        let bare = lowered.split(separator: ":").last.map(String.init) ?? lowered
        let ends = [":\(bare)", "@\(bare)"]
        if let key = table.keys.first(where: { key in ends.contains { key.hasSuffix($0) } }) { return key }
        if let key = synonyms[bare], table.keys.contains(key) { return key }
        return nearest(to: word, in: table.names)
    }

    /// The candidate that takes the fewest single-character edits, if these are at most a third of the word.
    ///
    /// - Complexity: O(candidates · word length²).
    static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        guard word.utf8.count <= 64 else { return nil }
        let wanted = Array(word.lowercased().unicodeScalars)
        var best: (distance: Int, name: String)?
        for candidate in candidates {
            let other = Array(candidate.lowercased().unicodeScalars)
            let limit = max(1, max(wanted.count, other.count) / 3)
            guard abs(other.count - wanted.count) <= limit else { continue }
            let distance = edits(wanted, other)
            if distance <= limit, best.map({ distance < $0.distance }) ?? true { best = (distance, candidate) }
        }
        return best?.name
    }

    /// The Levenshtein distance.
    static func edits(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let above = row[j + 1]
                row[j + 1] = left == right ? diagonal : 1 + min(diagonal, min(above, row[j]))
                diagonal = above
            }
        }
        return row[b.count]
    }
}
