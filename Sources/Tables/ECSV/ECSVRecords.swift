/// Splits the rows of an ECSV file into cells, by the rules of Python's `csv` as astropy uses it: blanks after a delimiter
/// do not count, double quotes hold anything and stand doubled for themselves.
///
/// Lines with only blanks, and lines that begin with `#`, are skipped between rows.
struct ECSVRecords {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let delimiter: UInt8
    private var index: Int
    /// The line that `index` is in, from 1.
    private(set) var line: Int
    /// The line that the last row began in.
    private(set) var rowLine: Int
    /// The text of the last row's cells without quotes, and where each ends.
    private(set) var text: [UInt8] = []
    private(set) var ends: [Int] = []

    init(_ bytes: UnsafeBufferPointer<UInt8>, from index: Int, line: Int, delimiter: UInt8) {
        self.bytes = bytes
        self.index = index
        self.line = line
        self.delimiter = delimiter
        rowLine = line
    }

    private static let quote = UInt8(ascii: "\"")

    private func isBreak(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }
    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0B || byte == 0x0C }

    private mutating func skipBlanks() {
        while index < bytes.count, isBlank(bytes[index]) { index += 1 }
    }

    private mutating func skipBreak() {
        guard index < bytes.count, isBreak(bytes[index]) else { return }
        if bytes[index] == 0x0D, index + 1 < bytes.count, bytes[index + 1] == 0x0A { index += 1 }
        index += 1
        line += 1
    }

    /// Reads the next row into `text` and `ends`; false at the end.
    mutating func next() throws(TableError) -> Bool {
        while true {
            skipBlanks()
            guard index < bytes.count else { return false }
            if isBreak(bytes[index]) {
                skipBreak()
            } else if bytes[index] == UInt8(ascii: "#") {
                while index < bytes.count, !isBreak(bytes[index]) { index += 1 }
            } else {
                break
            }
        }
        rowLine = line
        text.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        while true {
            try cell()
            skipBlanksAtLineEnd()
            guard index < bytes.count, !isBreak(bytes[index]) else { break }
            // Only a delimiter can stand here.
            index += 1
            skipBlanks()
            if delimiter == UInt8(ascii: " "), index >= bytes.count || isBreak(bytes[index]) { break }
        }
        skipBreak()
        return true
    }

    /// With blanks as delimiters, blanks at the end of a line do not begin another cell.
    private mutating func skipBlanksAtLineEnd() {
        var end = index
        while end < bytes.count, isBlank(bytes[end]) { end += 1 }
        if end == bytes.count || isBreak(bytes[end]) { index = end }
    }

    private mutating func cell() throws(TableError) {
        let start = text.count
        var contentEnd = start
        if index < bytes.count, bytes[index] == Self.quote {
            try quoted()
            contentEnd = text.count
        }
        while index < bytes.count, bytes[index] != delimiter, !isBreak(bytes[index]) {
            text.append(bytes[index])
            if !isBlank(bytes[index]) { contentEnd = text.count }
            index += 1
        }
        text.removeLast(text.count - contentEnd)
        ends.append(contentEnd)
    }

    /// Reads what stands between quotes; `index` is at the first.
    private mutating func quoted() throws(TableError) {
        let begun = line
        index += 1
        while index < bytes.count {
            let byte = bytes[index]
            if byte == Self.quote {
                index += 1
                guard index < bytes.count, bytes[index] == Self.quote else { return }
            } else if byte == 0x0A || (byte == 0x0D && !(index + 1 < bytes.count && bytes[index + 1] == 0x0A)) {
                line += 1
            }
            text.append(byte)
            index += 1
        }
        throw .malformedECSV(line: begun, reason: "the quotes that open here are never closed")
    }
}
