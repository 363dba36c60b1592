import CArrow
import StructuredData
import Tables

/// For which Python type a table is written, which decides on the metadata.
public enum ParquetStyle: Sendable, Hashable, CaseIterable {
    /// `pyarrow.Table`: the metadata that the table has.
    case arrow
    /// `astropy.table.Table`: units, descriptions and astropy's header.
    case astropy
    /// numpy's structured arrays and dictionaries of arrays: types only.
    case numpy
    /// A pandas data frame.
    case pandas
}

extension Table {
    /// The table as a Parquet file, as `lsst.daf.butler.formatters.parquet` writes it: Snappy, nullable columns, row
    /// groups of about 10⁹ bytes. Blocks. Memory: the encoded file, and one column of a row group.
    ///
    /// Nulls of lists are written cell by cell. Times in seconds come back in milliseconds, since Parquet has none.
    ///
    /// - Parameters:
    ///   - schemaOnly: leave out row groups, as Python does for its schema types.
    ///   - name: what errors call the file.
    /// - Throws: `TableError.unwritableParquet`; `.withoutParquet` without Apache Arrow; `.unknownColumn` when
    ///   the index of a data frame is missing.
    public func parquet(
        style: ParquetStyle, schemaOnly: Bool = false, name: String = "table"
    ) throws(TableError) -> [UInt8] {
        try ParquetFile.requireLibrary()
        var table = self
        if style == .pandas, PandasLayout(table) == nil { try table.setPandasLayout(PandasLayout()) }
        let encoder = try ParquetEncoder(table, style, name)
        if !schemaOnly { try encoder.writeRows() }
        return try encoder.finish()
    }

    /// Rows in a row group for about 10⁹ bytes. Columns whose names begin with `__` do not count.
    func rowGroupSize(_ style: ParquetStyle) -> Int {
        var bits = 0
        for column in columns where !column.name.hasPrefix("__") {
            let width = column.type.bitWidth ?? 8 * (column.writtenWidth(style) ?? 10)
            bits += width * column.cellsPerRow
        }
        return max(1, 1_000_000_000 / (max(bits, 8) / 8))
    }
}

/// One file being made.
private final class ParquetEncoder {
    private let table: Table
    private let style: ParquetStyle
    private let name: String
    private let writer: OpaquePointer

    init(_ table: Table, _ style: ParquetStyle, _ name: String) throws(TableError) {
        self.table = table
        self.style = style
        self.name = name
        let arena = ArrowTextArena()
        var fields: [carrow_field] = []
        var isLarge: [Bool] = []
        for column in table.columns {
            guard column.cellsPerRow > 0, column.cellsPerRow <= Int(Int32.max) else {
                throw .unwritableParquet(
                    file: name, reason: "column '\(column.name)' has lists of \(column.cellsPerRow) cells")
            }
            var zone = ""
            if case .timestamp(_, let type) = column.values { zone = type.zone ?? "" }
            fields.append(
                carrow_field(
                    name: arena.slice(column.name), type: column.values.arrowType,
                    list_size: column.shape.isEmpty ? -1 : Int64(column.cellsPerRow), zone: arena.slice(zone),
                    type_name: carrow_slice(), metadata: arena.metadata(ParquetMetadata.written(column, style))))
            let keepsLarge = column.isLarge && (style == .arrow || style == .pandas)
            isLarge.append(keepsLarge || column.values.textBytes > Int(Int32.max))
        }
        var error: UnsafeMutablePointer<CChar>?
        let created = withExtendedLifetime(arena) {
            carrow_create(
                fields, isLarge, Int64(fields.count), arena.metadata(ParquetMetadata.written(table, style)), &error)
        }
        guard let created else { throw .unwritableParquet(file: name, reason: ArrowText.take(error)) }
        writer = created
    }

    deinit { carrow_discard(writer) }

    func writeRows() throws(TableError) {
        let size = table.rowGroupSize(style)
        var start = 0
        repeat {
            let end = min(table.rowCount, start + size)
            try call { carrow_begin_row_group(writer, &$0) }
            for column in table.columns {
                let cells = start * column.cellsPerRow..<end * column.cellsPerRow
                try call { error in
                    column.withCells(cells) { pointers in
                        var pointers = pointers
                        return carrow_write_cells(writer, &pointers, &error)
                    }
                }
            }
            start = end
        } while start < table.rowCount
    }

    func finish() throws(TableError) -> [UInt8] {
        final class Box { var bytes: [UInt8] = [] }
        let box = Box()
        try call { error in
            carrow_finish(
                writer, Unmanaged.passUnretained(box).toOpaque(),
                { context, slice in
                    guard let context else { return }
                    Unmanaged<Box>.fromOpaque(context).takeUnretainedValue().bytes = Array(
                        UnsafeBufferPointer(start: slice.bytes, count: Int(slice.count)))
                }, &error)
        }
        return box.bytes
    }

    private func call(_ body: (inout UnsafeMutablePointer<CChar>?) -> Int32) throws(TableError) {
        var error: UnsafeMutablePointer<CChar>?
        guard body(&error) == 0 else { throw .unwritableParquet(file: name, reason: ArrowText.take(error)) }
    }
}

extension TableColumn {
    /// Calls `body` with pointers to some of the cells, which stay where they are.
    fileprivate func withCells<Result>(_ range: Range<Int>, _ body: (carrow_cells) -> Result) -> Result {
        func withFlags(_ cells: carrow_cells) -> Result {
            var cells = cells
            cells.count = Int64(range.count)
            guard let validity else { return body(cells) }
            return validity.withUnsafeBytes { flags in
                cells.validity = flags.baseAddress?.assumingMemoryBound(to: UInt8.self).advanced(by: range.lowerBound)
                return body(cells)
            }
        }
        func numbers<Number>(_ numbers: [Number]) -> Result {
            numbers.withUnsafeBufferPointer { buffer in
                var cells = carrow_cells()
                cells.values = UnsafeRawPointer(buffer.baseAddress?.advanced(by: range.lowerBound))
                return withFlags(cells)
            }
        }
        switch values {
        case .bool(let cells): return numbers(cells)
        case .int8(let cells): return numbers(cells)
        case .int16(let cells): return numbers(cells)
        case .int32(let cells): return numbers(cells)
        case .int64(let cells), .timestamp(let cells, _): return numbers(cells)
        case .uint8(let cells): return numbers(cells)
        case .uint16(let cells): return numbers(cells)
        case .uint32(let cells): return numbers(cells)
        case .uint64(let cells): return numbers(cells)
        case .float(let cells): return numbers(cells)
        case .double(let cells): return numbers(cells)
        case .string(let texts), .bytes(let texts):
            return texts.bytes.withUnsafeBufferPointer { bytes in
                texts.offsets[range.lowerBound...range.upperBound].map(Int64.init).withUnsafeBufferPointer { offsets in
                    var cells = carrow_cells()
                    cells.values = UnsafeRawPointer(bytes.baseAddress)
                    cells.offsets = offsets.baseAddress
                    return withFlags(cells)
                }
            }
        }
    }
}

extension ColumnValues {
    fileprivate var arrowType: carrow_type {
        switch self {
        case .bool: CARROW_BOOL
        case .int8: CARROW_INT8
        case .int16: CARROW_INT16
        case .int32: CARROW_INT32
        case .int64: CARROW_INT64
        case .uint8: CARROW_UINT8
        case .uint16: CARROW_UINT16
        case .uint32: CARROW_UINT32
        case .uint64: CARROW_UINT64
        case .float: CARROW_FLOAT
        case .double: CARROW_DOUBLE
        case .string: CARROW_STRING
        case .bytes: CARROW_BYTES
        case .timestamp(_, let type):
            switch type.unit {
            case .seconds: CARROW_TIMESTAMP_S
            case .milliseconds: CARROW_TIMESTAMP_MS
            case .microseconds: CARROW_TIMESTAMP_US
            case .nanoseconds: CARROW_TIMESTAMP_NS
            }
        }
    }

    fileprivate var textBytes: Int {
        switch self {
        case .string(let texts), .bytes(let texts): texts.bytes.count
        default: 0
        }
    }
}
