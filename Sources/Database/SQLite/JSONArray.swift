import ByteText

/// The JSON text in which lists are sent to SQLite.
enum JSONArray {
    /// A JSON array of the values; `nil` if one has no JSON form.
    static func text(of values: [SQLValue]) -> String? {
        var text: [UInt8] = []
        text.reserveCapacity(2 + 36 * values.count)
        text.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            guard append(value, to: &text) else { return nil }
        }
        text.append(UInt8(ascii: "]"))
        return String(decoding: text, as: UTF8.self)
    }

    /// A JSON array of the values, or of arrays of them where the rows hold several; `nil` if a value has no JSON form.
    static func text(of rows: [[SQLValue]]) -> String? {
        var text: [UInt8] = []
        text.reserveCapacity(2 + 36 * rows.count)
        text.append(UInt8(ascii: "["))
        for (index, row) in rows.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            if row.count == 1 {
                guard append(row[0], to: &text) else { return nil }
                continue
            }
            text.append(UInt8(ascii: "["))
            for (column, value) in row.enumerated() {
                if column > 0 { text.append(UInt8(ascii: ",")) }
                guard append(value, to: &text) else { return nil }
            }
            text.append(UInt8(ascii: "]"))
        }
        text.append(UInt8(ascii: "]"))
        return String(decoding: text, as: UTF8.self)
    }

    private static func append(_ value: SQLValue, to text: inout [UInt8]) -> Bool {
        switch value {
        case .null, .blob, .timespan: return false
        case .bool(let flag): text.append(UInt8(ascii: flag ? "1" : "0"))
        case .int(let number): text.append(contentsOf: String(number).utf8)
        case .double(let number):
            guard number.isFinite else { return false }
            text.append(contentsOf: "\(number)".utf8)
        case .text(let string): return append(string, to: &text)
        case .bytes(let bytes): return append(Base64.encode(bytes), to: &text)
        case .uuid(let uuid):
            text.append(UInt8(ascii: "\""))
            withUnsafeBytes(of: uuid.uuid) { Hexadecimal.append($0, to: &text) }
            text.append(UInt8(ascii: "\""))
        }
        return true
    }

    private static func append(_ string: String, to text: inout [UInt8]) -> Bool {
        text.append(UInt8(ascii: "\""))
        if !string.hasByte(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
            text.append(contentsOf: string.utf8)
            text.append(UInt8(ascii: "\""))
            return true
        }
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(byte)
            // SQLite would end the string there.
            case 0: return false
            case ..<0x20:
                text.append(contentsOf: "\\u00".utf8)
                Hexadecimal.append(CollectionOfOne(byte), to: &text)
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
        return true
    }
}
