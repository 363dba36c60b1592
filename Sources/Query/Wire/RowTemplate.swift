import ButlerModel
import Database
import StructuredData

/// The parts of a row's JSON text as small instructions over one buffer of fixed text, because rows are many.
struct RowTemplate {
    private enum Instruction {
        case text(start: Int32, end: Int32)
        case int(Int32)
        case string(Int32)
        /// Any other piece.
        case piece(Int32)
        case record(Int32)
    }

    private var literals: [UInt8] = []
    private var instructions: [Instruction] = []
    private var pieces: [RowPiece] = []
    private var records: [RecordPiece] = []

    var hasRecords: Bool { !records.isEmpty }

    mutating func append(_ text: String) { append(Array(text.utf8)) }

    mutating func append(_ text: [UInt8]) {
        let end = Int32(literals.count + text.count)
        if case .text(let start, _)? = instructions.last {
            instructions[instructions.count - 1] = .text(start: start, end: end)
        } else {
            instructions.append(.text(start: Int32(literals.count), end: end))
        }
        literals += text
    }

    mutating func append(_ piece: RowPiece) {
        switch piece {
        case .text(let text): append(text)
        case .int(let column): instructions.append(.int(Int32(column)))
        case .string(let column): instructions.append(.string(Int32(column)))
        default:
            instructions.append(.piece(Int32(pieces.count)))
            pieces.append(piece)
        }
    }

    mutating func append(_ record: RecordPiece) {
        instructions.append(.record(Int32(records.count)))
        records.append(record)
    }

    /// - Parameter keys: the values of the row's dimensions; only records need them.
    func write(_ row: any DatabaseRow, keys: [DataIDValue], to writer: inout JSONWriter) throws {
        try literals.withUnsafeBufferPointer { literals in
            for instruction in instructions {
                switch instruction {
                case .text(let start, let end):
                    writer.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: literals[Int(start)..<Int(end)]))
                case .int(let column):
                    if let number = try row.optionalInt(Int(column)) {
                        writer.appendInteger(number)
                    } else {
                        writer.appendNull()
                    }
                case .string(let column):
                    if let text = try row.utf8(Int(column)) {
                        writer.appendString(utf8: text)
                    } else {
                        writer.appendNull()
                    }
                case .piece(let index): try pieces[Int(index)].write(row, to: &writer)
                case .record(let index): try records[Int(index)].write(row, keys: keys, to: &writer)
                }
            }
        }
    }
}
