import AstroTime
import ButlerModel
import ByteText
import StructuredData

// The wire form of expressions. Source: remote Butler protocol reference, section 7.3.

extension QueryLiteral {
    public var wire: StructuredValue {
        func node(_ members: (String, StructuredValue)...) -> StructuredValue {
            .object(StructuredMapping([("expression_type", .string(type.rawValue))] + members))
        }
        return switch self {
        case .int(let number): node(("value", .int(number)))
        case .string(let text): node(("value", .string(text)))
        case .float(let number): node(("value", .float(number)))
        case .hash(let bytes): node(("encoded", .string(Base64.encode(bytes))))
        case .uuid(let id): node(("value", .string(id.description)))
        case .datetime(let time): node(("nsec", .int(time.rawValue)))
        case .timespan(let span):
            node(("begin_nsec", .int(span.begin.rawValue)), ("end_nsec", .int(span.end.rawValue)))
        case .region(let region): node(("encoded", .string(Base64.encode(region.bytes))))
        }
    }

    /// - Throws: `ButlerError` of kind `malformedModel` that names the path.
    public init(wire reader: DocumentReader) throws(ButlerError) {
        let type = try reader.required("expression_type").string()
        guard let literal = try Self.decode(reader, type: type) else {
            throw reader.failure("has the type '\(type)', which is no literal")
        }
        self = literal
    }

    /// `nil` when the type is not that of a literal.
    static func decode(_ reader: DocumentReader, type: String) throws(ButlerError) -> QueryLiteral? {
        switch type {
        case "int": .int(try reader.required("value").looseInt64())
        case "string": .string(try reader.required("value").string())
        case "float": .float(try reader.required("value").looseDouble())
        case "hash": .hash(try reader.required("encoded").base64())
        case "uuid":
            .uuid(try reader.required("value").datasetID())
        case "datetime": .datetime(TAINanoseconds(rawValue: try reader.required("nsec").int64()))
        case "timespan":
            .timespan(
                Timespan(
                    storedNanoseconds: try reader.required("begin_nsec").int64(),
                    try reader.required("end_nsec").int64()))
        case "region": .region(try reader.required("encoded").region())
        default: nil
        }
    }
}

extension ColumnReference {
    var wire: StructuredValue {
        switch self {
        case .dimensionKey(let dimension):
            .object(["expression_type": "dimension_key", "dimension": .string(dimension.name)])
        case .dimensionField(let element, let column):
            .object([
                "expression_type": "dimension_field", "element": .string(element.name),
                "field": .string(element.columns[column].name),
            ])
        case .datasetField(let datasetType, let field):
            .object([
                "expression_type": "dataset_field",
                "dataset_type": datasetType == DatasetSearch.anyType ? .int(-1) : .string(datasetType),
                "field": .string(field.rawValue),
            ])
        }
    }

    /// `nil` when the type is not that of a column.
    static func decode(
        _ reader: DocumentReader, type: String, universe: DimensionUniverse
    ) throws(ButlerError) -> ColumnReference? {
        switch type {
        case "dimension_key":
            return .dimensionKey(try reader.required("dimension").dimension(universe))
        case "dimension_field":
            let element = try universe.requireElement(try reader.required("element").string())
            return try .field(try reader.required("field").string(), of: element)
        case "dataset_field":
            let typeReader = try reader.required("dataset_type")
            let datasetType = typeReader.value == .int(-1) ? DatasetSearch.anyType : try typeReader.string()
            return .datasetField(datasetType: datasetType, try reader.required("field").datasetField())
        default: return nil
        }
    }

    init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        let type = try reader.required("expression_type").string()
        guard let column = try Self.decode(reader, type: type, universe: universe) else {
            throw reader.failure("has the type '\(type)', which is no column")
        }
        self = column
    }
}

extension ColumnExpression {
    public var wire: StructuredValue {
        switch self {
        case .literal(let literal): literal.wire
        case .column(let column): column.wire
        case .negated(let operand):
            .object(["expression_type": "unary", "operand": operand.wire, "operator": "-"])
        case .bound(let bound, let operand):
            .object(["expression_type": "unary", "operand": operand.wire, "operator": .string(bound.rawValue)])
        case .arithmetic(let operation, let a, let b):
            .object([
                "expression_type": "binary", "a": a.wire, "b": b.wire, "operator": .string(operation.rawValue),
            ])
        }
    }

    public init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        let type = try reader.required("expression_type").string()
        if let literal = try QueryLiteral.decode(reader, type: type) {
            self = .literal(literal)
            return
        }
        if let column = try ColumnReference.decode(reader, type: type, universe: universe) {
            self = .column(column)
            return
        }
        switch type {
        case "unary":
            let operand = try ColumnExpression(wire: try reader.required("operand"), universe: universe)
            let name = try reader.required("operator").string()
            if name == "-" {
                self = try .negative(operand)
            } else if let bound = TimespanBound(rawValue: name) {
                self = try .bound(bound, of: operand)
            } else {
                throw reader.failure("has the unknown operator '\(name)'")
            }
        case "binary":
            let name = try reader.required("operator").string()
            guard let operation = ArithmeticOperator(rawValue: name) else {
                throw reader.failure("has the unknown operator '\(name)'")
            }
            self = try .combining(
                try ColumnExpression(wire: try reader.required("a"), universe: universe), operation,
                try ColumnExpression(wire: try reader.required("b"), universe: universe))
        default: throw reader.failure("has the unknown type '\(type)'")
        }
    }
}

extension OrderTerm {
    public var wire: StructuredValue {
        isDescending ? .object(["expression_type": "reversed", "operand": expression.wire]) : expression.wire
    }

    public init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        if try reader.required("expression_type").string() == "reversed" {
            try self.init(
                try ColumnExpression(wire: try reader.required("operand"), universe: universe), isDescending: true)
        } else {
            try self.init(try ColumnExpression(wire: reader, universe: universe))
        }
    }
}

// MARK: - Scalars

extension DocumentReader {
    /// A whole number, also one written as text, as clients may send it.
    func looseInt64() throws(ButlerError) -> Int64 {
        switch value {
        case .string(let text):
            guard let number = Int64(text) else { throw failure("must be a whole number, not the text '\(text)'") }
            return number
        case .bool(let flag): return flag ? 1 : 0
        default: return try int64()
        }
    }

    /// A number, also one written as text. JSON has no spelling for NaN, for which clients send null or text.
    func looseDouble() throws(ButlerError) -> Double {
        if let number = value.numberValue { return number }
        guard case .string(let text) = value, let number = Double(text) else { throw failure("must be a number") }
        return number
    }

    func base64() throws(ButlerError) -> [UInt8] {
        guard let bytes = Array(try string().utf8).withUnsafeBufferPointer({ Base64.decode($0) }) else {
            throw failure("must be base64 text")
        }
        return bytes
    }

    /// A region that can be decoded.
    func region() throws(ButlerError) -> EncodedRegion {
        let region = EncodedRegion(bytes: try base64())
        do {
            _ = try region.decoded()
        } catch let error {
            throw ButlerError(.invalidQuery, "\(path) is no region: \(error)")
        }
        return region
    }

    func datasetID() throws(ButlerError) -> DatasetID {
        guard let id = DatasetID(try string()) else { throw failure("must be a UUID") }
        return id
    }

    func dimension(_ universe: DimensionUniverse) throws(ButlerError) -> DimensionElement {
        let name = try string()
        guard let element = universe.element(name), element.isDimension else {
            throw ButlerError(.dimensionName, "No dimension with name '\(name)' (\(path)).")
        }
        return element
    }

    func group(_ universe: DimensionUniverse) throws(ButlerError) -> DimensionGroup {
        try universe.group(try strings())
    }

    func datasetField() throws(ButlerError) -> DatasetField {
        let name = try string()
        guard let field = DatasetField(rawValue: name) else { throw failure("names the unknown dataset field '\(name)'") }
        return field
    }
}
