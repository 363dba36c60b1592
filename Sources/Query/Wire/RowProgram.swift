import ButlerModel
import Database

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A row template made ready to run a million times: the columns that each row needs are read with one call, and what
/// repeats from row to row is copied.
///
/// All state is in memory of its own, which one thread uses at a time.
final class RowProgram {
    private enum Instruction {
        case text(start: Int, end: Int)
        /// Values, by their place among those that are read for each row.
        case int(Int)
        case string(Int)
        case uuid(Int)
        case collection(Int, names: Int)
        /// Keys that are those of the row before when the determinants are.
        case implied(Int)
        case piece(Int)
        case record(Int)
    }

    private let literals: UnsafeMutableBufferPointer<UInt8>
    private let instructions: UnsafeMutableBufferPointer<Instruction>
    private let columns: UnsafeMutableBufferPointer<Int>
    private let values: UnsafeMutablePointer<RowValue>
    private let numbers: UnsafeMutablePointer<NumberText>
    private let pieces: [RowPiece]
    private let records: [RecordPiece]
    private let names: [CollectionNames]
    private let implied: [Implied]

    private struct Implied {
        let keys: ImpliedKeys
        let memory: RepeatedText
    }

    init(_ template: RowTemplate) {
        var columns: [Int] = []
        func slot(_ column: Int) -> Int {
            if let known = columns.firstIndex(of: column) { return known }
            columns.append(column)
            return columns.count - 1
        }
        var pieces: [RowPiece] = []
        var names: [CollectionNames] = []
        var implied: [Implied] = []
        func instruction(for piece: RowPiece) -> Instruction {
            switch piece {
            case .int(let column): return .int(slot(column))
            case .string(let column): return .string(slot(column))
            case .uuid(let column): return .uuid(slot(column))
            case .collection(let column, let found):
                names.append(found)
                return .collection(slot(column), names: names.count - 1)
            case .implied(let keys):
                // Where it follows from records in memory it looks itself.
                guard let determinants = keys.columns else { break }
                implied.append(Implied(keys: keys, memory: RepeatedText(determinants.map(slot))))
                return .implied(implied.count - 1)
            default: break
            }
            pieces.append(piece)
            return .piece(pieces.count - 1)
        }
        let instructions = template.parts.map { part -> Instruction in
            switch part {
            case .text(let start, let end): .text(start: start, end: end)
            case .piece(let piece): instruction(for: piece)
            case .record(let index): .record(index)
            }
        }
        // Literals are copied in steps of 16 bytes.
        literals = .allocate(capacity: template.literals.count + 16)
        literals.initialize(repeating: 0)
        _ = literals.update(fromContentsOf: template.literals)
        self.instructions = .allocate(capacity: instructions.count)
        _ = self.instructions.initialize(fromContentsOf: instructions)
        self.columns = .allocate(capacity: columns.count)
        _ = self.columns.initialize(fromContentsOf: columns)
        values = .allocate(capacity: columns.count)
        values.initialize(repeating: .null, count: columns.count)
        numbers = .allocate(capacity: columns.count)
        numbers.initialize(repeating: NumberText(), count: columns.count)
        self.pieces = pieces
        records = template.records
        self.names = names
        self.implied = implied
    }

    deinit {
        literals.deallocate()
        instructions.deallocate()
        columns.deallocate()
        values.deallocate()
        numbers.deallocate()
    }

    /// - Parameter keys: those of the row; only records need them.
    func write(_ row: any DatabaseRow, keys: RowKeys?, to text: inout PageText) throws {
        try row.values(UnsafeBufferPointer(columns), into: values)
        guard let literals = literals.baseAddress else { return }
        for instruction in UnsafeBufferPointer(instructions) {
            switch instruction {
            case .text(let start, let end): text.append(padded: literals + start, count: end - start)
            case .int(let slot):
                switch values[slot] {
                case .int(let number): text.append(number, numbers + slot)
                case .null: text.appendNull()
                default: _ = try row.int(columns[slot])
                }
            case .string(let slot):
                guard case .text(let string) = values[slot] else {
                    try RowPiece.string(columns[slot]).write(row, to: &text)
                    continue
                }
                text.appendString(string)
            case .uuid(let slot):
                guard case .text(let digits) = values[slot], text.appendUUID(compact: digits) else {
                    // NULL, or another spelling.
                    try RowPiece.uuid(columns[slot]).write(row, to: &text)
                    continue
                }
            case .collection(let slot, let index):
                guard case .int(let key) = values[slot] else {
                    _ = try row.int(columns[slot])
                    continue
                }
                try names[index].write(key, to: &text)
            case .implied(let index): try write(implied[index], row, to: &text)
            case .piece(let index): try pieces[index].write(row, to: &text)
            case .record(let index): try records[index].write(row, keys: keys, to: &text)
            }
        }
    }

    private func write(_ implied: Implied, _ row: any DatabaseRow, to text: inout PageText) throws {
        if implied.memory.repeats(values) { return text.append(implied.memory.text) }
        let start = text.count
        try implied.keys.writeNew(row, to: &text)
        implied.memory.keep(values, text.bytes(from: start))
    }
}

/// The digits of the number that a column held last.
struct NumberText {
    var number: Int64 = 0
    /// Of the text; 0 for none.
    var count = 0
    var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
}

/// The text that follows from the values of some columns, for as long as they repeat.
private final class RepeatedText {
    /// A value, and where it is among those read for each row.
    private struct Value {
        let slot: Int
        /// The value, or the number of bytes of its text.
        var number: Int64 = 0
        var text: UnsafeMutablePointer<UInt8>?
    }

    private let values: UnsafeMutableBufferPointer<Value>
    /// Empty for none.
    private(set) var text: [UInt8] = []

    init(_ slots: [Int]) {
        values = .allocate(capacity: slots.count)
        _ = values.initialize(from: slots.map { Value(slot: $0) })
    }

    deinit {
        for value in values { value.text?.deallocate() }
        values.deallocate()
    }

    /// Whether the values are those that the text was kept for.
    func repeats(_ row: UnsafeMutablePointer<RowValue>) -> Bool {
        if text.isEmpty { return false }
        for value in values {
            switch row[value.slot] {
            case .int(let number): if number != value.number || value.text != nil { return false }
            case .text(let text):
                guard let known = value.text, let start = text.baseAddress, text.count == value.number,
                    memcmp(start, known, text.count) == 0
                else { return false }
            default: return false
            }
        }
        return true
    }

    func keep(_ row: UnsafeMutablePointer<RowValue>, _ text: [UInt8]) {
        self.text = text
        for index in values.indices {
            values[index].text?.deallocate()
            values[index].text = nil
            switch row[values[index].slot] {
            case .int(let number): values[index].number = number
            case .text(let bytes):
                let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
                _ = copy.initialize(from: bytes)
                values[index].number = Int64(bytes.count)
                values[index].text = copy.baseAddress
            // Never equal to anything.
            default: self.text = []
            }
        }
    }
}
