import StructuredData
import Tables

/// Cells of tables as JSON has them.
enum TableCells {
    private static let mostListItems = 16

    /// The cells of a row in a column: a list for several.
    static func cell(_ column: TableColumn, _ row: Int) -> StructuredValue {
        guard !column.shape.isEmpty else { return element(column, row) }
        let count = column.cellsPerRow
        return .array((row * count..<(row + 1) * count).prefix(mostListItems).map { element(column, $0) })
    }

    private static func element(_ column: TableColumn, _ index: Int) -> StructuredValue {
        if column.isNull(index) { return .null }
        return switch column.values {
        case .bool(let cells): .bool(cells[index])
        case .int8(let cells): .int(Int64(cells[index]))
        case .uint8(let cells): .int(Int64(cells[index]))
        case .int16(let cells): .int(Int64(cells[index]))
        case .uint16(let cells): .int(Int64(cells[index]))
        case .int32(let cells): .int(Int64(cells[index]))
        case .uint32(let cells): .int(Int64(cells[index]))
        // Browsers have doubles only.
        case .int64(let cells): .string(String(cells[index]))
        case .uint64(let cells): .string(String(cells[index]))
        case .float(let cells): cells[index].isFinite ? .string("\(cells[index])") : .null
        case .double(let cells): cells[index].isFinite ? .float(cells[index]) : .null
        case .string(let cells): .string(cells.text(index))
        case .bytes(let cells): .string("\(cells[index].count) bytes")
        case .timestamp(let cells, let type): .string(type.text(cells[index]) ?? String(cells[index]))
        }
    }
}
