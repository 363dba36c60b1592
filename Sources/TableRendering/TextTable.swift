/// A table of text cells in the layout that astronomers know from `astropy.table`: a line of centred column names, a
/// line of dashes, then one line for each row, with one space between columns and every line padded to full width.
///
/// ```swift
/// var table = TextTable(columns: ["Name", "Type"], alignment: .left)
/// table.append(["HSC/raw", "RUN"])
/// print(table.lines().joined(separator: "\n"))
/// ```
///
/// Widths count Unicode scalars, as Python's `len` does. Tabs and newlines in cells are shown as `\t` and `\n`.
public struct TextTable: Sendable {
    public enum Alignment: Sendable {
        case left
        case right
    }

    public private(set) var columns: [String]
    public private(set) var rows: [[String]] = []
    public let alignment: Alignment

    public init(columns: [String], alignment: Alignment = .right) {
        self.columns = columns
        self.alignment = alignment
    }

    public var isEmpty: Bool { rows.isEmpty }

    /// Adds a row.
    /// - Precondition: one cell for each column.
    public mutating func append(_ cells: [String]) {
        precondition(cells.count == columns.count, "A row needs a cell for each column.")
        rows.append(cells)
    }

    /// Removes a column by name, with its cells. Does nothing when there is no such column.
    public mutating func removeColumn(_ name: String) {
        guard let index = columns.firstIndex(of: name) else { return }
        columns.remove(at: index)
        for row in rows.indices { rows[row].remove(at: index) }
    }

    /// Number of lines above the first row.
    public static let headerLineCount = 2

    /// The lines of the table without line ends: names, dashes, rows. Cost: O(cells).
    public func lines() -> [String] {
        guard !columns.isEmpty else { return ["<No columns>"] }
        var layout = TextTableLayout(columns: columns, alignment: alignment)
        for row in rows { layout.measure(row) }
        var lines = layout.header
        lines.reserveCapacity(rows.count + Self.headerLineCount)
        for row in rows { lines.append(layout.line(row)) }
        return lines
    }
}

/// The layout of a ``TextTable`` whose rows are not in memory: all are measured, and then written in turn.
public struct TextTableLayout: Sendable {
    private let columns: [PaddedCell]
    private let alignment: TextTable.Alignment
    private var widths: [Int]

    /// The line of dashes starts out as three, which is the least width of a column.
    private static let minimumWidth = 3

    public init(columns: [String], alignment: TextTable.Alignment = .right) {
        self.columns = columns.map(PaddedCell.init)
        self.alignment = alignment
        widths = self.columns.map { max(Self.minimumWidth, $0.width) }
    }

    /// Makes room for a row.
    /// - Precondition: one cell for each column.
    public mutating func measure(_ cells: [String]) {
        precondition(cells.count == columns.count, "A row needs a cell for each column.")
        for (index, cell) in cells.enumerated() { widths[index] = max(widths[index], PaddedCell(cell).width) }
    }

    /// The lines above the first row: names and dashes.
    public var header: [String] {
        [
            zip(columns, widths).map { $0.centred(in: $1) }.joined(separator: " "),
            widths.map { String(repeating: "-", count: $0) }.joined(separator: " "),
        ]
    }

    /// The line of a row that was measured.
    public func line(_ cells: [String]) -> String {
        var line = ""
        line.reserveCapacity(widths.reduce(widths.count) { $0 + $1 })
        for (index, cell) in cells.enumerated() {
            if index > 0 { line += " " }
            PaddedCell(cell).write(to: &line, width: widths[index], alignment: alignment)
        }
        return line
    }
}

/// The text of a cell with its width in scalars.
private struct PaddedCell {
    let text: String
    let width: Int

    init(_ raw: String) {
        if raw.utf8.contains(where: { $0 == 9 || $0 == 10 }) {
            // Scalar by scalar, because a carriage return and a newline make one character.
            var escaped = String.UnicodeScalarView()
            for scalar in raw.unicodeScalars {
                switch scalar {
                case "\t": escaped.append(contentsOf: "\\t".unicodeScalars)
                case "\n": escaped.append(contentsOf: "\\n".unicodeScalars)
                default: escaped.append(scalar)
                }
            }
            text = String(escaped)
        } else {
            text = raw
        }
        width = text.unicodeScalars.count
    }

    func write(to line: inout String, width wanted: Int, alignment: TextTable.Alignment) {
        let padding = wanted - width
        if alignment == .right { Self.pad(&line, padding) }
        line += text
        if alignment == .left { Self.pad(&line, padding) }
    }

    /// Centred as Python's `str.center`: an odd space goes to the left if the width is odd, else to the right.
    func centred(in wanted: Int) -> String {
        let padding = wanted - width
        let left = padding / 2 + (padding & wanted & 1)
        return String(repeating: " ", count: left) + text + String(repeating: " ", count: padding - left)
    }

    private static func pad(_ line: inout String, _ count: Int) {
        for _ in 0..<count { line.unicodeScalars.append(" ") }
    }
}
