import CFITSIO

/// Reads the columns of the current HDU.
struct TableDecoder {
    let limits: FITSLimits
    /// Rows after these are left out.
    var maximumRows = Int.max

    func decode(_ handle: borrowing CFITSIOHandle, hdu: Int) throws(FITSError) -> FITSTable {
        var columnCount: Int32 = 0
        var rows: LONGLONG = 0
        try handle.call("read the table in HDU \(hdu) of") { pointer, status in
            ffgncl(pointer, &columnCount, status)
            ffgnrwll(pointer, &rows, status)
        }
        let count = min(Int(rows), maximumRows)
        var columns: [FITSColumn] = []
        var total: Int64 = 0
        for number in 1..<(max(0, columnCount) + 1) {
            columns.append(try column(number, rows: count, &total, handle, hdu))
        }
        return try FITSTable(rowCount: count, columns: columns)
    }

    private func column(
        _ number: Int32, rows: Int, _ total: inout Int64, _ handle: borrowing CFITSIOHandle, _ hdu: Int
    ) throws(FITSError) -> FITSColumn {
        var name = [CChar](repeating: 0, count: 81)
        var unit = [CChar](repeating: 0, count: 81)
        var format = [CChar](repeating: 0, count: 81)
        var type: Int32 = 0
        var elements: LONGLONG = 0
        var width: LONGLONG = 0
        try handle.call("read column \(number) in HDU \(hdu) of") { pointer, status in
            ffgbclll(pointer, number, &name, &unit, &format, &elements, nil, nil, nil, nil, status)
            ffeqtyll(pointer, number, &type, &elements, &width, status)
        }
        // ASCII tables have no letter code in `format`; their columns hold one element.
        let isText = type == TSTRING
        let perRow = isText ? (width > 0 ? Int(elements) / Int(width) : 0) : Int(elements)
        let (cells, overflow) = rows.multipliedReportingOverflow(by: max(0, perRow))
        // 16 bytes is the size of the largest cell in memory, a string.
        guard !overflow, cells >= 0, Int64(cells) <= (limits.maximumHDUBytes - total) / 16 else {
            throw .tooLarge(
                file: handle.file, hdu: hdu, bytes: overflow ? Int64.max : Int64(cells), limit: limits.maximumHDUBytes)
        }
        total += Int64(cells) * 16
        let cursor = Cursor(number: number, cells: cells, hdu: hdu)
        let values: FITSColumnValues
        switch type {
        case TSBYTE: values = .int8(try cursor.read(handle))
        case TBYTE: values = .uint8(try cursor.read(handle))
        case TSHORT: values = .int16(try cursor.read(handle))
        case TUSHORT: values = .uint16(try cursor.read(handle))
        case TINT32BIT: values = .int32(try cursor.read(handle))
        case TULONG, TUINT: values = .uint32(try cursor.read(handle))
        case TLONGLONG: values = .int64(try cursor.read(handle))
        case TULONGLONG: values = .uint64(try cursor.read(handle))
        case TFLOAT: values = .float(try cursor.read(handle))
        case TDOUBLE: values = .double(try cursor.read(handle))
        case TLOGICAL: values = .bool(try cursor.readBools(handle))
        case TSTRING: values = .string(try cursor.readStrings(handle, width: Int(width)), width: Int(width))
        default: values = .unsupported(format: String(fixedBuffer: format))
        }
        return FITSColumn(
            String(fixedBuffer: name), values, unit: String(fixedBuffer: unit), elementsPerRow: max(0, perRow))
    }

    /// The cells of one column.
    private struct Cursor {
        let number: Int32
        let cells: Int
        let hdu: Int

        func read<Element: FITSElement>(_ handle: borrowing CFITSIOHandle) throws(FITSError) -> [Element] {
            try fill(Element.zero, Element.memoryCode, handle)
        }

        func readBools(_ handle: borrowing CFITSIOHandle) throws(FITSError) -> [Bool] {
            let bytes: [UInt8] = try fill(0, TLOGICAL, handle)
            return bytes.map { $0 == 1 }
        }

        private func fill<Element>(
            _ zero: Element, _ code: Int32, _ handle: borrowing CFITSIOHandle
        ) throws(FITSError) -> [Element] {
            guard cells > 0 else { return [] }
            var values = [Element](repeating: zero, count: cells)
            try handle.call("read column \(number) in HDU \(hdu) of") { pointer, status in
                values.withUnsafeMutableBytes { buffer in
                    _ = ffgcv(pointer, code, number, 1, 1, LONGLONG(cells), nil, buffer.baseAddress, nil, status)
                }
            }
            return values
        }

        /// cfitsio fills one buffer per cell; a few thousand cells at a time keep the buffers small.
        func readStrings(_ handle: borrowing CFITSIOHandle, width: Int) throws(FITSError) -> [String] {
            guard cells > 0 else { return [] }
            var texts: [String] = []
            texts.reserveCapacity(cells)
            let stride = width + 1
            let batch = max(1, min(cells, (1 << 20) / stride))
            var storage = [CChar](repeating: 0, count: batch * stride)
            while texts.count < cells {
                let count = min(batch, cells - texts.count)
                let first = LONGLONG(texts.count + 1)
                try handle.call("read column \(number) in HDU \(hdu) of") { pointer, status in
                    storage.withUnsafeMutableBufferPointer { buffer in
                        var pointers = (0..<count).map { index in
                            buffer.baseAddress.map { $0 + index * stride }
                        }
                        // Element numbers run on over the rows.
                        _ = ffgcvs(pointer, number, 1, first, LONGLONG(count), nil, &pointers, nil, status)
                    }
                }
                for index in 0..<count {
                    // Trailing blanks mean nothing, and cfitsio gives an empty text as one blank.
                    var text = storage[(index * stride)..<((index + 1) * stride)].prefix { $0 != 0 }
                    while text.last == 32 { text.removeLast() }
                    texts.append(String(decoding: text.lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self))
                }
            }
            return texts
        }
    }
}

/// cfitsio's name for the 32-bit integer of a column is `TLONG`, whatever the size of `long`.
private let TINT32BIT: Int32 = TLONG
