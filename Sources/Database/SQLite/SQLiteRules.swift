import AstroTime

/// How SQLite stores and compares. Source: repository format reference, sections 2.1 and 2.2.
struct SQLiteRules: DialectRules {
    /// Lists up to this length are sent as one binding a value, longer ones as one JSON array: few distinct
    /// statements keep the cache of prepared statements small, and the number of bindings is limited.
    private static let longestBoundList = 4
    private static let mostBindings = 30_000

    func placeholder(_ number: Int) -> String { "?" }

    var schema: String? { nil }

    func tableName(_ name: String) -> String { quotedIdentifier(name) }

    func temporaryTableName(_ name: String) -> String { "temp." + quotedIdentifier(name) }

    func membership(of expression: SQL, in values: [SQLValue]) throws(DatabaseError) -> [RenderPart] {
        if values.count > Self.longestBoundList, let json = JSONArray.text(of: values) {
            return [.sql("\(expression) IN (SELECT value FROM json_each(\(value: json)))")]
        }
        try checkBindings(values.count, values.count)
        return [.sql("\(expression) IN (\(values.map { SQL(elements: [.value($0)]) }.joined(separator: ", ")))")]
    }

    func membership(of expressions: [SQL], in rows: [[SQLValue]]) throws(DatabaseError) -> [RenderPart] {
        if rows.count > Self.longestBoundList, let json = JSONArray.text(of: rows) {
            let parts = expressions.indices.map { SQL(elements: [.text("json_extract(value, '$[\($0)]')")]) }
            let list: SQL = "SELECT \(parts.joined(separator: ", ")) FROM json_each(\(value: json))"
            return [.sql("\(tuple(expressions)) IN (\(list))")]
        }
        try checkBindings(rows.count * expressions.count, rows.count)
        let members = rows.map { row in tuple(row.map { SQL(elements: [.value($0)]) }) }
        return [.sql("\(tuple(expressions)) IN (VALUES \(members.joined(separator: ", ")))")]
    }

    private func checkBindings(_ bindings: Int, _ members: Int) throws(DatabaseError) {
        guard bindings <= Self.mostBindings else {
            throw .invalidStatement("a list of \(members) binary or non-finite values is too long for SQLite")
        }
    }

    private func tuple(_ expressions: [SQL]) -> SQL { "(" + expressions.joined(separator: ", ") + ")" }

    // MARK: - Timespans

    /// The end of a column name that marks the two halves of one logical result column.
    static let resultBegin = "timespan#begin"
    static let resultEnd = "timespan#end"

    func timespan(_ timespan: TimespanExpression, _ role: SQL.TimespanRole) -> SQL {
        let (begin, end) = bounds(of: timespan)
        switch role {
        case .inner(let name):
            return "\(begin) AS \(alias: name + "_begin"), \(end) AS \(alias: name + "_end")"
        case .result:
            return "\(begin) AS \(alias: Self.resultBegin), \(end) AS \(alias: Self.resultEnd)"
        case .overlaps(let other):
            let (otherBegin, otherEnd) = bounds(of: other)
            return "(\(end) > \(otherBegin) AND \(otherEnd) > \(begin))"
        case .isBefore(let other):
            let (otherBegin, otherEnd) = bounds(of: other)
            return "(\(end) <= \(otherBegin) AND \(begin) < \(otherEnd))"
        case .isEqual(let other):
            let (otherBegin, otherEnd) = bounds(of: other)
            return "(\(begin) = \(otherBegin) AND \(end) = \(otherEnd))"
        case .contains(let time): return "(\(begin) <= \(time) AND \(end) > \(time))"
        case .isNull: return "(\(begin) IS NULL)"
        case .isEmpty: return "(\(begin) >= \(end))"
        case .begin: return begin
        case .end: return end
        }
    }

    private func bounds(of timespan: TimespanExpression) -> (begin: SQL, end: SQL) {
        switch timespan.storage {
        case .column(let name, let alias):
            ("\(column: name + "_begin", of: alias)", "\(column: name + "_end", of: alias)")
        case .literal(let value?): ("\(value: value.begin)", "\(value: value.end)")
        case .literal(nil): ("NULL", "NULL")
        case .bounds(let begin, let end): ("(\(begin))", "(\(end))")
        case .anyValue(let timespan): bounds(of: timespan)
        }
    }

    // MARK: - Functions

    func function(_ function: SQLFunction) -> SQL {
        switch function {
        case .quotient(let a, let b): "\(a) / (\(b) + 0.0)"
        case .remainder(let a, let b): "\(a) % \(b)"
        case .isTrue(let column): "\(column) = 1"
        case .matches(let text, let pattern): "\(text) GLOB \(value: Self.glob(pattern))"
        case .hasPrefix(let text, let prefix):
            "(\(text) >= \(value: prefix) AND \(text) < \(value: Self.successor(of: prefix)))"
        // SQLite takes a column that is not aggregated from an arbitrary row.
        case .anyValue(let expression): expression
        case .joinedText(let expression, let separator): "group_concat(\(expression), \(value: separator))"
        case .ordered(let expression, let isDescending, _): isDescending ? expression + " DESC" : expression
        case .selective(let condition): "unlikely(\(condition))"
        case .unindexed(let column): "+\(column)"
        case .telling: "1 = 1"
        case .condition(let condition, let shortcut): "(\(shortcut) OR \(condition))"
        case .joinInOrder: "CROSS JOIN"
        }
    }

    func table(of rows: [[SQLValue]], names: [String], types: [ColumnType]) throws(DatabaseError) -> [RenderPart] {
        guard let json = JSONArray.text(of: rows) else {
            throw .invalidStatement("a table of given values holds one that has no JSON form")
        }
        let columns = names.enumerated().map { index, name -> SQL in
            names.count == 1
                ? "value AS \(alias: name)"
                : SQL(elements: [.text("json_extract(value, '$[\(index)]') AS "), .identifier(name)])
        }
        return [.sql("(SELECT \(columns.joined(separator: ", ")) FROM json_each(\(value: json)))")]
    }

    /// The least text that follows all texts with a prefix; the order is that of bytes.
    private static func successor(of prefix: String) -> String {
        var scalars = Array(prefix.unicodeScalars)
        while let last = scalars.popLast() {
            // Surrogates are no characters.
            if let next = Unicode.Scalar(last.value == 0xD7FF ? 0xE000 : last.value + 1) {
                scalars.append(next)
                break
            }
        }
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }

    /// SQLite's own wildcards are the same, and it has brackets, which make anything literal.
    private static func glob(_ pattern: WildcardPattern) -> String {
        var text = ""
        for part in pattern.parts {
            switch part {
            case .anyRun: text += "*"
            case .anyOne: text += "?"
            case .literal(let character):
                switch character {
                case "*", "?", "[", "]": text += "[\(character)]"
                default: text.unicodeScalars.append(character)
                }
            }
        }
        return text
    }

    func slotParts(_ type: ColumnType) -> [SQLBinding.SlotPart] {
        type == .timespan ? [.timespanBegin, .timespanEnd] : [.whole]
    }

    // MARK: - Definitions

    func nextKey(table: String, column: String) -> SQL? { nil }

    func physicalColumns(_ column: ColumnSpecification) -> [PhysicalColumn] {
        let type: String
        switch column.type {
        case .autoincrement: type = "INTEGER"
        case .smallInt: type = "SMALLINT"
        case .int32: type = "INTEGER"
        case .int: type = "BIGINT"
        case .double: type = "FLOAT"
        case .bool: type = "BOOLEAN"
        case .string(let length): type = length <= ColumnType.longestCheckedString ? "VARCHAR(\(length))" : "TEXT"
        case .unlimitedString: type = "VARCHAR"
        case .text, .bytes, .skyPoint, .skyPolygon: type = "TEXT"
        case .uuid: type = "CHAR(32)"
        case .blob: type = "BLOB"
        case .timespan:
            var bounds: (begin: String, end: String)?
            if case .timespan(let value)? = column.defaultValue {
                bounds = (String(value.begin.rawValue), String(value.end.rawValue))
            }
            return [
                PhysicalColumn(name: column.name + "_begin", type: "BIGINT", defaultValue: bounds?.begin),
                PhysicalColumn(name: column.name + "_end", type: "BIGINT", defaultValue: bounds?.end),
            ]
        }
        return [PhysicalColumn(name: column.name, type: type, defaultValue: column.defaultValue?.plainLiteral)]
    }

    func objectName(_ name: String) -> String { name }
    var checksStringLengths: Bool { true }
    var usesSequences: Bool { false }
    var reservedWords: Set<String> { ReservedWords.sqlite }
}
