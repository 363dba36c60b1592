import Felis

/// The datatype that stands for a type of PostgreSQL, and the override that keeps what the datatype does not say.
struct PostgreSQLColumnType {
    var datatype: Datatype
    var length: Int?
    var precision: Int?
    var override: String?
    /// What is lost.
    var remark: String?

    /// - Parameter text: as `format_type` spells it, such as `numeric(10,2)` or `timestamp(3) without time zone`.
    init(_ text: String) {
        let name: String
        var arguments: [Int] = []
        if let open = text.firstIndex(of: "("), let close = text[open...].firstIndex(of: ")") {
            name = String(text[..<open]) + text[text.index(after: close)...]
            arguments = text[text.index(after: open)..<close].split(separator: ",").compactMap { Int($0) }
        } else {
            name = text
        }
        let first = arguments.first
        switch name {
        case "boolean": datatype = .boolean
        case "smallint": datatype = .short
        case "integer": datatype = .int
        case "bigint": datatype = .long
        case "real": (datatype, override) = (.float, "REAL")
        case "double precision": datatype = .double
        case "numeric":
            (datatype, override) = (.double, first.map { "NUMERIC(\($0))" } ?? "NUMERIC")
            if arguments.count > 1, arguments[1] != 0 { remark = "loses its number of decimal places" }
        case "character": (datatype, length) = (.char, first ?? 1)
        case "character varying" where first != nil: (datatype, length) = (.string, first)
        case "character varying": (datatype, override) = (.text, "VARCHAR")
        case "text": datatype = .text
        case "bytea": (datatype, length) = (.binary, SchemaExtraction.binaryLength)
        case "timestamp without time zone": (datatype, precision) = (.timestamp, first)
        // A number after the name is how overrides ask for a zone.
        case "timestamp with time zone": (datatype, override) = (.timestamp, "TIMESTAMP(6)")
        case "date": (datatype, override) = (.timestamp, "DATE")
        default:
            datatype = .text
            let upper = name.uppercased()
            if Self.kept.contains(upper) {
                override = upper
                if first != nil { remark = "loses what is in its parentheses" }
            } else {
                remark = "has no counterpart; it is written as text"
            }
        }
    }

    /// Types that are overrides of texts under their own names.
    private static let kept: Set<String> = [
        "CIDR", "CITEXT", "HSTORE", "INET", "INTERVAL", "JSON", "JSONB", "JSONPATH", "MACADDR", "MACADDR8", "MONEY",
        "OID", "REGCLASS", "TSQUERY", "TSVECTOR", "UUID", "INT4RANGE", "INT8RANGE", "NUMRANGE", "TSRANGE", "TSTZRANGE",
        "DATERANGE",
    ]
}

/// Reads the expressions of defaults as PostgreSQL prints them: `'abc'::character varying`, `'-7'::integer`, `now()`.
enum PostgreSQLDefault {
    /// `nil` for what is no plain value.
    static func value(_ text: String, _ datatype: Datatype) -> DefaultValue? {
        let (content, isQuoted) = plain(text)
        if !isQuoted {
            switch content.uppercased() {
            case "CURRENT_TIMESTAMP", "LOCALTIMESTAMP": return .string(content.uppercased())
            case "NOW()": return .string("NOW()")
            default: break
            }
        }
        switch datatype {
        case .boolean:
            return content == "true" ? .bool(true) : content == "false" ? .bool(false) : nil
        case .byte, .short, .int, .long: return Int64(content).map { .int($0) }
        case .float, .double: return Double(content).map { .float($0) }
        default: return isQuoted ? .string(content) : nil
        }
    }

    static func isNull(_ text: String) -> Bool {
        let (content, isQuoted) = plain(text)
        return !isQuoted && content.uppercased() == "NULL"
    }

    /// The expression without casts and parentheses around it, and out of its quotes.
    private static func plain(_ text: String) -> (content: String, isQuoted: Bool) {
        var rest = text[...]
        while rest.hasPrefix("("), rest.hasSuffix(")") { rest = rest.dropFirst().dropLast() }
        guard rest.first == "'" || rest.hasPrefix("E'") else {
            let end = rest.firstRange(of: "::")?.lowerBound ?? rest.endIndex
            rest = rest[..<end]
            while rest.hasPrefix("("), rest.hasSuffix(")") { rest = rest.dropFirst().dropLast() }
            return (String(rest), false)
        }
        let hasEscapes = rest.first == "E"
        rest = rest.dropFirst(hasEscapes ? 2 : 1)
        var content = ""
        while let character = rest.popFirst() {
            if character == "'" {
                guard rest.first == "'" else { break }
                rest.removeFirst()
            } else if character == "\\", hasEscapes, let next = rest.popFirst() {
                content.append(next)
                continue
            }
            content.append(character)
        }
        // What follows may only be a cast.
        guard rest.isEmpty || (rest.hasPrefix("::") && !rest.contains("||")) else { return (text, false) }
        return (content, true)
    }
}
