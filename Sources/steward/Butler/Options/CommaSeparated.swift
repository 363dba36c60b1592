/// Values of an option that takes several, given by repeating it or with commas between them.
enum CommaSeparated {
    /// All values in order. A comma inside square brackets belongs to a glob and does not separate.
    static func values(_ arguments: [String]) -> [String] { arguments.flatMap(values) }

    private static func values(_ argument: String) -> [String] {
        guard argument.contains("["), argument.contains(",") else {
            return argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        var values: [String] = []
        var current = ""
        var isInBrackets = false
        for character in argument {
            switch character {
            case "[": isInBrackets = true
            case "]": isInBrackets = false
            case "," where !isInBrackets:
                values.append(current)
                current = ""
                continue
            default: break
            }
            current.append(character)
        }
        if !current.isEmpty { values.append(current) }
        return values
    }
}
