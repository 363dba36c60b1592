/// Finds in definitions, as PostgreSQL spells them, what the language has no words for.
enum PostgreSQLDefinition {
    static func unsaid(ofConstraint definition: String) -> [String] {
        let frame = frame(definition)
        let parts = [
            ("INCLUDE", "has further columns (INCLUDE)"), ("NO INHERIT", "is not inherited (NO INHERIT)"),
            ("NULLS NOT DISTINCT", "takes NULL for equal to NULL (NULLS NOT DISTINCT)"),
            ("NOT VALID", "does not hold for old rows (NOT VALID)"), ("MATCH FULL", "is MATCH FULL"),
            ("SET NULL ()", "sets some columns only to NULL"),
            ("SET DEFAULT ()", "sets some columns only to their defaults"),
        ]
        return parts.filter { frame.contains($0.0) }.map(\.1)
    }

    /// - Parameter keys: the keys alone.
    static func unsaid(ofIndex definition: String, keys: [String]) -> [String] {
        let frame = frame(definition)
        var result: [String] = []
        if frame.contains(" INCLUDE ") { result.append("has further columns (INCLUDE)") }
        if let open = definition.firstRange(of: " USING btree (")?.upperBound {
            let list = keys.joined(separator: ", ")
            if !definition[open...].hasPrefix(list + ")") {
                result.append("has an order, a collation or operators of its own")
            }
        }
        return result
    }

    /// The text without what is in quotes and in parentheses.
    private static func frame(_ text: String) -> String {
        var result = ""
        var level = 0
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil }
                continue
            }
            if character == "'" || character == "\"" {
                quote = character
                continue
            }
            if character == ")" { level -= 1 }
            if level == 0 { result.append(character) }
            if character == "(" { level += 1 }
        }
        return result
    }
}
