import StructuredData

/// Collects the cells of one ECSV column.
protocol ECSVCells: AnyObject {
    /// Appends the cell that a text stands for; false when it is none.
    func append(_ text: UnsafeBufferPointer<UInt8>) -> Bool
    func appendNull()
    var values: ColumnValues { get }
}

/// Cells of a fixed size.
private final class FixedCells<Cell>: ECSVCells {
    private var cells: [Cell] = []
    private let null: Cell
    private let parse: (UnsafeBufferPointer<UInt8>) -> Cell?
    private let wrap: ([Cell]) -> ColumnValues

    init(
        _ null: Cell, _ wrap: @escaping ([Cell]) -> ColumnValues,
        _ parse: @escaping (UnsafeBufferPointer<UInt8>) -> Cell?
    ) {
        self.null = null
        self.parse = parse
        self.wrap = wrap
    }

    func append(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let cell = parse(text) else { return false }
        cells.append(cell)
        return true
    }

    func appendNull() { cells.append(null) }
    var values: ColumnValues { wrap(cells) }
}

/// Texts.
private final class TextCells: ECSVCells {
    private var cells = VariableValues()

    func append(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        cells.append(text)
        return true
    }

    func appendNull() { cells.append([]) }
    var values: ColumnValues { .string(cells) }
}

enum ECSVTypes {
    /// Something that collects cells of a type by its ECSV or numpy name; `nil` for a type that tables do not hold.
    ///
    /// 16-bit floating-point numbers become 32-bit ones, which hold them exactly.
    static func cells(_ name: String) -> (any ECSVCells)? {
        switch name {
        case "bool": return FixedCells(false, ColumnValues.bool, boolean)
        case "int8": return FixedCells(0, ColumnValues.int8, integer)
        case "int16": return FixedCells(0, ColumnValues.int16, integer)
        case "int32": return FixedCells(0, ColumnValues.int32, integer)
        case "int64": return FixedCells(0, ColumnValues.int64, integer)
        case "uint8": return FixedCells(0, ColumnValues.uint8, integer)
        case "uint16": return FixedCells(0, ColumnValues.uint16, integer)
        case "uint32": return FixedCells(0, ColumnValues.uint32, integer)
        case "uint64": return FixedCells(0, ColumnValues.uint64, integer)
        case "float16", "float32": return FixedCells(0, ColumnValues.float, { decimal($0, Float.init) })
        case "float64": return FixedCells(0, ColumnValues.double, { decimal($0, Double.init) })
        case "string", "str": return TextCells()
        default:
            guard let unit = TimestampType.Unit.allCases.first(where: { name == "datetime64[\($0.rawValue)]" }) else {
                return nil
            }
            return FixedCells(
                0, { ColumnValues.timestamp($0, TimestampType(unit)) }, { CivilTime.parse($0, unit) })
        }
    }

    private static func equals(_ text: UnsafeBufferPointer<UInt8>, _ word: StaticString) -> Bool {
        text.count == word.utf8CodeUnitCount
            && text.indices.allSatisfy { text[$0] == word.utf8Start[$0] }
    }

    private static func boolean(_ text: UnsafeBufferPointer<UInt8>) -> Bool? {
        if equals(text, "True") || equals(text, "true") || equals(text, "1") { return true }
        if equals(text, "False") || equals(text, "false") || equals(text, "0") { return false }
        return nil
    }

    private static func integer<Number: FixedWidthInteger>(_ text: UnsafeBufferPointer<UInt8>) -> Number? {
        var index = 0
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative || text.first == UInt8(ascii: "+") { index = 1 }
        guard index < text.count else { return nil }
        var number: Number = 0
        while index < text.count {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) =
                isNegative
                ? product.subtractingReportingOverflow(Number(digit)) : product.addingReportingOverflow(Number(digit))
            guard !overflow, !carry else { return nil }
            number = sum
            index += 1
        }
        return number
    }

    /// A number as Python or JSON writes it. Swift would also take hexadecimal ones and payloads of NaN.
    private static func decimal<Number: FloatingPoint>(
        _ text: UnsafeBufferPointer<UInt8>, _ parse: (String) -> Number?
    ) -> Number? {
        var body = text[...]
        let isNegative = body.first == UInt8(ascii: "-")
        if isNegative || body.first == UInt8(ascii: "+") { body = body.dropFirst() }
        guard let first = body.first else { return nil }
        if first == UInt8(ascii: ".") || (first &- UInt8(ascii: "0")) < 10 {
            guard !body.contains(where: { $0 == UInt8(ascii: "x") || $0 == UInt8(ascii: "X") }) else { return nil }
            return parse(String(decoding: text, as: UTF8.self))
        }
        switch String(decoding: body, as: UTF8.self).lowercased() {
        case "nan": return .nan
        case "inf", "infinity": return isNegative ? -.infinity : .infinity
        default: return nil
        }
    }
}

/// Reads the JSON list in a cell of fixed-size lists, leaf by leaf.
struct ECSVList {
    private let text: UnsafeBufferPointer<UInt8>
    private var index = 0

    /// Reads a list of this shape.
    ///
    /// - Parameter leaf: gets each scalar, unquoted, or `nil` for `null`; answers whether it could use it.
    /// - Returns: what is wrong, or `nil`.
    static func read(
        _ text: UnsafeBufferPointer<UInt8>, shape: ArraySlice<Int>, leaf: (UnsafeBufferPointer<UInt8>?) -> Bool
    ) -> String? {
        var list = ECSVList(text: text)
        if let problem = list.level(shape, leaf) { return problem }
        list.skipBlanks()
        return list.index == text.count ? nil : "something follows the list"
    }

    private init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

    private mutating func skipBlanks() {
        while index < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[index]) { index += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard index < text.count, text[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func level(
        _ shape: ArraySlice<Int>, _ leaf: (UnsafeBufferPointer<UInt8>?) -> Bool
    ) -> String? {
        guard let length = shape.first else { return scalar(leaf) }
        guard skip(UInt8(ascii: "[")) else { return "a list of \(length) is missing" }
        for position in 0..<length {
            if position > 0, !skip(UInt8(ascii: ",")) { return "a list has fewer than \(length) items" }
            if let problem = level(shape.dropFirst(), leaf) { return problem }
        }
        return skip(UInt8(ascii: "]")) ? nil : "a list does not end after \(length) items"
    }

    private mutating func scalar(_ leaf: (UnsafeBufferPointer<UInt8>?) -> Bool) -> String? {
        skipBlanks()
        let start = index
        if index < text.count, text[index] == UInt8(ascii: "\"") {
            index += 1
            while index < text.count, text[index] != UInt8(ascii: "\"") {
                index += text[index] == UInt8(ascii: "\\") ? 2 : 1
            }
            guard index < text.count else { return "a text in it does not end" }
            index += 1
            guard let string = try? StructuredValue(json: text[start..<index]).stringValue else {
                return "a text in it is not usable"
            }
            return Array(string.utf8).withUnsafeBufferPointer(leaf) ? nil : "'\(string)' is not of the column's type"
        }
        while index < text.count, ![0x2C, 0x5D, 0x5B, 0x20, 0x09, 0x0A, 0x0D].contains(text[index]) { index += 1 }
        let token = UnsafeBufferPointer(rebasing: text[start..<index])
        guard !token.isEmpty else { return "an item is missing" }
        if token.elementsEqual("null".utf8) { return leaf(nil) ? nil : "null is not allowed" }
        return leaf(token) ? nil : "'\(String(decoding: token, as: UTF8.self))' is not of the column's type"
    }
}
