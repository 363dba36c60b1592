/// The cells of a table column, row after row; `FITSColumn.elementsPerRow` values a row.
public enum FITSColumnValues: Sendable, Hashable {
    case bool([Bool])
    case int8([Int8])
    case uint8([UInt8])
    case int16([Int16])
    case uint16([UInt16])
    case int32([Int32])
    case uint32([UInt32])
    case int64([Int64])
    case uint64([UInt64])
    case float([Float])
    case double([Double])
    /// ASCII text of at most `width` characters; trailing blanks are dropped.
    case string([String], width: Int)
    /// A column that cannot be read (complex numbers, bits, arrays of variable length): its `TFORM` text. Such a table
    /// cannot be written.
    case unsupported(format: String)

    public var count: Int? {
        switch self {
        case .bool(let cells): cells.count
        case .int8(let cells): cells.count
        case .uint8(let cells): cells.count
        case .int16(let cells): cells.count
        case .uint16(let cells): cells.count
        case .int32(let cells): cells.count
        case .uint32(let cells): cells.count
        case .int64(let cells): cells.count
        case .uint64(let cells): cells.count
        case .float(let cells): cells.count
        case .double(let cells): cells.count
        case .string(let cells, _): cells.count
        case .unsupported: nil
        }
    }
}

/// A column of a table.
public struct FITSColumn: Sendable, Hashable {
    public var name: String
    /// `TUNIT`; empty if there is none.
    public var unit: String
    public var elementsPerRow: Int
    public var values: FITSColumnValues

    public init(_ name: String, _ values: FITSColumnValues, unit: String = "", elementsPerRow: Int = 1) {
        self.name = name
        self.unit = unit
        self.elementsPerRow = elementsPerRow
        self.values = values
    }
}

/// A binary table (ASCII tables are read too and become binary ones when written).
public struct FITSTable: Sendable, Hashable {
    public let rowCount: Int
    public let columns: [FITSColumn]

    /// - Throws: `FITSError.invalidContent` when a column does not have `rowCount * elementsPerRow` cells.
    public init(rowCount: Int, columns: [FITSColumn]) throws(FITSError) {
        for column in columns {
            let (expected, overflow) = rowCount.multipliedReportingOverflow(by: column.elementsPerRow)
            guard rowCount >= 0, column.elementsPerRow >= 0, !overflow, column.values.count ?? expected == expected
            else {
                throw .invalidContent(
                    what: "table column '\(column.name)'",
                    reason: "it has \(column.values.count ?? 0) cells for \(rowCount) rows of \(column.elementsPerRow)")
            }
        }
        self.rowCount = rowCount
        self.columns = columns
    }

    /// The first column with this name (letter case does not matter).
    public subscript(name: String) -> FITSColumn? {
        columns.first { $0.name.lowercased() == name.lowercased() }
    }
}
