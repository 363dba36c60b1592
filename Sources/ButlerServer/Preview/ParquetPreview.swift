import Parquet
import StructuredData
import Tables

/// The first rows of a Parquet file.
enum ParquetPreview {
    /// - Throws: `TableError` when the file is not usable or this build has no Apache Arrow.
    static func document(_ path: String, rows: Int) throws(TableError) -> StructuredMapping {
        let file = try ParquetFile(contentsOf: path)
        let unreadable = Set(file.unsupportedColumns)
        let table = try file.head(rows: rows)
        let schema = table.columns.map { column in
            StructuredValue.object(["name": .string(column.name), "unit": .string(column.unit ?? "")])
        }
        return [
            "kind": "table", "format": "Parquet", "row_count": .int(Int64(file.rowCount)), "columns": .array(schema),
            "rows": .array((0..<table.rowCount).map { row in .array(table.columns.map { TableCells.cell($0, row) }) }),
            "unreadable": .int(Int64(unreadable.count)),
        ]
    }
}
