/// Values of an option that takes several, given by repeating it or with commas between them.
enum CommaSeparated {
    /// All values in order. A comma inside square brackets belongs to a glob and does not separate.
    static func values(_ arguments: [String]) -> [String] { arguments.flatMap(values) }

    /// By scalars: a comma separates even where a mark that combines with it begins the next value.
    private static func values(_ argument: String) -> [String] {
        let scalars = argument.unicodeScalars
        guard scalars.contains("["), scalars.contains(",") else {
            return scalars.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
        }
        var values: [String] = []
        var current = String.UnicodeScalarView()
        var isInBrackets = false
        for scalar in scalars {
            switch scalar {
            case "[": isInBrackets = true
            case "]": isInBrackets = false
            case "," where !isInBrackets:
                values.append(String(current))
                current = String.UnicodeScalarView()
                continue
            default: break
            }
            current.append(scalar)
        }
        if !current.isEmpty { values.append(String(current)) }
        return values
    }
}
