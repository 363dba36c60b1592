/// Guesses which name was meant.
enum NearestName {
    /// The name with the fewest edits from `name`, if that are few; the last parts of dotted names count too, so that a
    /// setting in the wrong section is found.
    static func of(_ name: String, among names: some Sequence<String>) -> String? {
        let scored = names.map { candidate in
            (min(distance(name, candidate), distance(last(name), last(candidate)) + 1), candidate)
        }
        guard let best = scored.min(by: { $0 < $1 }), best.0 <= max(2, name.count / 3) else { return nil }
        return best.1
    }

    private static func last(_ name: String) -> Substring { name.split(separator: ".").last ?? name[...] }

    /// The number of letters to insert, remove or replace. Cost: the product of the lengths.
    static func distance(_ a: some StringProtocol, _ b: some StringProtocol) -> Int {
        let (a, b) = (Array(a), Array(b))
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
