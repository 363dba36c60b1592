import StructuredData

/// A named column of a table.
public struct TableColumn: Sendable {
    /// As it stands in files; a name of several levels is written as pandas writes it (`PandasLayout`).
    public private(set) var name: String
    public private(set) var values: ColumnValues
    /// One flag for each cell, `false` where there is none (null, masked); `nil` when every cell is there. What `values`
    /// holds at a null has no meaning.
    public private(set) var validity: [Bool]?
    /// The dimensions of the list in each row, outermost first; empty for single values.
    public private(set) var shape: [Int]
    /// A unit by its name in astropy, such as `deg` or `km / s`.
    public var unit: String?
    public var description: String?
    /// How astropy prints a value, such as `%.2f`.
    public var format: String?
    /// What else astropy keeps with a column.
    public var metadata: StructuredMapping
    /// Key and value pairs of the Arrow field but unit and description; text, or bytes where it is none.
    public var fieldMetadata: StructuredMapping
    /// For text and bytes: the length that numpy's type had, which may be longer than the longest value.
    public var width: Int?
    /// For text and bytes: whether Arrow keeps them with 64-bit offsets, as pandas does; longer columns always are.
    public var isLarge = false
    /// For a column of JSON texts in ECSV: what they hold, `json` for any value or `int64[null]` for lists of different
    /// lengths.
    public var jsonType: String?

    /// - Parameter validity: without a `false` it is the same as `nil`.
    /// - Throws: `TableError.invalidColumn` when the numbers of cells and flags differ, a dimension is negative, the
    ///   cells are no multiple of the shape, or text is not UTF-8.
    public init(
        _ name: String, _ values: ColumnValues, validity: [Bool]? = nil, shape: [Int] = [], unit: String? = nil,
        description: String? = nil
    ) throws(TableError) {
        self.name = name
        self.values = values
        self.validity = validity?.contains(false) == true ? validity : nil
        self.shape = shape
        self.unit = unit
        self.description = description
        metadata = [:]
        fieldMetadata = [:]
        if let validity, validity.count != values.count {
            throw .invalidColumn(name: name, reason: "it has \(values.count) cells and \(validity.count) null flags")
        }
        guard let perRow = Self.product(shape) else {
            throw .invalidColumn(name: name, reason: "its shape \(shape) is not usable")
        }
        if perRow == 0 ? values.count != 0 : values.count % perRow != 0 {
            throw .invalidColumn(name: name, reason: "its \(values.count) cells do not make rows of \(perRow)")
        }
        if case .string(let texts) = values, let row = texts.firstInvalidText {
            throw .invalidColumn(name: name, reason: "its cell \(row) is not UTF-8 text; keep it as bytes")
        }
    }

    /// The number of cells in a row of this shape; `nil` for an impossible shape.
    public static func product(_ shape: [Int]) -> Int? {
        var product = 1
        for dimension in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
            guard dimension >= 0, !overflow else { return nil }
            product = next
        }
        return product
    }

    /// Cells in a row: 1 for single values.
    public var cellsPerRow: Int { shape.reduce(1, *) }

    /// `nil` when rows have no cells, so that any number of them may be there.
    public var rowCount: Int? { cellsPerRow == 0 ? nil : values.count / cellsPerRow }

    public var type: ColumnType { values.type }

    public func isNull(_ cell: Int) -> Bool { validity.map { !$0[cell] } ?? false }

    public var nullCount: Int { validity?.count { !$0 } ?? 0 }

    /// The same column under another name.
    public func renamed(_ name: String) -> TableColumn {
        var copy = self
        copy.name = name
        return copy
    }

    /// The same column with other cells of its type; as many flags, if any, as cells.
    func replacing(_ values: ColumnValues, _ validity: [Bool]?) -> TableColumn {
        var copy = self
        copy.values = values
        copy.validity = validity?.contains(false) == true ? validity : nil
        return copy
    }

    /// The column without its rows.
    public var withoutRows: TableColumn {
        var copy = self
        copy.values = values.emptied
        copy.validity = nil
        return copy
    }
}
