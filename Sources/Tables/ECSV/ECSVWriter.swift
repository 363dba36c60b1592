import StructuredData

extension Table {
    /// The table as ECSV 1.0, as astropy writes it.
    ///
    /// Astropy reads the same table back, but for what ECSV cannot tell or astropy drops: an empty text is read as a
    /// null, blanks at the ends of a text are lost to astropy (not to Steward), byte strings become text.
    ///
    /// - Parameter delimiter: a blank or a comma.
    /// - Throws: `TableError.unwritableECSV` for byte strings that are no UTF-8 and times outside the years 1 to 9999.
    /// - Complexity: O(cells); memory for the whole text.
    public func ecsv(delimiter: ECSVDelimiter = .blank) throws(TableError) -> [UInt8] {
        let header = AstropyHeader.yaml(self, delimiter: delimiter == .comma ? "," : nil, isFile: true)
        var out = Array("# %ECSV 1.0\n# ---\n".utf8)
        for line in header.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
            out.append(contentsOf: "# ".utf8)
            out.append(contentsOf: line)
            out.append(0x0A)
        }
        let line = ECSVLine(delimiter: delimiter.rawValue)
        line.names(columnNames, to: &out)
        var texts: [ECSVText] = []
        for column in columns { texts.append(try ECSVText(column)) }
        var cell: [UInt8] = []
        for row in 0..<rowCount {
            for (position, text) in texts.enumerated() {
                cell.removeAll(keepingCapacity: true)
                try text.append(row: row, to: &cell)
                if position > 0 { out.append(delimiter.rawValue) }
                line.cell(cell, isFirst: position == 0, isOnly: texts.count == 1, to: &out)
            }
            out.append(0x0A)
        }
        return out
    }
}

/// What stands between the cells of an ECSV file.
public enum ECSVDelimiter: UInt8, Sendable {
    case blank = 0x20
    case comma = 0x2C
}

/// Quotes cells as Python's `csv` does with `QUOTE_MINIMAL`, and where astropy's reader needs it.
private struct ECSVLine {
    let delimiter: UInt8

    func names(_ names: [String], to out: inout [UInt8]) {
        let all =
            names.first?.first { !$0.isWhitespace } == "#"
            || names.contains { $0.first?.isWhitespace == true || $0.last?.isWhitespace == true }
        for (position, name) in names.enumerated() {
            if position > 0 { out.append(delimiter) }
            if all {
                quote(Array(name.utf8), to: &out)
            } else {
                cell(Array(name.utf8), isFirst: false, isOnly: names.count == 1, to: &out)
            }
        }
        out.append(0x0A)
    }

    func cell(_ text: [UInt8], isFirst: Bool, isOnly: Bool, to out: inout [UInt8]) {
        guard let first = text.first, let last = text.last else {
            if delimiter == 0x20 || isOnly { out.append(contentsOf: [0x22, 0x22]) }
            return
        }
        // A first cell that looks like a comment would make astropy skip the row.
        let needsQuotes =
            isBlank(first) || isBlank(last) || (isFirst && first == UInt8(ascii: "#"))
            || text.contains { $0 == delimiter || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
        if needsQuotes {
            quote(text, to: &out)
        } else {
            out.append(contentsOf: text)
        }
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private func quote(_ text: [UInt8], to out: inout [UInt8]) {
        out.append(0x22)
        for byte in text {
            if byte == 0x22 { out.append(0x22) }
            out.append(byte)
        }
        out.append(0x22)
    }
}

/// Writes the cells of one column as texts.
private struct ECSVText {
    private let column: TableColumn
    private let cellsPerRow: Int

    /// numpy's null of times.
    private static let notATime = Array("NaT".utf8)

    init(_ column: TableColumn) throws(TableError) {
        self.column = column
        cellsPerRow = column.cellsPerRow
        if case .bytes(let cells) = column.values, let row = cells.firstInvalidText {
            throw .unwritableECSV(
                column: column.name, reason: "its byte string \(row) is not UTF-8 text, which is all that ECSV holds")
        }
    }

    func append(row: Int, to text: inout [UInt8]) throws(TableError) {
        if column.shape.isEmpty {
            if !column.isNull(row) {
                try scalar(row, isJSON: false, to: &text)
            } else if case .timestamp = column.values {
                text.append(contentsOf: Self.notATime)
            }
        } else {
            var cell = row * cellsPerRow
            try list(column.shape[...], &cell, to: &text)
        }
    }

    private func list(_ shape: ArraySlice<Int>, _ cell: inout Int, to text: inout [UInt8]) throws(TableError) {
        guard let length = shape.first else {
            if column.isNull(cell) {
                text.append(contentsOf: "null".utf8)
            } else {
                try scalar(cell, isJSON: true, to: &text)
            }
            cell += 1
            return
        }
        text.append(UInt8(ascii: "["))
        for position in 0..<length {
            if position > 0 { text.append(UInt8(ascii: ",")) }
            try list(shape.dropFirst(), &cell, to: &text)
        }
        text.append(UInt8(ascii: "]"))
    }

    private func scalar(_ cell: Int, isJSON: Bool, to text: inout [UInt8]) throws(TableError) {
        switch column.values {
        case .bool(let cells):
            text.append(contentsOf: (isJSON ? cells[cell] ? "true" : "false" : cells[cell] ? "True" : "False").utf8)
        case .int8(let cells): text.append(contentsOf: String(cells[cell]).utf8)
        case .int16(let cells): text.append(contentsOf: String(cells[cell]).utf8)
        case .int32(let cells): text.append(contentsOf: String(cells[cell]).utf8)
        case .int64(let cells): text.append(contentsOf: String(cells[cell]).utf8)
        case .uint8(let cells): text.append(contentsOf: String(cells[cell]).utf8)
        case .uint16(let cells): text.append(contentsOf: String(cells[cell]).utf8)
        case .uint32(let cells): text.append(contentsOf: String(cells[cell]).utf8)
        case .uint64(let cells): text.append(contentsOf: String(cells[cell]).utf8)
        case .float(let cells):
            let number = cells[cell]
            // numpy gives a float of a list to Python's json as a double.
            if isJSON || !number.isFinite {
                decimal(Double(number), isJSON, to: &text)
            } else {
                text.append(contentsOf: number.description.utf8)
            }
        case .double(let cells): decimal(cells[cell], isJSON, to: &text)
        case .string(let cells), .bytes(let cells):
            if isJSON {
                var writer = JSONWriter(options: .init(escapesNonASCII: true))
                writer.value(cells.text(cell))
                text.append(contentsOf: writer.bytes)
            } else {
                text.append(contentsOf: cells[cell])
            }
        case .timestamp(let cells, let type):
            if isJSON { text.append(0x22) }
            guard CivilTime.append(cells[cell], type.unit, to: &text) else {
                throw .unwritableECSV(
                    column: column.name, reason: "the time of its cell \(cell) is outside the years 1 to 9999")
            }
            if isJSON { text.append(0x22) }
        }
    }

    private func decimal(_ number: Double, _ isJSON: Bool, to text: inout [UInt8]) {
        if number.isFinite {
            text.append(contentsOf: PythonFloat.repr(number).utf8)
        } else if isJSON {
            text.append(contentsOf: (number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity").utf8)
        } else {
            text.append(contentsOf: PythonFloat.special(number).utf8)
        }
    }
}
