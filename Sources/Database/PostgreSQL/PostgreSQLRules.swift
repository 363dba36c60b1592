import AstroTime

/// How PostgreSQL stores and compares. Source: repository format reference, sections 2.1 and 2.2.
struct PostgreSQLRules: DialectRules {
    /// Where the repository's tables are; `nil` leaves it to the search path.
    let schema: String?

    func placeholder(_ number: Int) -> String { "$\(number)" }

    func tableName(_ name: String) -> String {
        (schema.map { quotedIdentifier($0) + "." } ?? "") + quotedIdentifier(name)
    }

    func temporaryTableName(_ name: String) -> String { "pg_temp." + quotedIdentifier(name) }

    func membership(of expression: SQL, in values: [SQLValue]) throws(DatabaseError) -> [RenderPart] {
        try checkKinds(values)
        return [.sql("\(expression) = ANY("), .array(values), .sql(")")]
    }

    private func checkKinds(_ values: [SQLValue]) throws(DatabaseError) {
        guard let first = values.first, values.allSatisfy({ $0.hasSameKind(as: first) }) else {
            throw .invalidStatement("a list mixes kinds of values")
        }
    }

    func membership(of expressions: [SQL], in rows: [[SQLValue]]) throws(DatabaseError) -> [RenderPart] {
        var arrays: [[SQLValue]] = []
        for index in expressions.indices {
            let values = rows.map { $0[index] }
            try checkKinds(values)
            arrays.append(values)
        }
        var parts: [RenderPart] = [.sql("(\(expressions.joined(separator: ", "))) IN (SELECT * FROM unnest(")]
        for (index, array) in arrays.enumerated() {
            if index > 0 { parts.append(.sql(", ")) }
            parts.append(.array(array))
        }
        return parts + [.sql("))")]
    }

    // MARK: - Timespans

    func timespan(_ timespan: TimespanExpression, _ role: SQL.TimespanRole) -> SQL {
        let range = range(of: timespan)
        switch role {
        case .inner(let name): return "\(range) AS \(alias: name)"
        case .result: return range
        case .overlaps(let other): return "(\(range) && \(self.range(of: other)))"
        case .isBefore(let other): return "(\(range) << \(self.range(of: other)))"
        case .isEqual(let other): return "(\(range) = \(self.range(of: other)))"
        case .contains(let time): return "(\(range) @> CAST(\(time) AS BIGINT))"
        case .isNull: return "(\(range) IS NULL)"
        case .isEmpty: return "isempty(\(range))"
        case .begin:
            return """
                (CASE WHEN \(range) IS NULL THEN NULL WHEN isempty(\(range)) THEN 4102444800000000000 \
                ELSE COALESCE(lower(\(range)), 0) END)
                """
        case .end:
            return """
                (CASE WHEN \(range) IS NULL THEN NULL WHEN isempty(\(range)) THEN 0 \
                ELSE COALESCE(upper(\(range)), 4102444800000000000) END)
                """
        }
    }

    private func range(of timespan: TimespanExpression) -> SQL {
        switch timespan.storage {
        case .column(let name, let alias): "\(column: name, of: alias)"
        case .literal(let value?): "CAST(\(value: value) AS INT8RANGE)"
        case .literal(nil): "CAST(NULL AS INT8RANGE)"
        case .anyValue(let timespan): function(.anyValue(range(of: timespan)))
        case .bounds(let begin, let end):
            """
            (CASE WHEN (\(begin)) >= (\(end)) THEN 'empty'::int8range \
            ELSE int8range(NULLIF(\(begin), 0), NULLIF(\(end), 4102444800000000000)) END)
            """
        }
    }

    // MARK: - Functions

    func function(_ function: SQLFunction) -> SQL {
        switch function {
        // As SQLite: nothing, not an error, for a division by zero.
        case .quotient(let a, let b): "\(a) / NULLIF(CAST(\(b) AS DOUBLE PRECISION), 0)"
        case .remainder(let a, let b): "\(a) % NULLIF(\(b), 0)"
        case .isTrue(let column): column
        case .matches(let text, let pattern): "\(text) LIKE \(value: Self.like(pattern))"
        // The order of texts depends on the database's language, so bounds would not do.
        case .hasPrefix(let text, let prefix): "\(text) LIKE \(value: Self.like(literal: prefix) + "%")"
        // ANY_VALUE came with version 16 only.
        case .anyValue(let expression): "(ARRAY_AGG(\(expression)))[1]"
        case .joinedText(let expression, let separator): "string_agg(\(expression), \(value: separator))"
        // As SQLite, which counts NULL as the least value. Indexes have NULL at the other end, and would not serve.
        case .ordered(let expression, let isDescending, mayBeNull: false):
            isDescending ? expression + " DESC" : expression
        case .ordered(let expression, let isDescending, mayBeNull: true):
            isDescending ? expression + " DESC NULLS LAST" : expression + " NULLS FIRST"
        // It keeps statistics, and orders joins by them.
        case .selective(let condition): condition
        case .unindexed(let column): column
        case .telling(let condition): "(\(condition))"
        case .condition(let condition, _): condition
        case .joinInOrder: "JOIN"
        }
    }

    func table(of rows: [[SQLValue]], names: [String], types: [ColumnType]) throws(DatabaseError) -> [RenderPart] {
        var parts: [RenderPart] = [.sql("(SELECT * FROM unnest(")]
        for (index, type) in types.enumerated() {
            if index > 0 { parts.append(.sql(", ")) }
            parts.append(.sql("CAST("))
            parts.append(.array(rows.map { $0[index] }))
            // A cast to a type with a length would cut longer texts without a word.
            var name = physicalColumns(ColumnSpecification("", type))[0].type
            if case .string = type { name = "TEXT" }
            parts.append(.sql(SQL(elements: [.text(" AS \(name)[])")])))
        }
        return parts + [.sql(") AS given (\(columns: names)))")]
    }

    private static func like(literal text: String) -> String {
        text.replacing(/[%_\\]/) { "\\" + $0.output }
    }

    private static func like(_ pattern: WildcardPattern) -> String {
        var text = ""
        for part in pattern.parts {
            switch part {
            case .anyRun: text += "%"
            case .anyOne: text += "_"
            case .literal(let character):
                if character == "%" || character == "_" || character == "\\" { text += "\\" }
                text.unicodeScalars.append(character)
            }
        }
        return text
    }

    func slotParts(_ type: ColumnType) -> [SQLBinding.SlotPart] { [.whole] }

    /// A timespan as the text of an `int8range`.
    static func rangeText(_ timespan: Timespan) -> String {
        if timespan.isEmpty { return "empty" }
        let begin = timespan.hasUnboundedBegin ? "(" : "[\(timespan.begin.rawValue)"
        return begin + "," + (timespan.hasUnboundedEnd ? "" : String(timespan.end.rawValue)) + ")"
    }

    // MARK: - Definitions

    func nextKey(table: String, column: String) -> SQL? {
        let sequence = tableName(objectName("\(table)_seq_\(column)"))
        return "nextval(\(value: sequence))"
    }

    func physicalColumns(_ column: ColumnSpecification) -> [PhysicalColumn] {
        let type: String
        switch column.type {
        case .autoincrement, .int: type = "BIGINT"
        case .smallInt: type = "SMALLINT"
        case .int32: type = "INTEGER"
        case .double: type = "FLOAT"
        case .bool: type = "BOOLEAN"
        case .string(let length): type = length <= ColumnType.longestCheckedString ? "VARCHAR(\(length))" : "TEXT"
        case .unlimitedString: type = "VARCHAR"
        case .text, .bytes: type = "TEXT"
        case .uuid: type = "UUID"
        case .blob: type = "BYTEA"
        case .timespan: type = "INT8RANGE"
        case .skyPoint: type = "SPOINT"
        case .skyPolygon: type = "SPOLY"
        }
        var defaultValue = column.defaultValue?.plainLiteral
        if case .timespan(let value)? = column.defaultValue { defaultValue = "'\(Self.rangeText(value))'::int8range" }
        return [PhysicalColumn(name: column.name, type: type, defaultValue: defaultValue)]
    }

    /// PostgreSQL cuts names at 63 characters, so longer ones are given a hash of the whole in good time.
    func objectName(_ name: String) -> String {
        let bytes = Array(name.utf8)
        guard bytes.count > 63 else { return name }
        let hash = BLAKE2b.hexadecimalDigest(of: bytes, size: .fourBytes)
        return String(decoding: bytes.prefix(54), as: UTF8.self) + "_" + hash
    }

    var checksStringLengths: Bool { false }
    var usesSequences: Bool { true }
    var reservedWords: Set<String> { ReservedWords.postgresql }
}

extension SQLValue {
    /// Whether both are of the same case.
    func hasSameKind(as other: SQLValue) -> Bool {
        switch (self, other) {
        case (.null, .null), (.bool, .bool), (.int, .int), (.double, .double), (.text, .text), (.bytes, .bytes),
            (.blob, .blob), (.uuid, .uuid), (.timespan, .timespan):
            true
        default: false
        }
    }
}
