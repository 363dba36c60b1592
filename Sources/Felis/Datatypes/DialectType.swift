/// A datatype override, `VARCHAR(64)`: the name of a type of a dialect, and what stands in its parentheses.
///
/// What the parentheses mean depends on the type, and follows the Python tool's SQL toolkit: a length, a display width,
/// a precision, or nothing at all.
public struct DialectType: Sendable, Hashable {
    public enum Failure: Error, Sendable, Hashable {
        case unknown(String, Dialect)
        /// The type takes nothing in parentheses.
        case takesNothing(String, Dialect)
        /// The type cannot do without a length.
        case needsLength(String, Dialect)
        /// The type needs more than a name, such as the values of an ENUM.
        case incomplete(String, Dialect)
    }

    /// How a type uses the integer after its name.
    enum Use: Sendable {
        /// Nothing may stand there.
        case none
        /// It is taken and has no effect.
        case ignored
        /// It is printed.
        case printed
        /// It is a length, which columns of this type get from their own if it is absent.
        case length
        /// As `length`, but not printed.
        case hiddenLength
        /// As `hiddenLength`, but nothing may be written.
        case hiddenLengthOnly
        /// As `length`, which has to be there.
        case requiredLength
        /// The integer is taken as `WITH TIME ZONE`.
        case zone
        /// It is a precision, after a blank.
        case spaced
        /// As `printed`; 1 if absent.
        case bits
        /// It is a list of texts in quotes, without which there is no type.
        case values
        case incomplete
    }

    public let dialect: Dialect
    public let name: String
    let use: Use
    public let argument: Int?
    /// The texts of a list, in their quotes, as written.
    private let values: String?

    /// Parses an override as `create` does: the name has to be exact, and only a single integer in parentheses counts.
    public init(creating text: String, in dialect: Dialect) throws(Failure) {
        let name = String(text.prefix { $0 != "(" })
        guard let use = Self.uses(dialect)[name] else { throw .unknown(name, dialect) }
        self.dialect = dialect
        self.name = name
        self.use = use
        argument = Self.singleInteger(in: text)
        values = Self.quotedTexts(in: text)
        if argument != nil, use == .none || use == .hiddenLengthOnly { throw .takesNothing(name, dialect) }
        if use == .values, argument != nil { throw .incomplete(name, dialect) }
        if use == .incomplete { throw .incomplete(name, dialect) }
    }

    /// Parses an override as the check for redundant ones does: the case of letters does not matter, the parentheses
    /// follow the name at once, and the length of the column stands in for a missing one.
    ///
    /// - Returns: `nil` for what is the type of no datatype, whatever stands in the parentheses.
    static func checked(_ text: String, in dialect: Dialect, length: Int?) throws(Failure) -> DialectType? {
        let beginning = text.drop { !isWord($0) }
        let name = beginning.prefix(while: isWord).uppercased()
        guard let use = uses(dialect)[name] else { throw .unknown(name, dialect) }
        let rest = beginning.dropFirst(name.count)
        var written: Int?
        if rest.first == "(", let close = rest.lastIndex(of: ")") {
            let content = rest[rest.index(after: rest.startIndex)..<close]
            written = content.isEmpty ? nil : integer(content)
            if written == nil, !content.isEmpty {
                let isOne = !content.contains(",")
                switch use {
                case .requiredLength where dialect == .mysql, .length where dialect == .mysql:
                    throw .needsLength(name, dialect)
                case .length where isOne, .hiddenLength where isOne: return nil
                case .none where isOne || dialect == .postgresql: throw .takesNothing(name, dialect)
                case .hiddenLengthOnly: throw .takesNothing(name, dialect)
                // Any text stands for true.
                case .zone where isOne: written = 1
                default: break
                }
            }
        }
        if written != nil, use == .none || use == .hiddenLengthOnly { throw .takesNothing(name, dialect) }
        if use == .incomplete || use == .values {
            if dialect == .mysql { return nil }
            throw .incomplete(name, dialect)
        }
        switch use {
        case .length, .hiddenLength, .hiddenLengthOnly, .requiredLength:
            return DialectType(dialect: dialect, name: name, use: use, argument: written ?? length)
        default: return DialectType(dialect: dialect, name: name, use: use, argument: written)
        }
    }

    private init(dialect: Dialect, name: String, use: Use, argument: Int?) {
        self.dialect = dialect
        self.name = name
        self.use = use
        self.argument = argument
        values = nil
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }

    private static func singleInteger(in text: String) -> Int? {
        guard let open = text.firstIndex(of: "(") else { return nil }
        let rest = text[text.index(after: open)...]
        guard let close = rest.firstIndex(of: ")") else { return nil }
        return integer(rest[..<close])
    }

    private static func integer(_ digits: Substring) -> Int? {
        digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(digits) : nil
    }

    /// What stands between the parentheses, if it is a list of texts in single quotes.
    private static func quotedTexts(in text: String) -> String? {
        guard let open = text.firstIndex(of: "("), text.last == ")" else { return nil }
        let inner = text[text.index(after: open)...].dropLast()
        // Whether quotes are open, and what is outside them.
        var isOpen = false
        var outside = ""
        for character in inner {
            if character == "'" {
                isOpen.toggle()
                outside.append(character)
            } else if !isOpen, !character.isWhitespace {
                outside.append(character)
            }
        }
        let items = outside.split(separator: ",", omittingEmptySubsequences: false)
        guard !isOpen, items.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0 == "'" } }) else { return nil }
        return String(inner)
    }

    /// The text of the type in a definition.
    public func definition() throws(Failure) -> String {
        switch use {
        case .none, .ignored, .hiddenLength, .hiddenLengthOnly, .incomplete: return spelled
        case .printed, .length: return argument.map { "\(spelled)(\($0))" } ?? spelled
        case .requiredLength:
            guard let argument else { throw .needsLength(name, dialect) }
            return "\(spelled)(\(argument))"
        case .zone:
            return argument.map { $0 != 0 } ?? false ? "\(spelled) WITH TIME ZONE" : "\(spelled) WITHOUT TIME ZONE"
        case .spaced: return argument.map { "\(spelled) (\($0))" } ?? spelled
        case .bits: return "\(spelled)(\(argument ?? 1))"
        case .values:
            guard let values, dialect == .mysql else { throw .incomplete(name, dialect) }
            return "\(spelled)(\(values))"
        }
    }

    private var spelled: String {
        switch (dialect, name) {
        case (.mysql, "BOOLEAN"): "BOOL"
        case (.mysql, "NCHAR"): "NATIONAL CHAR"
        case (.mysql, "NVARCHAR"): "NATIONAL VARCHAR"
        case (.postgresql, "DOUBLE_PRECISION"): "DOUBLE PRECISION"
        default: name
        }
    }

    // MARK: Types

    private static func uses(_ dialect: Dialect) -> [String: Use] {
        switch dialect {
        case .sqlite: [:]
        case .postgresql: postgresql
        case .mysql: mysql
        }
    }

    private static func table(_ rows: [(Use, String)]) -> [String: Use] {
        var result: [String: Use] = [:]
        for (use, names) in rows {
            for name in names.split(whereSeparator: \.isWhitespace) { result[String(name)] = use }
        }
        return result
    }

    private static let mysql = table([
        (.printed, "BIGINT DECIMAL FLOAT INTEGER MEDIUMINT NUMERIC SMALLINT TINYINT YEAR"),
        (.length, "BINARY BIT BLOB CHAR NCHAR TEXT"),
        (.requiredLength, "NVARCHAR VARBINARY VARCHAR"),
        (.hiddenLength, "LONGBLOB MEDIUMBLOB TINYBLOB"),
        (.hiddenLengthOnly, "LONGTEXT MEDIUMTEXT TINYTEXT"),
        (.ignored, "BOOLEAN DATETIME JSON TIME TIMESTAMP"),
        (.none, "DATE DOUBLE INET4 INET6 REAL"),
        (.values, "ENUM SET"),
    ])

    private static let postgresql = table([
        (.printed, "FLOAT NUMERIC"),
        (.length, "CHAR TEXT VARCHAR"),
        (.hiddenLength, "BYTEA CITEXT UUID"),
        (.bits, "BIT"),
        (.zone, "TIME TIMESTAMP"),
        (.spaced, "INTERVAL"),
        (.ignored, "BOOLEAN DOUBLE_PRECISION HSTORE JSON JSONB REAL"),
        (
            .none,
            """
            BIGINT CIDR DATE DATEMULTIRANGE DATERANGE INET INT4MULTIRANGE INT4RANGE INT8MULTIRANGE INT8RANGE INTEGER
            JSONPATH MACADDR MACADDR8 MONEY NUMMULTIRANGE NUMRANGE OID REGCLASS REGCONFIG SMALLINT TSMULTIRANGE TSQUERY
            TSRANGE TSTZMULTIRANGE TSTZRANGE TSVECTOR
            """
        ),
        (.values, "ENUM"),
        (.incomplete, "ARRAY DOMAIN"),
    ])
}

extension DialectType.Failure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknown("", let dialect): "An empty text is no type of \(dialect.rawValue); remove the override"
        case .unknown(let name, let dialect): "Unsupported type: \(name) is no type of \(dialect.rawValue)"
        case .takesNothing(let name, let dialect):
            "The type \(name) of \(dialect.rawValue) takes nothing in parentheses"
        case .needsLength(let name, let dialect): "The type \(name) of \(dialect.rawValue) needs a length"
        case .incomplete(let name, .mysql): "The type \(name) of mysql needs its values, as in \(name)('a', 'b')"
        case .incomplete(let name, let dialect): "The type \(name) of \(dialect.rawValue) cannot be an override"
        }
    }
}
