/// The databases that schemas are made in.
public enum Dialect: String, CaseIterable, Sendable {
    case sqlite, postgresql, mysql

    /// What the type of a column is called in this dialect, without overrides.
    ///
    /// Sources: the type names of the dialects as the Python tool's SQL toolkit spells them; a timestamp's `precision`
    /// and a `length` that is absent leave their parentheses out.
    public func typeName(_ datatype: Datatype, length: Int?, precision: Int? = nil) -> String {
        func sized(_ name: String) -> String { length.map { "\(name)(\($0))" } ?? name }
        switch (datatype, self) {
        case (.boolean, .mysql): return "BOOL"
        case (.boolean, _): return "BOOLEAN"
        case (.byte, .postgresql): return "SMALLINT"
        case (.byte, _): return "TINYINT"
        case (.short, _): return "SMALLINT"
        case (.int, _): return "INTEGER"
        case (.long, _): return "BIGINT"
        case (.float, _): return "FLOAT"
        case (.double, .postgresql): return "DOUBLE PRECISION"
        case (.double, _): return "DOUBLE"
        case (.char, _): return sized("CHAR")
        case (.string, _), (.unicode, .postgresql): return sized("VARCHAR")
        case (.unicode, .sqlite): return sized("NVARCHAR")
        case (.unicode, .mysql): return sized("NATIONAL VARCHAR")
        case (.text, .mysql): return "LONGTEXT"
        case (.text, _): return "TEXT"
        case (.binary, .sqlite): return "BLOB"
        case (.binary, .postgresql): return "BYTEA"
        case (.binary, .mysql): return "LONGBLOB"
        case (.timestamp, .sqlite): return "TIMESTAMP"
        case (.timestamp, .postgresql):
            return "TIMESTAMP\(precision.map { "(\($0))" } ?? "") WITHOUT TIME ZONE"
        case (.timestamp, .mysql):
            // A precision of 0 is what the type has anyway.
            return "DATETIME\(precision.flatMap { $0 == 0 ? nil : "(\($0))" } ?? "")"
        }
    }

    /// The identifier, in quotes if the dialect needs them.
    public func quoted(_ identifier: String) -> String {
        let needsQuotes =
            identifier.utf8.contains { byte in
                !((0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5F || byte == 0x24)
            } || identifier.isEmpty || identifier.utf8.first.map { (0x30...0x39).contains($0) || $0 == 0x24 } ?? true
            || ReservedNames.contains(identifier.lowercased(), in: self)
        return needsQuotes ? alwaysQuoted(identifier) : identifier
    }

    public func alwaysQuoted(_ identifier: String) -> String {
        let quote = self == .mysql ? "`" : "\""
        return quote
            + identifier.split(separator: Character(quote), omittingEmptySubsequences: false)
            .joined(separator: quote + quote) + quote
    }

    /// A text literal.
    public func literal(_ text: String) -> String {
        var result: [UInt8] = [UInt8(ascii: "'")]
        for byte in text.utf8 {
            if byte == UInt8(ascii: "'") || (byte == UInt8(ascii: "\\") && self == .mysql) { result.append(byte) }
            result.append(byte)
        }
        result.append(UInt8(ascii: "'"))
        return String(decoding: result, as: UTF8.self)
    }
}
