/// The datatypes of the language, named as in the files.
public enum Datatype: String, CaseIterable, Sendable {
    case boolean, byte, short, int, long, float, double, char, string, unicode, text, binary, timestamp

    /// Whether a column of this type must say its length.
    public var isSized: Bool {
        switch self {
        case .char, .string, .unicode, .binary: true
        default: false
        }
    }

    public var isInteger: Bool {
        switch self {
        case .byte, .short, .int, .long: true
        default: false
        }
    }

    public var isNumeric: Bool { isInteger || self == .float || self == .double }

    /// The `datatype` of a VOTable FIELD, and of TAP_SCHEMA.
    public var votableName: String {
        switch self {
        case .boolean, .short, .int, .long, .float, .double: rawValue
        case .byte, .binary: "unsignedByte"
        case .char, .string, .text, .timestamp: "char"
        case .unicode: "unicodeChar"
        }
    }

    /// The `votable:arraysize` of a column that has no such key; `nil` for scalars.
    ///
    /// - Parameter isUnbounded: write `*` for every variable length, which some TAP services need.
    public func defaultArraysize(length: Int?, isUnbounded: Bool = false) -> String? {
        switch self {
        case .text, .timestamp: return "*"
        case .char, .string, .unicode, .binary:
            guard let length, length > 1 else { return nil }
            if self == .char { return String(length) }
            return isUnbounded ? "*" : "\(length)*"
        default: return nil
        }
    }
}
