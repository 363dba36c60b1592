/// The cells of a column while a VOTable is read.
struct VOTableColumnBuilder {
    struct BadCell: Error {
        let reason: String
    }

    let field: VOTableField
    private var integers: [Int64] = []
    private var numbers: [Double] = []
    private var texts = VariableValues()
    private var validity: [Bool] = []

    init(_ field: VOTableField) { self.field = field }

    private var count: Int { field.count ?? 1 }

    /// A cell that is not there.
    mutating func appendNull() {
        switch field.datatype {
        case .char, .unicodeChar:
            texts.append([])
            validity.append(false)
        case .float, .double:
            for _ in 0..<count { numbers.append(.nan) }
            for _ in 0..<count { validity.append(false) }
        default:
            for _ in 0..<count { integers.append(0) }
            for _ in 0..<count { validity.append(false) }
        }
    }

    // MARK: Text

    /// What a TD holds.
    mutating func append(text: [UInt8]) throws(BadCell) {
        if field.datatype.isText {
            texts.append(text)
            validity.append(true)
            return
        }
        let words = text.split { [9, 10, 13, 32].contains($0) }
        if words.isEmpty { return appendNull() }
        guard words.count == count else { throw BadCell(reason: "\(words.count) values, not \(count)") }
        for word in words { try append(word: String(decoding: word, as: UTF8.self)) }
    }

    private mutating func append(word: String) throws(BadCell) {
        let isNull = word == field.null
        switch field.datatype {
        case .boolean, .bit:
            switch word.lowercased() {
            case "t", "true", "1": appendInteger(1, isNull)
            case "f", "false", "0": appendInteger(0, isNull)
            case "?": appendInteger(0, true)
            default: throw BadCell(reason: "'\(word)' is neither true nor false")
            }
        case .float, .double:
            guard let number = Double(word) else { throw BadCell(reason: "'\(word)' is no number") }
            appendNumber(number, isNull)
        default:
            let isHexadecimal = word.lowercased().hasPrefix("0x")
            let found = isHexadecimal ? Int64(word.dropFirst(2), radix: 16) : Int64(word)
            guard let number = found, range.contains(number) else {
                throw BadCell(reason: "'\(word)' is no \(field.datatype.rawValue)")
            }
            appendInteger(number, isNull)
        }
    }

    private var range: ClosedRange<Int64> {
        switch field.datatype {
        case .unsignedByte: 0...255
        case .short: Int64(Int16.min)...Int64(Int16.max)
        case .int: Int64(Int32.min)...Int64(Int32.max)
        default: Int64.min...Int64.max
        }
    }

    private mutating func appendInteger(_ number: Int64, _ isNull: Bool) {
        integers.append(number)
        validity.append(!isNull)
    }

    private mutating func appendNumber(_ number: Double, _ isNull: Bool) {
        numbers.append(number)
        validity.append(!isNull)
    }

    // MARK: Binary

    /// A cell of binary data, which `take` gives the next bytes of.
    mutating func append(
        isNull: Bool, _ take: (Int) throws(BadCell) -> ArraySlice<UInt8>
    ) throws(BadCell) {
        var count = self.count
        if field.count == nil { count = Int(Self.bigEndian(try take(4))) }
        let bytes = try take(count * field.datatype.width)
        if isNull { return appendNull() }
        switch field.datatype {
        case .char:
            texts.append(bytes.prefix { $0 != 0 })
            validity.append(true)
        case .unicodeChar:
            var units: [UInt16] = []
            for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 2) {
                units.append(UInt16(bytes[start]) << 8 | UInt16(bytes[start + 1]))
            }
            texts.append(String(decoding: units.prefix { $0 != 0 }, as: UTF16.self).utf8)
            validity.append(true)
        default:
            let null = field.null.flatMap { Int64($0) }
            for number in 0..<count {
                let start = bytes.startIndex + number * field.datatype.width
                let bits = Self.bigEndian(bytes[start..<(start + field.datatype.width)])
                switch field.datatype {
                case .float: appendNumber(Double(Float(bitPattern: UInt32(bits))), false)
                case .double: appendNumber(Double(bitPattern: bits), false)
                // The standard and astropy have it in different bits of the byte.
                case .bit: appendInteger(bits == 0 ? 0 : 1, false)
                case .boolean:
                    switch UnicodeScalar(UInt8(bits)) {
                    case "T", "t", "1": appendInteger(1, false)
                    case "F", "f", "0": appendInteger(0, false)
                    case " ", "?", "\0": appendInteger(0, true)
                    default: throw BadCell(reason: "byte \(bits) is neither true nor false")
                    }
                case .short:
                    let value = Int64(Int16(truncatingIfNeeded: bits))
                    appendInteger(value, value == null)
                case .int:
                    let value = Int64(Int32(truncatingIfNeeded: bits))
                    appendInteger(value, value == null)
                default:
                    let value = Int64(bitPattern: bits)
                    appendInteger(value, value == null)
                }
            }
        }
    }

    private static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    // MARK: Result

    func column() throws(TableError) -> TableColumn {
        let values: ColumnValues =
            switch field.datatype {
            case .boolean, .bit: .bool(integers.map { $0 != 0 })
            case .unsignedByte: .uint8(integers.map { UInt8(truncatingIfNeeded: $0) })
            case .short: .int16(integers.map { Int16(truncatingIfNeeded: $0) })
            case .int: .int32(integers.map { Int32(truncatingIfNeeded: $0) })
            case .long: .int64(integers)
            case .float: .float(numbers.map { Float($0) })
            case .double: .double(numbers)
            case .char, .unicodeChar: .string(texts)
            }
        return try TableColumn(
            field.name, values, validity: validity, shape: field.shape, unit: field.unit,
            description: field.description)
    }
}
