import FITS
import Tables

extension TableColumn {
    /// A column of a FITS table with the cells as they are there; `nil` for one of a type that tables do not hold.
    ///
    /// - Throws: `TableError.invalidColumn` for a column that contradicts itself.
    public init?(_ column: FITSColumn) throws(TableError) {
        let values: ColumnValues
        switch column.values {
        case .bool(let cells): values = .bool(cells)
        case .int8(let cells): values = .int8(cells)
        case .uint8(let cells): values = .uint8(cells)
        case .int16(let cells): values = .int16(cells)
        case .uint16(let cells): values = .uint16(cells)
        case .int32(let cells): values = .int32(cells)
        case .uint32(let cells): values = .uint32(cells)
        case .int64(let cells): values = .int64(cells)
        case .uint64(let cells): values = .uint64(cells)
        case .float(let cells): values = .float(cells)
        case .double(let cells): values = .double(cells)
        case .string(let cells, _): values = .strings(cells)
        case .unsupported: return nil
        }
        try self.init(
            column.name, values, shape: column.elementsPerRow == 1 ? [] : [column.elementsPerRow],
            unit: column.unit.isEmpty ? nil : column.unit)
    }
}
