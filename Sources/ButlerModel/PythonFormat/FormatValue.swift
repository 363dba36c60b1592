/// Why a value cannot be formatted; the caller names the field.
package struct FormatProblem: Error {
    package let reason: String
    package init(_ reason: String) { self.reason = reason }
}

/// A value as Python's `format()` sees it.
package enum FormatValue: Sendable, Hashable {
    case none
    case bool(Bool)
    case int(Int64)
    case float(Double)
    case string(String)
    case uuid(DatasetID)

    package init(_ value: DataIDValue) {
        switch value {
        case .int(let number): self = .int(number)
        case .string(let text): self = .string(text)
        }
    }

    package init(_ value: ColumnValue) throws(FormatProblem) {
        switch value {
        case .null: self = .none
        case .bool(let flag): self = .bool(flag)
        case .int(let number): self = .int(number)
        case .float(let number): self = .float(number)
        case .string(let text): self = .string(text)
        case .uuid(let id): self = .uuid(id)
        case .hash, .region, .timespan, .datetime:
            throw FormatProblem("is a hash, region or time, which have no form in file names; use another attribute")
        }
    }

    /// `format(value, specification)`.
    package func formatted(_ specification: String) throws(FormatProblem) -> String {
        guard !specification.isEmpty else { return plain }
        switch self {
        case .none: throw FormatProblem("has no value, which no format specification fits")
        case .uuid: throw FormatProblem("is a UUID, which no format specification fits; convert it with !s")
        case .string(let text):
            return try FormatSpecification(specification, alignment: .left).format(text)
        case .bool(let flag):
            return try FormatSpecification(specification, alignment: .right).format(Int64(flag ? 1 : 0))
        case .int(let number):
            return try FormatSpecification(specification, alignment: .right).format(number)
        case .float(let number):
            return try FormatSpecification(specification, alignment: .right).format(number)
        }
    }

    /// The value after `!s`, `!r` or `!a`.
    package func converted(_ conversion: Unicode.Scalar) throws(FormatProblem) -> String {
        switch conversion {
        case "s": return plain
        case "r": return representation
        case "a":
            return representation.unicodeScalars.map { $0.isASCII ? String($0) : PythonText.escape($0) }.joined()
        default: throw FormatProblem("has the unknown conversion '!\(conversion)'; use !s, !r or !a")
        }
    }

    /// Python's `str()`.
    package var plain: String {
        switch self {
        case .none: "None"
        case .bool(let flag): flag ? "True" : "False"
        case .int(let number): String(number)
        case .float(let number): PythonText.shortest(number)
        case .string(let text): text
        case .uuid(let id): id.description
        }
    }

    private var representation: String {
        switch self {
        case .string(let text): PythonText.quoted(text)
        case .uuid(let id): "UUID('\(id)')"
        default: plain
        }
    }
}

/// Text as Python prints it.
package enum PythonText {
    /// `repr()` of a string.
    package static func quoted(_ text: String) -> String {
        let scalars = text.unicodeScalars
        let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
        var result = String.UnicodeScalarView()
        result.append(quote)
        for scalar in scalars {
            switch scalar {
            case quote, "\\":
                result.append("\\")
                result.append(scalar)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            default:
                if isPrintable(scalar) {
                    result.append(scalar)
                } else {
                    result.append(contentsOf: escape(scalar).unicodeScalars)
                }
            }
        }
        result.append(quote)
        return String(result)
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == " " { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }

    /// `\xXX`, `\uXXXX` or `\UXXXXXXXX`.
    static func escape(_ scalar: Unicode.Scalar) -> String {
        func digits(_ count: Int) -> String {
            let text = String(scalar.value, radix: 16)
            return String(repeating: "0", count: count - text.utf8.count) + text
        }
        switch scalar.value {
        case ..<0x100: return "\\x" + digits(2)
        case ..<0x10000: return "\\u" + digits(4)
        default: return "\\U" + digits(8)
        }
    }

    /// `repr()` of a float: the shortest digits that read back as the same number, with an exponent below 1e-4 and from
    /// 1e16 on.
    package static func shortest(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        let (digits, point) = decimal("\(value.magnitude)")
        let sign = value.sign == .minus ? "-" : ""
        return sign + layOut(digits, point: point, exponential: point <= -4 || point > 16, addingZero: true)
    }

    /// The significant digits of a decimal number text and the position of its decimal point among them.
    static func decimal(_ text: String) -> (digits: [UInt8], point: Int) {
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        let parts = text.utf8.split(whereSeparator: { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") })
        for byte in parts.first ?? "".utf8[...] {
            if byte == UInt8(ascii: ".") { point = digits.count } else { digits.append(byte) }
        }
        if parts.count > 1 { exponent = Int(String(Substring(parts[1]))) ?? 0 }
        var place = (point ?? digits.count) + exponent
        let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(zeros)
        place -= zeros
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return digits.isEmpty ? ([UInt8(ascii: "0")], 1) : (digits, place)
    }

    /// Digits with their decimal point in place, or with an exponent of at least two digits.
    static func layOut(_ digits: [UInt8], point: Int, exponential: Bool, addingZero: Bool) -> String {
        let text = String(decoding: digits, as: UTF8.self)
        if exponential {
            let exponent = point - 1
            let size = String(exponent.magnitude)
            return text.prefix(1) + (digits.count > 1 ? "." + text.dropFirst() : "") + (exponent < 0 ? "e-" : "e+")
                + (size.utf8.count < 2 ? "0" : "") + size
        }
        if point <= 0 { return "0." + String(repeating: "0", count: -point) + text }
        if point >= digits.count {
            return text + String(repeating: "0", count: point - digits.count) + (addingZero ? ".0" : "")
        }
        return text.prefix(point) + "." + text.dropFirst(point)
    }
}
