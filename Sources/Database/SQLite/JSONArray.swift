import ByteText

/// The JSON text in which lists are sent to SQLite.
enum JSONArray {
    /// A JSON array of the values, or of arrays of them where the rows hold several; `nil` if a value has no JSON form.
    static func text(of rows: [[SQLValue]]) -> String? {
        var text = "["
        for (index, row) in rows.enumerated() {
            if index > 0 { text += "," }
            if row.count == 1 {
                guard append(row[0], to: &text) else { return nil }
                continue
            }
            text += "["
            for (column, value) in row.enumerated() {
                if column > 0 { text += "," }
                guard append(value, to: &text) else { return nil }
            }
            text += "]"
        }
        text += "]"
        return text
    }

    private static func append(_ value: SQLValue, to text: inout String) -> Bool {
        switch value {
        case .null, .blob, .timespan: return false
        case .bool(let flag): text += flag ? "1" : "0"
        case .int(let number): text += String(number)
        case .double(let number):
            guard number.isFinite else { return false }
            text += "\(number)"
        case .text(let string): return append(string, to: &text)
        case .bytes(let bytes): return append(Base64.encode(bytes), to: &text)
        case .uuid(let uuid): return append(uuid.hexadecimalDigits, to: &text)
        }
        return true
    }

    private static func append(_ string: String, to text: inout String) -> Bool {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            // SQLite would end the string there.
            case "\0": return false
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
        return true
    }
}
