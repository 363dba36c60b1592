/// A column of a VOTable, as its FIELD describes it. Source: VOTable 1.4, sections 2 and 4.1.
struct VOTableField {
    enum Datatype: String {
        case boolean, bit, unsignedByte, short, int, long, float, double, char, unicodeChar

        /// Bytes of one value in binary data.
        var width: Int {
            switch self {
            case .boolean, .bit, .unsignedByte, .char: 1
            case .short, .unicodeChar: 2
            case .int, .float: 4
            case .long, .double: 8
            }
        }

        var isText: Bool { self == .char || self == .unicodeChar }
    }

    let name: String
    let datatype: Datatype
    /// Values in a cell; `nil` where each cell says how many.
    let count: Int?
    /// Of numbers, the outermost dimension first; none for single values.
    let shape: [Int]
    let unit: String?
    var description: String?
    /// The text that stands for a value that is not there.
    var null: String?

    /// - Throws: ``TableError/unsupportedType(column:type:)``.
    init(_ attributes: [String: String]) throws(TableError) {
        // Astropy goes by identifiers, and makes one of the name where there is none.
        let given = attributes["ID"] ?? attributes["name"] ?? ""
        name = Self.identifier(given)
        unit = attributes["unit"].flatMap { $0.isEmpty ? nil : $0 }
        let type = attributes["datatype"] ?? ""
        let size = attributes["arraysize"] ?? ""
        let unsupported = TableError.unsupportedType(column: name, type: size.isEmpty ? type : "\(type)[\(size)]")
        guard let datatype = Datatype(rawValue: type) else { throw unsupported }
        self.datatype = datatype
        let isVariable = size.hasSuffix("*")
        let dimensions = (isVariable ? size.dropLast() : Substring(size)).split(separator: "x").map { Int($0) }
        guard dimensions.allSatisfy({ $0.map { $0 > 0 } ?? false }) else { throw unsupported }
        let lengths = dimensions.compactMap { $0 }
        if datatype.isText {
            guard lengths.count <= 1 else { throw unsupported }
            count = isVariable ? nil : lengths.first ?? 1
            shape = []
        } else {
            guard !isVariable, let product = TableColumn.product(lengths) else { throw unsupported }
            // Several of them share bytes.
            guard datatype != .bit || product == 1 else { throw unsupported }
            count = product
            shape = lengths == [1] ? [] : lengths.reversed()
        }
    }

    /// A name made fit for an identifier of XML, as astropy makes it.
    private static func identifier(_ name: String) -> String {
        var result = ""
        for (position, scalar) in name.unicodeScalars.enumerated() {
            let isLetter = scalar.isASCII && scalar.properties.isAlphabetic || scalar == "_"
            let isInner = isLetter || ("0"..."9").contains(scalar) || scalar == "." || scalar == "-"
            if position == 0, !isLetter {
                // A wrong first character gets one more before it, and becomes one itself.
                result += "_" + (isInner ? String(scalar) : "_")
            } else {
                result.unicodeScalars.append(isInner ? scalar : "_")
            }
        }
        return result
    }
}
