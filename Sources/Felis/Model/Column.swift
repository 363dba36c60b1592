import StructuredData

/// A column of a table.
public struct Column: Sendable, Hashable {
    public var name: String
    /// What references in the file call it: opaque, by default `#Table.column`.
    public var id: String
    public var description: String?
    public var utype: String?
    public var datatype: Datatype
    /// Characters or bytes; see ``Datatype/isSized``.
    public var length: Int?
    /// Digits of the second's fraction, for timestamps.
    public var precision: Int?
    public var isNullable = true
    /// The default value.
    public var value: DefaultValue?
    /// `nil`: the rule of the database for single integer keys.
    public var autoincrement: Bool?
    public var ucd: String?
    public var fitsUnit: String?
    public var ivoaUnit: String?
    /// The place among the table's columns in TAP_SCHEMA.
    public var columnIndex: Int?
    public var principal: Int? = 0
    public var standard: Int? = 0
    /// The VOTable `arraysize`, as written or derived from the datatype.
    public var arraysize: String?
    public var xtype: String?
    public var votableDatatype: String?
    public var mysqlDatatype: String?
    public var postgresqlDatatype: String?
    /// Where the column begins in its file.
    public var position = TextPosition(line: 1, column: 1)
    /// Whether it comes from another schema.
    public var isReferenced = false

    public init(name: String, id: String, datatype: Datatype) {
        self.name = name
        self.id = id
        self.datatype = datatype
    }

    /// The unit, whichever key gives it; `nil` if there is none.
    public var unit: String? {
        if let ivoaUnit, !ivoaUnit.isEmpty { return ivoaUnit }
        return fitsUnit
    }

    /// The number in an `arraysize` of the form `n` or `n*`, which is TAP_SCHEMA's `size`.
    public var size: Int? {
        guard var text = arraysize?[...] else { return nil }
        if text.last == "*" { text.removeLast() }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }
}

/// The value of columns that a row does not give.
public enum DefaultValue: Sendable, Hashable {
    case string(String)
    case int(Int64)
    case float(Double)
    case bool(Bool)

    public var structured: StructuredValue {
        switch self {
        case .string(let text): .string(text)
        case .int(let number): .int(number)
        case .float(let number): .float(number)
        case .bool(let flag): .bool(flag)
        }
    }
}
