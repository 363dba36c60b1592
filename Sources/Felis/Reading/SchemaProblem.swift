import StructuredData

/// A step from a value of a file to one inside it.
public enum PathStep: Sendable, Hashable {
    case key(String)
    case index(Int)
}

/// Something about a schema that is wrong, or worth a look.
public struct SchemaProblem: Sendable, Hashable {
    public enum Severity: String, Sendable {
        case error, warning, note
    }

    /// The classes of problems. Those of values carry the names that the Python tool's errors have.
    public enum Kind: String, Sendable, CaseIterable {
        case missing
        case unknownKey = "extra_forbidden"
        case stringType = "string_type"
        case intType = "int_type"
        case intParsing = "int_parsing"
        case intFromFloat = "int_from_float"
        case boolType = "bool_type"
        case boolParsing = "bool_parsing"
        case greaterThan = "greater_than"
        case greaterThanOrEqual = "greater_than_equal"
        case lessThanOrEqual = "less_than_equal"
        case tooShort = "too_short"
        case literal = "literal_error"
        case mappingType = "dict_type"
        case modelType = "model_type"
        case listType = "list_type"
        case constraintType = "union_tag_invalid"
        case constraintTypeMissing = "union_tag_not_found"
        case value = "value_error"
        /// The file cannot be read, or is no YAML.
        case unreadable
        /// The same key twice in a mapping; the last one counts.
        case duplicateKey = "duplicate_key"
        /// A key without effect.
        case noEffect = "no_effect"
        /// A finding of an opt-in lint; the message's head names it.
        case lint
    }

    public var severity: Severity
    public var kind: Kind
    /// The path or address of the file.
    public var file: String
    public var position: TextPosition?
    /// From the root of the schema; empty for the schema itself.
    public var path: [PathStep]
    /// What is wrong, as a sentence without its full stop.
    public var message: String
    /// What to do, if there is something to say.
    public var remedy: String?

    public init(
        severity: Severity = .error, kind: Kind, file: String, position: TextPosition? = nil, path: [PathStep] = [],
        message: String, remedy: String? = nil
    ) {
        self.severity = severity
        self.kind = kind
        self.file = file
        self.position = position
        self.path = path
        self.message = message
        self.remedy = remedy
    }

    /// `tables.0.columns.3.datatype`; keys with other characters than those of names are in back quotes.
    public var dottedPath: String {
        path.map { step in
            switch step {
            case .index(let index): String(index)
            case .key(let key): Self.isPlain(key) ? key : "`\(key)`"
            }
        }.joined(separator: ".")
    }

    private static func isPlain(_ key: String) -> Bool {
        !key.isEmpty && !(0x30...0x39).contains(key.utf8.first ?? 0)
            && key.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x5F
            }
    }
}

extension SchemaProblem: CustomStringConvertible {
    /// `file:line:column: error: tables.0.columns.3.datatype: what is wrong; what to do`.
    public var description: String {
        var place = file
        if let position { place += ":\(position.line):\(position.column)" }
        let inside = path.isEmpty ? "" : "\(dottedPath): "
        return "\(place): \(severity.rawValue): \(inside)\(message)\(remedy.map { "; \($0)" } ?? "")"
    }
}
