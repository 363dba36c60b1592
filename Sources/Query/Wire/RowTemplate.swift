import ButlerModel
import Database

/// The parts of a row's JSON text as small instructions over one buffer of fixed text, because rows are many.
struct RowTemplate {
    private enum Instruction {
        case text(start: Int32, end: Int32)
        case int(Int32)
        case string(Int32)
        case uuid(Int32)
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
        case .uuid(let column): instructions.append(.uuid(Int32(column)))
        default:
            instructions.append(.piece(Int32(pieces.count)))
            pieces.append(piece)
        }
    }

    mutating func append(_ record: RecordPiece) {
        instructions.append(.record(Int32(records.count)))
        records.append(record)
    }

    /// - Parameter keys: those of the row; only records need them.
    func write(_ row: any DatabaseRow, keys: RowKeys?, to text: inout PageText) throws {
        try literals.withUnsafeBufferPointer { literals in
            for instruction in instructions {
                switch instruction {
                case .text(let start, let end):
                    text.append(UnsafeBufferPointer(rebasing: literals[Int(start)..<Int(end)]))
                case .int(let column): try RowPiece.int(Int(column)).write(row, to: &text)
                case .string(let column): try RowPiece.string(Int(column)).write(row, to: &text)
                case .uuid(let column): try RowPiece.uuid(Int(column)).write(row, to: &text)
                case .piece(let index): try pieces[Int(index)].write(row, to: &text)
                case .record(let index): try records[Int(index)].write(row, keys: keys, to: &text)
                }
            }
        }
    }
}

/// The dimension keys of a row, and which of them are not those of the row before.
struct RowKeys {
    let values: [DataIDValue]
    let changed: UInt64
}
