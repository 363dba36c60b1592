import StructuredData

/// What pandas keeps beside the columns of a data frame: which columns are its index, and the levels of column names.
///
/// It stands as JSON under the key `pandas` of a schema's metadata; this type reads it and makes it. A column name of
/// several levels is written as Python writes a tuple: `('g', 'flux')`.
public struct PandasLayout: Sendable, Hashable {
    static let key = "pandas"

    /// Names of the columns that make the index; empty for a plain numbering of the rows.
    public var indexColumns: [String]
    /// A name, or none, for each level of column names; one for plain names.
    public var levelNames: [String?]

    public init(indexColumns: [String] = [], levelNames: [String?] = [nil]) {
        self.indexColumns = indexColumns
        self.levelNames = levelNames
    }

    /// The layout that a table carries; `nil` for none, or one that is not understood.
    public init?(_ table: Table) { self.init(table.schemaMetadata) }

    /// The layout in the metadata of a schema.
    public init?(_ schemaMetadata: StructuredMapping) {
        guard let text = schemaMetadata[Self.key]?.stringValue,
            let document = try? StructuredValue(json: text, options: .allowNaN)
        else { return nil }
        // A numbering of rows is a mapping, not a name.
        indexColumns = (document["index_columns"]?.arrayValue ?? []).compactMap(\.stringValue)
        levelNames = (document["column_indexes"]?.arrayValue ?? []).map { $0["name"]?.stringValue }
    }

    // MARK: Names of several levels

    /// The name of a column with these levels, as Python writes a tuple of texts.
    public static func columnName(_ levels: [String]) -> String {
        "(" + levels.map(pythonText).joined(separator: ", ") + (levels.count == 1 ? ",)" : ")")
    }

    private static func pythonText(_ text: String) -> String {
        let quote: Unicode.Scalar = text.contains("'") && !text.contains("\"") ? "\"" : "'"
        var result = String(quote)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case quote: result += "\\" + String(quote)
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + String(quote)
    }

    /// The levels of a column's name; `nil` when it is not a tuple of texts.
    public static func levels(of name: String) -> [String]? {
        var rest = Substring(name).unicodeScalars
        func skip(_ scalar: Unicode.Scalar) -> Bool {
            guard rest.first == scalar else { return false }
            rest.removeFirst()
            return true
        }
        guard skip("(") else { return nil }
        var levels: [String] = []
        while !skip(")") {
            if !levels.isEmpty {
                guard skip(",") else { return nil }
                _ = skip(" ")
                if skip(")") { break }
            }
            guard let quote = rest.popFirst(), quote == "'" || quote == "\"" else { return nil }
            var level = String.UnicodeScalarView()
            while !skip(quote) {
                guard let scalar = rest.popFirst() else { return nil }
                guard scalar == "\\" else {
                    level.append(scalar)
                    continue
                }
                guard let escaped = unescape(&rest) else { return nil }
                level.append(escaped)
            }
            levels.append(String(level))
        }
        return rest.isEmpty ? levels : nil
    }

    private static func unescape(_ rest: inout Substring.UnicodeScalarView) -> Unicode.Scalar? {
        guard let letter = rest.popFirst() else { return nil }
        switch letter {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "x", "u", "U":
            let length = letter == "x" ? 2 : letter == "u" ? 4 : 8
            guard rest.count >= length, let code = UInt32(String(rest.prefix(length)), radix: 16) else { return nil }
            rest.removeFirst(length)
            return Unicode.Scalar(code)
        default: return letter
        }
    }

    // MARK: Writing

    /// The JSON for a table.
    func json(_ table: Table) -> String {
        var index: [StructuredValue] = indexColumns.map { .string($0) }
        if index.isEmpty {
            index = [["kind": "range", "name": nil, "start": 0, "stop": .int(Int64(table.rowCount)), "step": 1]]
        }
        let levels: [StructuredValue] = levelNames.map { name in
            let name: StructuredValue = name.map { .string($0) } ?? .null
            return [
                "name": name, "field_name": name, "pandas_type": "unicode", "numpy_type": "object",
                "metadata": ["encoding": "UTF-8"],
            ]
        }
        let columns: [StructuredValue] = table.columns.map { column in
            let (pandas, numpy, zone) = Self.types(column)
            return [
                "name": .string(column.name), "field_name": .string(column.name), "pandas_type": .string(pandas),
                "numpy_type": .string(numpy), "metadata": zone.map { ["timezone": .string($0)] } ?? .null,
            ]
        }
        var writer = JSONWriter(options: .init(style: .spaced, escapesNonASCII: true))
        writer.value(
            .object([
                "index_columns": .array(index), "column_indexes": .array(levels), "columns": .array(columns),
                "attributes": [:], "creator": ["library": "steward", "version": "1"], "pandas_version": "2.2.0",
            ]))
        return writer.text
    }

    private static func types(_ column: TableColumn) -> (pandas: String, numpy: String, zone: String?) {
        let name = column.type.description
        guard column.shape.isEmpty else { return ("list[\(name == "string" ? "unicode" : name)]", "object", nil) }
        switch column.type {
        case .string: return ("unicode", "object", nil)
        case .bytes: return ("bytes", "object", nil)
        case .bool: return ("bool", column.nullCount > 0 ? "object" : "bool", nil)
        case .timestamp(let type):
            return (type.zone == nil ? "datetime" : "datetimetz", "datetime64[\(type.unit.rawValue)]", type.zone)
        default: return (name, name, nil)
        }
    }
}

extension Table {
    /// Gives the table the layout of a data frame, in place of the one that it may have.
    ///
    /// - Throws: `TableError.unknownColumn` for an index column that is not there; `.invalidColumn` for a name that does
    ///   not have as many levels as the layout names.
    public mutating func setPandasLayout(_ layout: PandasLayout) throws(TableError) {
        for name in layout.indexColumns { _ = try column(name) }
        if layout.levelNames.count > 1 {
            for name in columnNames where !layout.indexColumns.contains(name) {
                guard PandasLayout.levels(of: name)?.count == layout.levelNames.count else {
                    throw .invalidColumn(
                        name: name, reason: "it is not a name of \(layout.levelNames.count) levels, like ('g', 'flux')")
                }
            }
        }
        schemaMetadata[PandasLayout.key] = .string(layout.json(self))
    }
}
