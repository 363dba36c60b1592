import Felis

/// What types and defaults of SQLite are in the language.
enum SQLiteColumn {
    /// - Returns: whether the type has a counterpart, else it is a text.
    static func datatype(_ text: String) -> (datatype: Datatype, length: Int?, isKnown: Bool) {
        let upper = text.uppercased()
        let name = upper.prefix { $0 != "(" }.split(separator: " ").joined(separator: " ")
        let length = upper.split(separator: "(").dropFirst().first.flatMap { Int($0.prefix { $0 != ")" }) }
        switch name {
        case "BOOLEAN", "BOOL": return (.boolean, nil, true)
        case "TINYINT": return (.byte, nil, true)
        case "SMALLINT": return (.short, nil, true)
        case "INTEGER", "INT": return (.int, nil, true)
        case "BIGINT": return (.long, nil, true)
        case "FLOAT": return (.float, nil, true)
        case "DOUBLE", "DOUBLE PRECISION", "REAL": return (.double, nil, true)
        case "CHAR", "CHARACTER": return (.char, length ?? 1, true)
        case "VARCHAR" where length != nil: return (.string, length, true)
        case "NVARCHAR" where length != nil: return (.unicode, length, true)
        case "TEXT", "VARCHAR", "NVARCHAR", "CLOB": return (.text, nil, true)
        case "BLOB": return (.binary, length ?? SchemaExtraction.binaryLength, true)
        case "TIMESTAMP", "DATETIME": return (.timestamp, nil, true)
        default: return (.text, nil, false)
        }
    }

    /// A default in the database's own words as a value; `nil` for what is no plain value.
    static func value(_ text: String, _ datatype: Datatype) -> DefaultValue? {
        if text.uppercased() == "NULL" { return datatype == .timestamp || datatype.isNumeric ? nil : .string("NULL") }
        guard let quoted = inQuotes(text) else { return plainValue(text, datatype) }
        // Numbers in quotes are numbers in a column of numbers.
        return datatype.isNumeric || datatype == .boolean ? plainValue(quoted, datatype) : .string(quoted)
    }

    private static func plainValue(_ text: String, _ datatype: Datatype) -> DefaultValue? {
        switch datatype {
        case .boolean:
            let lower = text.lowercased()
            return lower == "true" || lower == "1" ? .bool(true) : lower == "false" || lower == "0" ? .bool(false) : nil
        case .byte, .short, .int, .long:
            return (text.lowercased().hasPrefix("0x") ? Int64(text.dropFirst(2), radix: 16) : Int64(text))
                .map { .int($0) }
        case .float, .double: return Double(text).map { .float($0) }
        default:
            let upper = text.uppercased()
            if ["CURRENT_TIMESTAMP", "NOW()", "LOCALTIMESTAMP"].contains(upper) { return .string(upper) }
            // A number in a column of texts is a text.
            return Double(text) == nil || datatype == .timestamp ? nil : .string(text)
        }
    }

    /// What is in quotes, if that is all.
    private static func inQuotes(_ text: String) -> String? {
        guard let quote = text.first, quote == "'" || quote == "\"" else { return nil }
        let tokens = SQLiteTokens(text)
        guard tokens.count == 1, case .name(let content)? = tokens[0] else { return nil }
        return content
    }
}
