import Felis

/// What values a type of PostgreSQL or MySQL can hold, as far as a change of type can lose some.
///
/// Sources: PostgreSQL 15 documentation, chapter 8; MySQL 8.0 reference manual, chapter 13.
enum StoredType: Hashable {
    case boolean
    /// With a sign.
    case integer(bits: Int)
    /// `nil`: any number of digits, before and after the point.
    case decimal(digits: Int?)
    case real(bits: Int)
    /// Characters, `nil` for no limit. Padded texts have no blanks at their ends.
    case text(length: Int?, isPadded: Bool)
    case bytes(length: Int?)
    /// Digits of the second's fraction.
    case timestamp(digits: Int, hasZone: Bool)
    case date
    case other(String)

    /// - Parameter text: as definitions have it, such as `VARCHAR(64)` or `TIMESTAMP(3) WITHOUT TIME ZONE`.
    init(_ text: String, _ dialect: Dialect) {
        let open = text.firstIndex(of: "(")
        let close = open.flatMap { text[$0...].firstIndex(of: ")") }
        var number: Int?
        var name = text
        if let open, let close {
            number = Int(text[text.index(after: open)..<close])
            name = String(text[..<open]) + text[text.index(after: close)...]
            while let place = name.firstRange(of: "  ") { name.replaceSubrange(place, with: " ") }
        }
        let isMySQL = dialect == .mysql
        switch name {
        case "BOOLEAN": self = .boolean
        case "BOOL", "TINYINT": self = .integer(bits: 8)
        case "SMALLINT": self = .integer(bits: 16)
        case "MEDIUMINT": self = .integer(bits: 24)
        case "INTEGER": self = .integer(bits: 32)
        case "BIGINT": self = .integer(bits: 64)
        case "DECIMAL", "NUMERIC": self = .decimal(digits: number ?? (isMySQL ? 10 : nil))
        case "FLOAT": self = .real(bits: (number.map { $0 <= 24 } ?? isMySQL) ? 24 : 53)
        case "REAL": self = .real(bits: isMySQL ? 53 : 24)
        case "DOUBLE", "DOUBLE PRECISION": self = .real(bits: 53)
        case "CHAR", "NATIONAL CHAR": self = .text(length: number ?? 1, isPadded: true)
        case "VARCHAR", "NATIONAL VARCHAR": self = .text(length: number, isPadded: false)
        // Bytes, of which a character has up to four.
        case "TINYTEXT": self = .text(length: 63, isPadded: false)
        case "TEXT" where isMySQL: self = .text(length: (number ?? 65535) / 4, isPadded: false)
        case "MEDIUMTEXT": self = .text(length: 16_777_215 / 4, isPadded: false)
        case "TEXT", "LONGTEXT": self = .text(length: nil, isPadded: false)
        case "BINARY": self = .bytes(length: number ?? 1)
        case "VARBINARY": self = .bytes(length: number)
        case "TINYBLOB": self = .bytes(length: 255)
        case "BLOB": self = .bytes(length: number ?? 65535)
        case "MEDIUMBLOB": self = .bytes(length: 16_777_215)
        case "LONGBLOB", "BYTEA": self = .bytes(length: nil)
        case "DATETIME": self = .timestamp(digits: number ?? 0, hasZone: false)
        case "TIMESTAMP WITHOUT TIME ZONE": self = .timestamp(digits: number ?? 6, hasZone: false)
        case "TIMESTAMP WITH TIME ZONE": self = .timestamp(digits: number ?? 6, hasZone: true)
        case "DATE": self = .date
        default: self = .other(text)
        }
    }

    /// Why values may be lost on the way to another type; `nil` if none can.
    func loss(to other: StoredType) -> String? {
        func cut(_ length: Int) -> String { "values longer than \(length) are cut or refused" }
        switch (self, other) {
        case (.boolean, .integer), (.boolean, .real), (.boolean, .decimal): return nil
        case (.integer(let bits), .integer(let room)):
            return bits <= room ? nil : "whole numbers have \(bits) bits, and then \(room)"
        case (.integer(let bits), .real(let room)):
            return bits - 1 <= room ? nil : "whole numbers of more than \(room) bits are rounded"
        case (.integer(let bits), .decimal(let digits)):
            let needed = [8: 3, 16: 5, 24: 7, 32: 10][bits] ?? 19
            return digits.map { $0 >= needed } ?? true ? nil : "whole numbers have up to \(needed) digits"
        case (.real(let bits), .real(let room)): return bits <= room ? nil : "numbers are rounded to \(room) bits"
        case (.decimal(let digits?), .decimal(let room?)) where digits <= room: return nil
        case (.decimal, .decimal(nil)): return nil
        case (.decimal, .decimal): return "digits are cut"
        case (.text(let length, let isPadded), .text(let room, let isPaddedThen)):
            if let room, length.map({ $0 > room }) ?? true { return cut(room) }
            return isPaddedThen && !isPadded ? "blanks at the ends of texts go" : nil
        case (.bytes(let length), .bytes(let room)):
            if let room, length.map({ $0 > room }) ?? true { return cut(room) }
            return nil
        case (.timestamp(let digits, let zone), .timestamp(let room, let zoneThen)):
            if zone != zoneThen { return "times are taken to be in the time zone of the session" }
            return digits <= room ? nil : "fractions of seconds are rounded"
        case (.timestamp, .date): return "the times of days go"
        case (.date, .timestamp(_, hasZone: false)): return nil
        case (.bytes, .text): return "not all bytes are texts"
        case (_, .text(nil, _)): return nil
        default: return self == other ? nil : "not every value of one type is one of the other"
        }
    }
}
