import CFITSIO

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Creates a binary table at the end of the file and writes its header and columns.
struct TableEncoder {
    let index: Int

    func encode(_ hdu: FITSTableHDU, _ handle: borrowing CFITSIOHandle) throws(FITSError) {
        let columns = hdu.table.columns
        guard columns.count <= 999 else {
            throw .unsupported(what: "a table of \(columns.count) columns", remedy: "FITS allows 999; split the table")
        }
        var formats: [String] = []
        for column in columns {
            formats.append(try format(of: column))
            for text in [column.name, column.unit] {
                guard text.utf8.count <= 68, text.utf8.allSatisfy({ (32..<127).contains($0) }) else {
                    throw .invalidContent(
                        what: "table column '\(column.name)'",
                        reason: "its name and unit must be at most 68 printable ASCII characters")
                }
            }
        }
        let names = CStrings(columns.map(\.name))
        let units = CStrings(columns.map(\.unit))
        let forms = CStrings(formats)
        try handle.call("create HDU \(index) of") {
            ffcrtb(
                $0, BINARY_TBL, LONGLONG(hdu.table.rowCount), Int32(columns.count), names.pointers, forms.pointers,
                units.pointers, nil, $1)
        }
        try HeaderEncoder(kind: .table).encode(hdu.header, handle)
        for (position, column) in columns.enumerated() {
            try write(column, Int32(position + 1), handle)
        }
    }

    private func format(of column: FITSColumn) throws(FITSError) -> String {
        let letter =
            switch column.values {
            case .bool: "L"
            case .int8: Int8.columnCode
            case .uint8: UInt8.columnCode
            case .int16: Int16.columnCode
            case .uint16: UInt16.columnCode
            case .int32: Int32.columnCode
            case .uint32: UInt32.columnCode
            case .int64: Int64.columnCode
            case .uint64: UInt64.columnCode
            case .float: Float.columnCode
            case .double: Double.columnCode
            case .string, .unsupported: "A"
            }
        switch column.values {
        case .unsupported(let format):
            throw .unsupported(
                what: "writing table column '\(column.name)' of format \(format)", remedy: "remove the column first")
        case .string(let cells, let width):
            guard width > 0,
                cells.allSatisfy({ $0.utf8.count <= width && $0.utf8.allSatisfy { (32..<127).contains($0) } })
            else {
                throw .invalidContent(
                    what: "table column '\(column.name)'",
                    reason: "its texts must be printable ASCII of at most \(width) characters, at least 1")
            }
            return column.elementsPerRow == 1
                ? "\(width)A" : "\(width * column.elementsPerRow)A\(width)"
        default:
            return "\(column.elementsPerRow)\(letter)"
        }
    }

    private func write(_ column: FITSColumn, _ number: Int32, _ handle: borrowing CFITSIOHandle) throws(FITSError) {
        switch column.values {
        case .bool(let cells): try write(cells.map { $0 ? 1 : 0 } as [UInt8], TLOGICAL, number, handle)
        case .int8(let cells): try write(cells, Int8.memoryCode, number, handle)
        case .uint8(let cells): try write(cells, UInt8.memoryCode, number, handle)
        case .int16(let cells): try write(cells, Int16.memoryCode, number, handle)
        case .uint16(let cells): try write(cells, UInt16.memoryCode, number, handle)
        case .int32(let cells): try write(cells, Int32.memoryCode, number, handle)
        case .uint32(let cells): try write(cells, UInt32.memoryCode, number, handle)
        case .int64(let cells): try write(cells, Int64.memoryCode, number, handle)
        case .uint64(let cells): try write(cells, UInt64.memoryCode, number, handle)
        case .float(let cells): try write(cells, Float.memoryCode, number, handle)
        case .double(let cells): try write(cells, Double.memoryCode, number, handle)
        case .string(let cells, _):
            guard !cells.isEmpty else { return }
            let texts = CStrings(cells)
            try handle.call("write column \(number) in HDU \(index) of") {
                ffpcls($0, number, 1, 1, LONGLONG(cells.count), texts.pointers, $1)
            }
        case .unsupported: break
        }
    }

    private func write<Element>(
        _ cells: [Element], _ code: Int32, _ number: Int32, _ handle: borrowing CFITSIOHandle
    ) throws(FITSError) {
        guard !cells.isEmpty else { return }
        try handle.call("write column \(number) in HDU \(index) of") { pointer, status in
            cells.withUnsafeBytes { buffer in
                // cfitsio's interface takes a mutable pointer but only reads.
                _ = ffpcl(
                    pointer, code, number, 1, 1, LONGLONG(cells.count),
                    UnsafeMutableRawPointer(mutating: buffer.baseAddress), status)
            }
        }
    }
}

/// An array of C strings that lives as long as this object.
private final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ texts: [String]) {
        count = texts.count
        pointers = .allocate(capacity: max(1, count))
        for (index, text) in texts.enumerated() { (pointers + index).initialize(to: strdup(text)) }
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }
}
