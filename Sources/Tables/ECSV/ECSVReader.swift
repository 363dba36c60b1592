import StructuredData

extension Table {
    /// Reads an ECSV 1.0 table (astropy APE 6), as `astropy.table.Table.read(…, format='ascii.ecsv')` does.
    ///
    /// An empty cell is a null, also in a column of text: ECSV cannot tell them apart. Lists of different lengths and
    /// other values that are kept as JSON stay JSON text (`TableColumn.jsonType`).
    ///
    /// - Throws: `TableError.malformedECSV` with the line; `.unsupportedType` for complex and 128-bit numbers.
    /// - Complexity: O(bytes); memory for the text and the table.
    public init(ecsv bytes: [UInt8]) throws(TableError) {
        let result = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(TableError) in try ECSVReader(buffer).table() }
        }
        self = try result.get()
    }

    /// Reads an ECSV table from text. See ``init(ecsv:)-([UInt8])``.
    public init(ecsv text: String) throws(TableError) { try self.init(ecsv: Array(text.utf8)) }
}

/// One reading of an ECSV file.
private struct ECSVReader {
    private let bytes: UnsafeBufferPointer<UInt8>

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    func table() throws(TableError) -> Table {
        let head = try head()
        let header = try Self.parse(head.yaml)
        guard header.delimiter == nil || header.delimiter == " " || header.delimiter == "," else {
            throw .malformedECSV(line: 1, reason: "the delimiter '\(header.delimiter ?? "")' is neither blank nor comma")
        }
        var collectors: [ColumnCollector] = []
        for column in header.columns { collectors.append(try ColumnCollector(column)) }
        var records = ECSVRecords(
            bytes, from: head.end, line: head.endLine, delimiter: header.delimiter == "," ? 0x2C : 0x20)
        try Self.checkNames(&records, header.columns)
        var rows = 0
        while try records.next() {
            guard records.ends.count == collectors.count else {
                throw .malformedECSV(
                    line: records.rowLine,
                    reason: "the row has \(records.ends.count) cells for \(collectors.count) columns")
            }
            var start = 0
            for (collector, end) in zip(collectors, records.ends) {
                let problem = records.text.withUnsafeBufferPointer {
                    collector.append(UnsafeBufferPointer(rebasing: $0[start..<end]))
                }
                if let problem {
                    throw .malformedECSV(line: records.rowLine, reason: "column '\(collector.column.name)': \(problem)")
                }
                start = end
            }
            rows += 1
        }
        var columns: [TableColumn] = []
        for collector in collectors { columns.append(try collector.finish()) }
        return try Table(columns, rowCount: rows, metadata: header.metadata)
    }

    /// The YAML in the leading comments, and where the rest begins.
    private func head() throws(TableError) -> (yaml: [UInt8], end: Int, endLine: Int) {
        var comments: [ArraySlice<UInt8>] = []
        var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var line = 1
        while index < bytes.count {
            let end = bytes[index...].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? bytes.count
            let content = bytes[index..<end].drop { $0 == 0x20 || $0 == 0x09 }
            if content.first == UInt8(ascii: "#") {
                comments.append(ArraySlice(content.dropFirst()))
            } else if !content.isEmpty {
                break
            }
            index = end
            guard index < bytes.count else { break }
            if bytes[index] == 0x0D, index + 1 < bytes.count, bytes[index + 1] == 0x0A { index += 1 }
            index += 1
            line += 1
        }
        guard let first = comments.first, Self.isVersion(first) else {
            throw .malformedECSV(line: 1, reason: "it does not begin with a line '# %ECSV 1.0'")
        }
        var yaml: [UInt8] = []
        let body = comments.dropFirst()
        let indent = body.lazy.filter { !$0.allSatisfy { $0 == 0x20 } }.map { $0.prefix { $0 == 0x20 }.count }.min() ?? 0
        for comment in body {
            yaml.append(contentsOf: comment.dropFirst(indent))
            yaml.append(0x0A)
        }
        return (yaml, index, line)
    }

    private static func isVersion(_ line: ArraySlice<UInt8>) -> Bool {
        let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count == 2, words[0] == "%ECSV" else { return false }
        let numbers = words[1].split(separator: ".", omittingEmptySubsequences: false)
        return (2...3).contains(numbers.count) && numbers.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isNumber) }
    }

    private static func parse(_ yaml: [UInt8]) throws(TableError) -> AstropyHeader {
        do {
            return try AstropyHeader(yaml: yaml)
        } catch {
            throw .malformedECSV(line: 2, reason: "in the header: \(error)")
        }
    }

    /// The row of names must be what the header says.
    private static func checkNames(
        _ records: inout ECSVRecords, _ columns: [AstropyHeader.Column]
    ) throws(TableError) {
        var names: [String] = []
        if try records.next() {
            var start = 0
            for end in records.ends {
                names.append(String(decoding: records.text[start..<end], as: UTF8.self))
                start = end
            }
        }
        let expected = columns.map(\.name)
        guard names == expected else {
            throw .malformedECSV(
                line: records.rowLine,
                reason: "the row of names is \(StructuredValue.array(names.map { .string($0) })) where the header has "
                    + "\(StructuredValue.array(expected.map { .string($0) }))")
        }
    }
}

/// Turns the texts of one column into its cells.
private final class ColumnCollector {
    let column: AstropyHeader.Column
    private let cells: any ECSVCells
    private let shape: [Int]
    private let jsonType: String?
    private var validity: [Bool] = []

    init(_ column: AstropyHeader.Column) throws(TableError) {
        self.column = column
        let isVariable = column.shape.contains(nil)
        var type = column.datatype
        if isVariable || column.subtype == "json" {
            let dimensions = column.shape.map { $0.map(String.init) ?? "null" }.joined(separator: ",")
            jsonType = (column.subtype ?? "json") + (column.shape.isEmpty ? "" : "[\(dimensions)]")
            shape = []
        } else {
            jsonType = nil
            shape = column.shape.compactMap { $0 }
            if !shape.isEmpty { type = column.subtype ?? type }
        }
        if jsonType != nil || !shape.isEmpty, column.datatype != "string" {
            throw .malformedECSV(line: 2, reason: "column '\(column.name)' has a subtype and is not of type string")
        }
        // As many dimensions as numpy has.
        guard shape.count <= 64, TableColumn.product(shape) != nil else {
            throw .malformedECSV(line: 2, reason: "column '\(column.name)' has the unusable shape \(shape)")
        }
        guard let cells = ECSVTypes.cells(type) else { throw .unsupportedType(column: column.name, type: type) }
        self.cells = cells
    }

    /// - Returns: what is wrong with the cell, or `nil`.
    func append(_ text: UnsafeBufferPointer<UInt8>) -> String? {
        if shape.isEmpty {
            if text.isEmpty || isNotATime(text) {
                cells.appendNull()
                validity.append(false)
                return nil
            }
            validity.append(true)
            return cells.append(text) ? nil : "'\(String(decoding: text, as: UTF8.self))' is no \(column.datatype)"
        }
        if text.isEmpty {
            let count = shape.reduce(1, *)
            guard count <= 1 << 20 else { return "an empty cell stands for \(count) nulls, which is too many" }
            for _ in 0..<count {
                cells.appendNull()
                validity.append(false)
            }
            return nil
        }
        return ECSVList.read(text, shape: shape[...]) { leaf in
            guard let leaf, !isNotATime(leaf) else {
                cells.appendNull()
                validity.append(false)
                return true
            }
            validity.append(true)
            return cells.append(leaf)
        }
    }

    /// numpy's null of times.
    private func isNotATime(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        text.count == 3 && text.elementsEqual("NaT".utf8) && (column.subtype ?? column.datatype).hasPrefix("datetime64")
    }

    func finish() throws(TableError) -> TableColumn {
        var result = try TableColumn(
            column.name, cells.values, validity: validity, shape: shape, unit: column.unit,
            description: column.description)
        result.format = column.format
        result.metadata = column.metadata
        result.jsonType = jsonType
        return result
    }
}
