import StructuredData

/// Checks Unified Content Descriptors: words of a controlled vocabulary, joined by `;`.
public enum UCDCheck {
    public struct Problem: Sendable, Hashable {
        public var message: String
        public var remedy: String?
    }

    /// What is wrong with a UCD; `nil` for a good one. Words of other namespaces than `ivoa` are not looked up.
    public static func problem(of ucd: String) -> Problem? {
        let allowsColon = ucd.utf8.contains(UInt8(ascii: ";"))
        for scalar in ucd.unicodeScalars where !isLetter(scalar) && scalar != "." && scalar != ";" {
            if scalar == ":", allowsColon { continue }
            return Problem(message: "UCD has invalid character '\(scalar)' in '\(ucd)'")
        }
        for (index, part) in ucd.split(separator: ";", omittingEmptySubsequences: false).enumerated() {
            if let problem = problem(ofWord: part, isFirst: index == 0) { return problem }
        }
        return nil
    }

    private static func problem(ofWord part: Substring, isFirst: Bool) -> Problem? {
        let pieces = part.split(separator: ":", omittingEmptySubsequences: false)
        guard pieces.count <= 2 else { return Problem(message: "Too many colons in '\(part)'") }
        let word = String(pieces[pieces.count - 1])
        guard let first = word.unicodeScalars.first, isLetter(first), first != "-", first != "_" else {
            return Problem(message: "Invalid word '\(word)'")
        }
        guard pieces.count == 1 || pieces[0].lowercased() == "ivoa" else { return nil }
        guard let role = UCDWords.role(of: pieces[pieces.count - 1]) else {
            let near = Suggestion.nearest(to: word, in: UCDWords.all)
            return Problem(message: "Unknown word '\(word)'", remedy: near.map { "did you mean '\($0)'?" })
        }
        if isFirst, role == "S" {
            return Problem(
                message: "Secondary word '\(word)' is not valid as a primary word",
                remedy: "put a primary word before it, as in 'meta.id;\(word)'")
        }
        if !isFirst, role == "P" {
            return Problem(
                message: "Primary word '\(word)' is not valid as a secondary word", remedy: "put it first")
        }
        return nil
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "A"..."Z", "a"..."z", "0"..."9", "_", "-": true
        default: false
        }
    }

    static func read(_ fields: Fields, _ slot: Int) -> String? {
        guard let ucd = fields.text(slot) else { return nil }
        guard let problem = fields.context.problem(ofUCD: ucd) else { return ucd }
        fields.inside(slot) {
            fields.context.report(
                .value, "invalid IVOA UCD: \(problem.message)", at: fields[slot]?.position, remedy: problem.remedy)
        }
        return ucd
    }
}
