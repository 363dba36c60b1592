import StructuredData

/// The head of a table in text: ECSV (Astropy's APE 6) or CSV.
enum TextTablePreview {
    /// - Parameter isWhole: whether these are all bytes; otherwise the last line is left out, and the number of rows is
    ///   not known.
    static func document(_ text: String, format: String, isWhole: Bool, rows: Int) -> StructuredMapping {
        var lines = text.split(whereSeparator: \.isNewline)
        if !isWhole { lines.removeLast(min(1, lines.count)) }
        let comments = lines.prefix { $0.hasPrefix("#") }
        let head = header(comments)
        let delimiter = head?["delimiter"]?.stringValue?.first ?? (format == "ECSV" ? " " : ",")
        let body = lines.dropFirst(comments.count)
        let names = body.first.map { cells($0, delimiter) } ?? []
        var units: [String: String] = [:]
        for column in head?["datatype"]?.arrayValue ?? [] {
            if let name = column["name"]?.stringValue { units[name] = column["unit"]?.stringValue }
        }
        var members: StructuredMapping = [
            "kind": "table", "format": .string(format),
            "columns": .array(names.map { .object(["name": .string($0), "unit": .string(units[$0] ?? "")]) }),
            "rows": .array(
                body.dropFirst().prefix(rows).map { .strings(cells($0, delimiter)) }),
        ]
        if isWhole { members["row_count"] = .int(Int64(max(0, body.count - 1))) }
        return members
    }

    /// The YAML in the comments of an ECSV file.
    private static func header(_ comments: ArraySlice<Substring>) -> StructuredValue? {
        guard comments.first?.hasPrefix("# %ECSV") == true else { return nil }
        let yaml = comments.dropFirst().map { $0.dropFirst($0.hasPrefix("# ") ? 2 : 1) }.joined(separator: "\n")
        // A header that is no YAML costs only units: a look at the rows is still worth having.
        return try? StructuredValue(yaml: yaml)
    }

    /// The cells of a line; double quotes hold delimiters, and stand doubled for themselves.
    static func cells(_ line: Substring, _ delimiter: Character) -> [String] {
        var cells: [String] = []
        var cell = ""
        var isQuoted = false
        for character in line {
            if character == "\"" {
                isQuoted.toggle()
                if isQuoted, !cell.isEmpty { cell.append(character) }
            } else if character == delimiter, !isQuoted {
                cells.append(cell)
                cell = ""
            } else {
                cell.append(character)
            }
        }
        return cells + [cell]
    }
}
