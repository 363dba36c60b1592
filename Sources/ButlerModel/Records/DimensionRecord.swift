import AstroTime
import StructuredData

/// One row of a dimension element: what is known about a detector, a visit, a patch.
public struct DimensionRecord: Hashable, Sendable {
    public let element: DimensionElement
    /// One value for each of the element's ``DimensionElement/columns``, in their order.
    public let values: [ColumnValue]

    /// - Precondition: `values` has one entry for each column.
    public init(element: DimensionElement, values: [ColumnValue]) {
        precondition(values.count == element.columns.count)
        self.element = element
        self.values = values
    }

    /// The value of a column; `nil` when the element has no such column.
    public subscript(column: String) -> ColumnValue? {
        element.columnIndex(column).map { values[$0] }
    }

    /// The values that identify this record, in the order of ``DimensionElement/required``.
    public var requiredValues: [DataIDValue] {
        values.prefix(element.required.count).compactMap(\.dataIDValue)
    }

    /// The value this record gives for a dimension that its element requires or implies.
    public func value(ofDimension position: Int) -> DataIDValue? {
        if let index = element.required.firstIndex(of: position) { return values[index].dataIDValue }
        guard let index = element.implied.firstIndex(of: position) else { return nil }
        return values[element.required.count + index].dataIDValue
    }

    public var timespan: Timespan? {
        guard let index = element.timespanColumn, case .timespan(let span) = values[index] else { return nil }
        return span
    }

    public var region: EncodedRegion? {
        guard let index = element.regionColumn, case .region(let region) = values[index] else { return nil }
        return region
    }
}

// MARK: - Building

extension DimensionRecord {
    /// The record with these named values; columns that are not named are null. Whole numbers in text become numbers where a
    /// column has such.
    /// - Throws: ``ButlerError`` of kind `malformedModel` for an unknown column, a value of the wrong type or a required or
    ///   implied dimension without a value.
    public init(_ element: DimensionElement, _ named: [String: ColumnValue]) throws(ButlerError) {
        var values = [ColumnValue](repeating: .null, count: element.columns.count)
        for (name, value) in named {
            guard let index = element.columnIndex(name) else {
                let known = element.columns.map(\.name).joined(separator: ", ")
                throw ButlerError(
                    .malformedModel, "Dimension element '\(element.name)' has no column '\(name)'; it has \(known).")
            }
            values[index] = value.converted(to: element.columns[index].type)
        }
        for (column, value) in zip(element.columns, values) {
            guard value.fits(column.type) else {
                throw ButlerError(
                    .malformedModel,
                    "\(Self.name(element, values)) has \(value.quoted) for '\(column.name)', which must be "
                        + "\(column.type.words).")
            }
            switch column.role {
            case .required, .implied:
                guard !value.isNull else {
                    throw ButlerError(
                        .malformedModel, "\(Self.name(element, values)) needs a value for '\(column.name)'.")
                }
            // Databases allow NULL for other keys, and Python makes such records.
            case .alternateKey, .metadata, .region, .timespan: break
            }
        }
        self.init(element: element, values: values)
    }

    /// What a message calls a record: its element and what is known of its data ID.
    private static func name(_ element: DimensionElement, _ values: [ColumnValue]) -> String {
        let known = zip(element.columns, values).prefix(element.required.count).filter { !$1.isNull }
        let text = known.map { "\($0.name): \($1.quoted)" }.joined(separator: ", ")
        return "A record of '\(element.name)'" + (text.isEmpty ? "" : " {\(text)}")
    }
}

extension ColumnValue {
    /// Whether this value can be stored in a column of that type; null always can.
    func fits(_ type: ElementColumnType) -> Bool {
        switch (self, type) {
        case (.null, _), (.bool, .bool), (.int, .int), (.float, .float), (.int, .float), (.string, .string),
            (.hash, .hash), (.uuid, .uuid), (.region, .region), (.timespan, .timespan), (.datetime, .datetime):
            true
        default: false
        }
    }

    fileprivate func converted(to type: ElementColumnType) -> ColumnValue {
        guard case .string(let text) = self, type == .int, let number = Int64(text) else { return self }
        return .int(number)
    }

    fileprivate var quoted: String {
        switch self {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .int(let number): "\(number)"
        case .float(let number): "\(number)"
        case .string(let text): DataIDValue.string(text).quotedDescription
        case .hash(let bytes): "\(bytes.count) bytes"
        case .uuid(let id): "the identifier \(id)"
        case .region: "a region"
        case .timespan: "a timespan"
        case .datetime: "a time"
        }
    }
}

extension ElementColumnType {
    fileprivate var words: String {
        switch self {
        case .int: "a whole number"
        case .string: "text"
        case .float: "a number"
        case .bool: "true or false"
        case .hash: "bytes"
        case .uuid: "a UUID"
        case .region: "a region"
        case .timespan: "a timespan"
        case .datetime: "a time"
        }
    }
}

// MARK: - Wire form

extension DimensionRecord {
    /// `{"definition": element, "record": {column: value…}}`, with every column of the universe, null ones included.
    public var wire: StructuredValue {
        var fields = StructuredMapping()
        for (column, value) in zip(element.columns, values) { fields[column.name] = value.wire }
        return .object(["definition": .string(element.name), "record": .object(fields)])
    }

    /// - Throws: ``ButlerError`` when the element is unknown or a column is missing, superfluous or of another type.
    public init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        let element = try universe.requireElement(try reader.required("definition").string())
        let fields = try reader.required("record")
        var values = [ColumnValue](repeating: .null, count: element.columns.count)
        var seen = 0
        for (name, member) in try fields.members() {
            guard let index = element.columnIndex(name) else {
                throw fields.failure("has the unknown column '\(name)'")
            }
            values[index] = try ColumnValue(wire: member, type: element.columns[index].type)
            seen += 1
        }
        guard seen == element.columns.count else { throw fields.failure("lacks columns of '\(element.name)'") }
        self.init(element: element, values: values)
    }
}
