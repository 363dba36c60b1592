import ByteText
import Foundation

/// A table in a text file: CSV, ECSV, or columns separated by tabs or blanks. The first line that is no comment names
/// the columns.
///
/// Rows are taken from the text as they are asked for. Memory: the text.
struct TextTableFile: Sendable {
    let columns: [String]
    private let bytes: [UInt8]
    private let name: String
    private let delimiter: UInt8
    /// Whether lines that begin with `#` are no rows: not in CSV, as in Python.
    private let hasComments: Bool
    private let start: Position

    fileprivate struct Position: Sendable {
        var offset = 0
        var line = 0
    }

    /// - Throws: ``CommandFailure`` that names the file and line.
    init(bytes: [UInt8], name: String) throws {
        guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else {
            throw CommandFailure.refused(
                "The table '\(name)' is neither FITS nor Parquet nor VOTable nor text in UTF-8; save it as CSV or ECSV.")
        }
        self.bytes = bytes
        self.name = name
        var position = Position()
        var delimiter: UInt8?
        var columns: [String]?
        while columns == nil, let line = Self.line(bytes, &position) {
            if line.first == UInt8(ascii: "#") {
                // ECSV says so when it separates by commas.
                if String(decoding: line, as: UTF8.self).contains("delimiter: ','") { delimiter = UInt8(ascii: ",") }
                continue
            }
            guard !Self.isBlank(line) else { continue }
            let found =
                delimiter
                ?? [UInt8(ascii: ","), UInt8(ascii: "\t")].first { line.contains($0) } ?? UInt8(ascii: " ")
            delimiter = found
            columns = try Self.cells(line, found, name, position.line)
        }
        guard let columns, let delimiter else {
            throw CommandFailure.refused("The table '\(name)' has no line with names of columns.")
        }
        var seen: Set<ExactName> = []
        if let repeated = columns.first(where: { !seen.insert($0) }) {
            throw CommandFailure.refused("The table '\(name)' has two columns '\(repeated)'; rename one.")
        }
        self.columns = columns
        self.delimiter = delimiter
        hasComments = delimiter != UInt8(ascii: ",") || bytes.starts(with: Array("# %ECSV".utf8))
        start = position
    }

    // MARK: Rows

    /// The rows of a table, one after another.
    struct Rows: Sendable {
        fileprivate let table: TextTableFile
        fileprivate var position: Position

        /// - Throws: ``CommandFailure`` that names the file and line.
        mutating func next() throws -> [String]? {
            while let line = TextTableFile.line(table.bytes, &position) {
                if table.hasComments && line.first == UInt8(ascii: "#") || TextTableFile.isBlank(line) { continue }
                let cells = try TextTableFile.cells(line, table.delimiter, table.name, position.line)
                guard cells.count == table.columns.count else {
                    throw CommandFailure.refused(
                        "\(table.name):\(position.line): \(cells.count) values for \(table.columns.count) columns "
                            + "(\(table.columns.joined(separator: ", "))).")
                }
                guard cells.first?.isEmpty == false else {
                    throw CommandFailure.refused("\(table.name):\(position.line): the first column names no file.")
                }
                return cells
            }
            return nil
        }
    }

    var rows: Rows { Rows(table: self, position: start) }

    // MARK: Text

    /// The next line, without its end.
    private static func line(_ bytes: [UInt8], _ position: inout Position) -> ArraySlice<UInt8>? {
        guard position.offset < bytes.count else { return nil }
        let rest = bytes[position.offset...]
        // Lines end as on any system: with a line feed, a carriage return, or both.
        let end = rest.firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } ?? bytes.endIndex
        let isPair = end + 1 < bytes.endIndex && bytes[end] == UInt8(ascii: "\r") && bytes[end + 1] == UInt8(ascii: "\n")
        position.offset = end + (isPair ? 2 : 1)
        position.line += 1
        return rest[..<end]
    }

    private static func isBlank(_ line: ArraySlice<UInt8>) -> Bool { line.allSatisfy { $0 == 32 || (9...13).contains($0) } }

    /// The values of a line, in which quotation marks keep separators together and are doubled to stand for one. Several
    /// blanks count as one.
    private static func cells(
        _ line: ArraySlice<UInt8>, _ delimiter: UInt8, _ name: String, _ number: Int
    ) throws -> [String] {
        let quote = UInt8(ascii: "\"")
        let blank = UInt8(ascii: " ")
        let isComma = delimiter == UInt8(ascii: ",")
        var cells: [String] = []
        // Nearly all lines hold no quotation mark.
        if !line.contains(quote) {
            cells.reserveCapacity(8)
            var start = line.startIndex
            for end in line.startIndex...line.endIndex where end == line.endIndex || line[end] == delimiter {
                if end > start || delimiter != blank { cells.append(text(of: line[start..<end], isTrimmed: isComma)) }
                start = end + 1
            }
            return cells
        }
        var current: [UInt8] = []
        var isQuoted = false
        var wasQuoted = false
        func finish() {
            if delimiter == blank, current.isEmpty, !wasQuoted { return }
            cells.append(text(of: current[...], isTrimmed: isComma))
        }
        var index = line.startIndex
        while index < line.endIndex {
            let byte = line[index]
            index += 1
            if isQuoted {
                if byte != quote {
                    current.append(byte)
                } else if index < line.endIndex, line[index] == quote {
                    current.append(quote)
                    index += 1
                } else {
                    isQuoted = false
                }
            } else if byte == quote {
                isQuoted = true
                wasQuoted = true
            } else if byte == delimiter {
                finish()
                current.removeAll(keepingCapacity: true)
                wasQuoted = false
            } else {
                current.append(byte)
            }
        }
        guard !isQuoted else {
            throw CommandFailure.refused("\(name):\(number): a quotation mark is not closed.")
        }
        finish()
        return cells
    }

    private static func text(of cell: ArraySlice<UInt8>, isTrimmed: Bool) -> String {
        let text = String(decoding: cell, as: UTF8.self)
        guard isTrimmed, mayBeBlank(cell.first) || mayBeBlank(cell.last) else { return text }
        return text.trimmingCharacters(in: .whitespaces)
    }

    /// Whether a byte at an end can be, or be a part of, a blank.
    private static func mayBeBlank(_ byte: UInt8?) -> Bool {
        byte.map { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 >= 0x80 } ?? false
    }
}
