import ButlerModel
import Database

/// The parts of a row's JSON text, fixed or from columns. See ``RowProgram``.
struct RowTemplate {
    enum Part {
        /// Of the literals.
        case text(start: Int, end: Int)
        case piece(RowPiece)
        /// By its place in the list.
        case record(Int)
    }

    private(set) var literals: [UInt8] = []
    private(set) var parts: [Part] = []
    private(set) var records: [RecordPiece] = []

    var hasRecords: Bool { !records.isEmpty }

    mutating func append(_ text: String) { append(Array(text.utf8)) }

    mutating func append(_ text: [UInt8]) {
        let end = literals.count + text.count
        if case .text(let start, _)? = parts.last {
            parts[parts.count - 1] = .text(start: start, end: end)
        } else {
            parts.append(.text(start: literals.count, end: end))
        }
        literals += text
    }

    mutating func append(_ piece: RowPiece) {
        if case .text(let text) = piece { append(text) } else { parts.append(.piece(piece)) }
    }

    mutating func append(_ record: RecordPiece) {
        parts.append(.record(records.count))
        records.append(record)
    }
}

/// The dimension keys of a row, and which of them are not those of the row before.
struct RowKeys {
    let values: [DataIDValue]
    let changed: UInt64
}
