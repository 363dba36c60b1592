import Foundation

/// A table in a text file: CSV, ECSV, or columns separated by tabs or blanks. The first line that is no comment names
/// the columns.
struct TextTableFile: Sendable {
    let columns: [String]
    let rows: [[String]]

    /// - Throws: ``CommandFailure`` that names the file and line.
    init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure.refused("Cannot read the table '\(path)'; check that it exists.")
        }
        guard !data.contains(0), let text = String(data: data, encoding: .utf8) else {
            throw CommandFailure.refused(
                "The table '\(path)' is no text in UTF-8; save it as CSV or ECSV.")
        }
        try self.init(text: text, name: path)
    }

    init(text: String, name: String) throws {
        var columns: [String]?
        var rows: [[String]] = []
        var delimiter: Character?
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.last == "\r" ? line.dropLast() : line
            if line.first == "#" {
                // ECSV says so when it separates by commas.
                if line.contains("delimiter: ','") { delimiter = "," }
                continue
            }
            guard line.contains(where: { !$0.isWhitespace }) else { continue }
            if columns == nil, delimiter == nil {
                delimiter = line.contains(",") ? "," : line.contains("\t") ? "\t" : " "
            }
            guard let cells = Self.cells(line, delimiter ?? " ") else {
                throw CommandFailure.refused("\(name):\(number + 1): a quotation mark is not closed.")
            }
            guard let known = columns else {
                columns = cells
                continue
            }
            guard cells.count == known.count else {
                throw CommandFailure.refused(
                    "\(name):\(number + 1): \(cells.count) values for \(known.count) columns (\(known.joined(separator: ", "))).")
            }
            rows.append(cells)
        }
        guard let columns, Set(columns).count == columns.count else {
            throw CommandFailure.refused("The table '\(name)' has no line with different names of columns.")
        }
        self.columns = columns
        self.rows = rows
    }

    /// The values of a line, in which quotation marks keep separators together and are doubled to stand for one; `nil`
    /// when one is not closed. Several blanks count as one.
    private static func cells(_ line: Substring, _ delimiter: Character) -> [String]? {
        var cells: [String] = []
        var current = ""
        var isQuoted = false
        var wasQuoted = false
        var characters = line.makeIterator()
        var pending = characters.next()
        while let character = pending {
            pending = characters.next()
            if isQuoted {
                if character != "\"" {
                    current.append(character)
                } else if pending == "\"" {
                    current.append("\"")
                    pending = characters.next()
                } else {
                    isQuoted = false
                }
            } else if character == "\"" {
                isQuoted = true
                wasQuoted = true
            } else if character == delimiter {
                if delimiter != " " || !current.isEmpty || wasQuoted { cells.append(current) }
                current = ""
                wasQuoted = false
            } else {
                current.append(character)
            }
        }
        guard !isQuoted else { return nil }
        if delimiter != " " || !current.isEmpty || wasQuoted { cells.append(current) }
        return delimiter == "," ? cells.map { $0.trimmingCharacters(in: .whitespaces) } : cells
    }
}
