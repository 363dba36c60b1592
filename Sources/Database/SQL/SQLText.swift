import ByteText

extension SQLDialect {
    /// The text of a statement with its values written into it, to be read, or run by hand.
    ///
    /// - Throws: ``DatabaseError/invalidStatement(_:)`` for statements that cannot be rendered.
    public func text(of statement: SQL) throws(DatabaseError) -> String {
        let rendered = try rendered(statement)
        // A mark stands for each value in order: `?`, or `$1` and so on. Literal parts hold none, identifiers may.
        var text = ""
        var next = 0
        var quote: Character?
        var rest = rendered.text[...]
        while let character = rest.popFirst() {
            if let open = quote {
                text.append(character)
                if character == open { quote = nil }
            } else if character == "\"" || character == "'" {
                quote = character
                text.append(character)
            } else if character == "?" || (character == "$" && rest.first?.isNumber == true), next < rendered.bindings.count {
                while character == "$", rest.first?.isNumber == true { rest.removeFirst() }
                text += rendered.bindings[next].literal(isSQLite: name == "sqlite")
                next += 1
            } else {
                text.append(character)
            }
        }
        return text
    }
}

extension SQLBinding {
    fileprivate func literal(isSQLite: Bool) -> String {
        switch self {
        case .value(let value), .untyped(let value): value.literal(isSQLite: isSQLite)
        case .array(let values): "ARRAY[\(values.map { $0.literal(isSQLite: isSQLite) }.joined(separator: ", "))]"
        case .slot(let number, _, _): ":\(number + 1)"
        }
    }
}

extension SQLValue {
    fileprivate func literal(isSQLite: Bool) -> String {
        func quoted(_ text: String) -> String {
            "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
        }
        return switch self {
        case .null: "NULL"
        case .bool(let flag): isSQLite ? (flag ? "1" : "0") : (flag ? "TRUE" : "FALSE")
        case .int(let number): String(number)
        case .double(let number): "\(number)"
        case .text(let text): quoted(text)
        case .bytes(let bytes): quoted(Base64.encode(bytes))
        case .blob(let bytes): isSQLite ? "X'\(Hexadecimal.encode(bytes))'" : "'\\x\(Hexadecimal.encode(bytes))'::bytea"
        case .uuid(let uuid): quoted(isSQLite ? uuid.hexadecimalDigits : uuid.uuidString.lowercased())
        case .timespan(let span): quoted(PostgreSQLRules.rangeText(span))
        }
    }
}
