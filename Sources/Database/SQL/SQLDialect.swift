/// The database system that a statement is written for. Only drivers and tests need to know it.
public struct SQLDialect: Sendable {
    /// The scheme of the system's URLs: `sqlite` or `postgresql`.
    public let name: String
    let rules: any DialectRules

    /// The schema that statements name; `nil` for the default place.
    public var schema: String? { rules.schema }

    public static let sqlite = SQLDialect(name: "sqlite", rules: SQLiteRules())

    /// PostgreSQL with the repository's tables in `schema`, or in the search path if `nil`.
    public static func postgresql(schema: String? = nil) -> SQLDialect {
        SQLDialect(name: "postgresql", rules: PostgreSQLRules(schema: schema))
    }

    /// The text and bindings of `statement` for this system.
    ///
    /// - Throws: ``DatabaseError/invalidStatement(_:)`` for lists that mix kinds of values.
    func rendered(_ statement: SQL) throws(DatabaseError) -> RenderedSQL {
        var renderer = SQLRenderer(rules: rules)
        try renderer.append(statement)
        return RenderedSQL(
            text: renderer.text, bindings: renderer.bindings, slotCount: renderer.slotCount,
            firstTable: renderer.firstTable, firstTableIsTemporary: renderer.firstTableIsTemporary)
    }
}

/// What a database system does differently. One implementation a system.
protocol DialectRules: Sendable {
    /// The mark of the binding with this number, counted from 1.
    func placeholder(_ number: Int) -> String
    /// Where the permanent tables are; `nil` for the default place.
    var schema: String? { get }
    /// The quoted, qualified name of a permanent table.
    func tableName(_ name: String) -> String
    /// The quoted name of a temporary table.
    func temporaryTableName(_ name: String) -> String
    /// Whether an expression equals one of `values`; there is at least one, and no NULL.
    func membership(of expression: SQL, in values: [SQLValue]) throws(DatabaseError) -> [RenderPart]
    /// Whether a tuple of expressions equals one of `rows`; there is at least one row, and no NULL.
    func membership(of expressions: [SQL], in rows: [[SQLValue]]) throws(DatabaseError) -> [RenderPart]
    func timespan(_ timespan: TimespanExpression, _ role: SQL.TimespanRole) -> SQL
    func function(_ function: SQLFunction) -> SQL
    /// A table of given values, without an alias.
    func table(of rows: [[SQLValue]], names: [String], types: [ColumnType]) throws(DatabaseError) -> [RenderPart]
    /// The bindings that one value of a row needs in a column of this type.
    func slotParts(_ type: ColumnType) -> [SQLBinding.SlotPart]
    /// An expression that takes the next value of an autoincrement key; `nil` if an omitted column does so.
    func nextKey(table: String, column: String) -> SQL?

    // Definitions
    func physicalColumns(_ column: ColumnSpecification) -> [PhysicalColumn]
    /// The name of a constraint, index or sequence, shortened to what the system can keep.
    func objectName(_ name: String) -> String
    /// Whether declared string lengths need a check constraint.
    var checksStringLengths: Bool { get }
    /// Whether autoincrement keys need a sequence.
    var usesSequences: Bool { get }
    var reservedWords: Set<String> { get }
}

/// A part of a rendered expression.
enum RenderPart {
    case sql(SQL)
    case array([SQLValue])
}

/// A statement as a driver runs it.
struct RenderedSQL: Sendable {
    var text: String
    var bindings: [SQLBinding]
    /// The number of values in each row of a template.
    var slotCount: Int
    /// The first table that the statement names: the one written to.
    var firstTable: String?
    var firstTableIsTemporary: Bool
}

enum SQLBinding: Sendable {
    enum SlotPart: Sendable {
        case whole, timespanBegin, timespanEnd
    }

    case value(SQLValue)
    /// A value whose type the database is to take from the place where it stands.
    case untyped(SQLValue)
    /// One array parameter.
    case array([SQLValue])
    /// A value, or a part of it, of each row of a template, for a column of this type.
    case slot(Int, SlotPart, ColumnType)
}

/// Writes fragments as text with bindings.
struct SQLRenderer {
    let rules: any DialectRules
    var text = ""
    var bindings: [SQLBinding] = []
    var slotCount = 0
    var firstTable: String?
    var firstTableIsTemporary = false

    init(rules: any DialectRules) { self.rules = rules }

    mutating func append(_ statement: SQL) throws(DatabaseError) {
        for element in statement.elements { try append(element) }
    }

    private mutating func append(_ element: SQL.Element) throws(DatabaseError) {
        switch element {
        case .text(let part): text += part
        case .identifier(let name): text += quotedIdentifier(name)
        case .table(let name):
            if firstTable == nil { firstTable = name }
            text += rules.tableName(name)
        case .temporaryTable(let name):
            if firstTable == nil {
                firstTable = name
                firstTableIsTemporary = true
            }
            text += rules.temporaryTableName(name)
        case .value(let value): bind(.value(value))
        case .parameter(let type):
            let slot = slotCount
            slotCount += 1
            for (index, part) in rules.slotParts(type).enumerated() {
                if index > 0 { text += ", " }
                bind(.slot(slot, part, type))
            }
        case .member(let expression, let values):
            let members = values.contains { $0.isNull } ? values.filter { !$0.isNull } : values
            if members.isEmpty {
                text += "1 = 0"
                return
            }
            for part in try rules.membership(of: expression, in: members) { try append(part) }
        case .membership(let expressions, let rows):
            if let expression = expressions.first, expressions.count == 1, rows.allSatisfy({ $0.count == 1 }) {
                return try append(.member(expression, rows.map { $0[0] }))
            }
            let members = rows.filter { !$0.contains(.null) }
            guard members.allSatisfy({ $0.count == expressions.count }) else {
                throw .invalidStatement("a list of tuples holds a tuple of another length than \(expressions.count)")
            }
            if members.isEmpty {
                text += "1 = 0"
                return
            }
            for part in try rules.membership(of: expressions, in: members) { try append(part) }
        case .timespan(let timespan, let role): try append(rules.timespan(timespan, role))
        case .function(let function): try append(rules.function(function))
        case .rows(let names, let types, let rows):
            for part in try rules.table(of: rows, names: names, types: types) { try append(part) }
        case .typedValue(let value, let type): bind(value, as: type)
        case .targetColumns(let columns, let key):
            var names = columns.flatMap { rules.physicalColumns($0) }.map { quotedIdentifier($0.name) }
            if let key, rules.usesSequences { names.append(quotedIdentifier(key.name)) }
            text += names.joined(separator: ", ")
        case .generatedKey(let table, let column):
            guard let key = rules.nextKey(table: table, column: column.name) else { return }
            text += ", "
            try append(key)
        case .generatedKeyOnly(let table, let column):
            guard let key = rules.nextKey(table: table, column: column.name) else {
                text += " DEFAULT VALUES"
                return
            }
            text += " (\(quotedIdentifier(column.name))) VALUES ("
            try append(key)
            text += ")"
        case .insertTemplate(_, let statement): try append(statement)
        case .assignment(let column, let value):
            for (index, part) in rules.physicalColumns(column).enumerated() {
                if index > 0 { text += ", " }
                text += quotedIdentifier(part.name) + " = "
                bind(value.part(rules.slotParts(column.type)[index]), for: column.type)
            }
        case .replacement(let column):
            for (index, part) in rules.physicalColumns(column).enumerated() {
                if index > 0 { text += ", " }
                let name = quotedIdentifier(part.name)
                text += name + " = excluded." + name
            }
        }
    }

    private mutating func append(_ part: RenderPart) throws(DatabaseError) {
        switch part {
        case .sql(let fragment): try append(fragment)
        case .array(let values): bind(.array(values))
        }
    }

    private mutating func bind(_ value: SQLValue, as type: ColumnType) {
        for (index, part) in rules.slotParts(type).enumerated() {
            if index > 0 { text += ", " }
            bind(value.part(part), for: type)
        }
    }

    private mutating func bind(_ value: SQLValue, for type: ColumnType) {
        bind(type.hasBinaryForm ? .value(value) : .untyped(value))
    }

    private mutating func bind(_ binding: SQLBinding) {
        bindings.append(binding)
        text += rules.placeholder(bindings.count)
    }
}

extension SQLValue {
    /// The value, or one half of a timespan.
    func part(_ part: SQLBinding.SlotPart) -> SQLValue {
        switch (part, self) {
        case (.timespanBegin, .timespan(let timespan)): .int(timespan.begin.rawValue)
        case (.timespanEnd, .timespan(let timespan)): .int(timespan.end.rawValue)
        default: self
        }
    }
}

/// An identifier in quotes, any quotes inside it doubled.
func quotedIdentifier(_ name: String) -> String {
    name.utf8.contains(UInt8(ascii: "\""))
        ? "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
        : "\"" + name + "\""
}
