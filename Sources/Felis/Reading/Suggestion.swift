/// Finds what somebody may have meant.
enum Suggestion {
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
