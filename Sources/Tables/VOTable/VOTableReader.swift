import ByteText

/// Reads the table of a VOTable document: TABLEDATA, BINARY and BINARY2 streams inside of it. Source: VOTable 1.4,
/// section 5.
///
///     let table = try VOTableReader.table(bytes)
///
/// Columns are named as astropy names them: by ID, else by what their name becomes as an identifier. Numbers in arrays of
/// fixed size are lists; complex numbers, arrays of bits, and arrays of different lengths but of characters are refused.
public enum VOTableReader {
    /// Whether a document begins as a VOTable does. Cost: O(1).
    public static func recognizes(_ bytes: some Collection<UInt8>) -> Bool {
        let start = Array(bytes.prefix(4096))
        let text = start.drop { [0xEF, 0xBB, 0xBF, 9, 10, 13, 32].contains($0) }
        guard text.first == UInt8(ascii: "<") else { return false }
        return text.firstRange(of: "<VOTABLE".utf8) != nil || text.firstRange(of: ":VOTABLE".utf8) != nil
    }

    /// - Throws: ``TableError/malformedVOTable(line:reason:)`` for what is no VOTable, holds no table or several, or has its
    ///   data elsewhere; ``TableError/unsupportedType(column:type:)``.
    public static func table(_ bytes: [UInt8]) throws(TableError) -> Table {
        guard recognizes(bytes) else {
            throw .malformedVOTable(line: 1, reason: "it does not begin with the element VOTABLE")
        }
        var reading = Reading(MarkupScanner(bytes))
        do {
            return try reading.run()
        } catch let error as TableError {
            throw error
        } catch let error as MarkupScanner.Malformed {
            throw .malformedVOTable(line: error.line, reason: error.reason)
        } catch {
            throw .malformedVOTable(line: reading.scanner.line, reason: "\(error)")
        }
    }

    private struct Reading {
        var scanner: MarkupScanner
        private var fields: [VOTableField] = []
        private var builders: [VOTableColumnBuilder] = []
        private var rowCount = 0
        private var tableCount = 0

        init(_ scanner: MarkupScanner) { self.scanner = scanner }

        private func malformed(_ reason: String) -> TableError {
            .malformedVOTable(line: scanner.line, reason: reason)
        }

        mutating func run() throws -> Table {
            while let piece = try scanner.next() {
                guard case .start("TABLE", let attributes) = piece else { continue }
                // A reference to another table has nothing of its own.
                if attributes["ref"] != nil { continue }
                tableCount += 1
                guard tableCount == 1 else {
                    throw malformed("it holds several tables; keep the one that is meant in a file of its own")
                }
                try readTable()
            }
            guard tableCount == 1 else { throw malformed("it holds no table") }
            return try Table(try builders.map { try $0.column() }, rowCount: rowCount)
        }

        private mutating func readTable() throws {
            while let piece = try scanner.next() {
                switch piece {
                case .end("TABLE"):
                    if builders.isEmpty { builders = fields.map { VOTableColumnBuilder($0) } }
                    return
                case .start("FIELD", let attributes): try readField(attributes)
                case .start("TABLEDATA", _):
                    begin()
                    try readRows()
                case .start("BINARY", _), .start("BINARY2", _):
                    guard case .start(let name, _) = piece else { continue }
                    begin()
                    try readBinary(try streamBytes(), hasMasks: name == "BINARY2")
                case .start("FITS", _):
                    throw malformed("its data is a FITS file; give that file instead")
                default: continue
                }
            }
        }

        private mutating func begin() { builders = fields.map { VOTableColumnBuilder($0) } }

        private mutating func readField(_ attributes: [String: String]) throws {
            var field = try VOTableField(attributes)
            var text: [UInt8]?
            while let piece = try scanner.next() {
                switch piece {
                case .start("VALUES", let values): if let null = values["null"] { field.null = null }
                case .start("DESCRIPTION", _): text = []
                case .text(let more): text? += more
                case .end("DESCRIPTION"):
                    field.description = text.map { String(decoding: $0, as: UTF8.self) }
                    text = nil
                case .end("FIELD"):
                    fields.append(field)
                    return
                default: continue
                }
            }
        }

        // MARK: Rows as text

        private mutating func readRows() throws {
            var cell: [UInt8]?
            var position = 0
            while let piece = try scanner.next() {
                switch piece {
                case .end("TABLEDATA"): return
                case .start("TR", _): position = 0
                case .start("TD", _): cell = []
                case .text(let more): cell? += more
                case .end("TD"):
                    guard position < builders.count, let text = cell else {
                        throw malformed("a row has more values than there are fields")
                    }
                    do {
                        try builders[position].append(text: text)
                    } catch {
                        throw malformed("column '\(fields[position].name)': \(error.reason)")
                    }
                    cell = nil
                    position += 1
                case .end("TR"):
                    // Values at the end may be left out.
                    while position < builders.count {
                        builders[position].appendNull()
                        position += 1
                    }
                    rowCount += 1
                default: continue
                }
            }
        }

        // MARK: Rows as bytes

        private mutating func streamBytes() throws -> [UInt8] {
            var text: [UInt8]?
            while let piece = try scanner.next() {
                switch piece {
                case .start("STREAM", let attributes):
                    guard attributes["href"] == nil else {
                        throw malformed("its data is elsewhere, at '\(attributes["href"] ?? "")'; save it with the data inside")
                    }
                    guard attributes["encoding"] == "base64" else {
                        throw malformed("its data is encoded as '\(attributes["encoding"] ?? "none")', not as base64")
                    }
                    text = []
                case .text(let more): text? += more
                case .end("STREAM"):
                    guard let text, let bytes = Base64.decodeLeniently(text) else {
                        throw malformed("its data is no whole base64 text")
                    }
                    return bytes
                case .end("BINARY"), .end("BINARY2"): throw malformed("its binary data has no STREAM")
                default: continue
                }
            }
            throw malformed("its binary data has no STREAM")
        }

        private mutating func readBinary(_ bytes: [UInt8], hasMasks: Bool) throws {
            guard !fields.isEmpty else { return }
            var position = 0
            let maskSize = hasMasks ? (fields.count + 7) / 8 : 0
            while position < bytes.count {
                guard position + maskSize <= bytes.count else { throw malformed("row \(rowCount + 1) of its data is cut") }
                let mask = position
                position += maskSize
                for column in builders.indices {
                    let isNull = hasMasks && bytes[mask + column / 8] & (0x80 >> UInt8(column % 8)) != 0
                    do {
                        try builders[column].append(isNull: isNull) { count throws(VOTableColumnBuilder.BadCell) in
                            guard count >= 0, count <= bytes.count - position else {
                                throw .init(reason: "its value is cut")
                            }
                            defer { position += count }
                            return bytes[position..<(position + count)]
                        }
                    } catch {
                        throw malformed("row \(rowCount + 1), column '\(fields[column].name)': \(error.reason)")
                    }
                }
                rowCount += 1
            }
        }
    }
}
