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
        let isPlain =
            identifier.utf8.first.map { !(0x30...0x39).contains($0) && $0 != 0x24 } ?? false
            && identifier.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5F || byte == 0x24
            }
        // What is plain has small letters only, as the reserved names have.
        return isPlain && !ReservedNames.contains(identifier, in: self) ? identifier : alwaysQuoted(identifier)
    }

    public func alwaysQuoted(_ identifier: String) -> String {
        let quote = self == .mysql ? UInt8(ascii: "`") : UInt8(ascii: "\"")
        return Self.wrapped(identifier, in: quote, doubling: quote)
    }

    /// A text literal.
    public func literal(_ text: String) -> String {
        let quote = UInt8(ascii: "'")
        return Self.wrapped(text, in: quote, doubling: self == .mysql ? UInt8(ascii: "\\") : quote)
    }

    /// The text between quotes, with the quotes in it, and another character, written twice.
    private static func wrapped(_ text: String, in quote: UInt8, doubling other: UInt8) -> String {
        var text = text
        return text.withUTF8 { bytes in
            let extra = bytes.count { $0 == quote || $0 == other }
            return String(unsafeUninitializedCapacity: bytes.count + extra + 2) { buffer in
                buffer[0] = quote
                var count = 1
                for byte in bytes {
                    buffer[count] = byte
                    count += 1
                    if byte == quote || byte == other {
                        buffer[count] = byte
                        count += 1
                    }
                }
                buffer[count] = quote
                return count + 1
            }
        }
    }
}
