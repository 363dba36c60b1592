import CFITSIO

/// Looks at the compressed tiles of the current HDU before cfitsio expands them.
///
/// cfitsio takes memory for a tile as its descriptor says, and its gzip reader asks for more memory for ever when a
/// stream ends too early (up to 4.6.3 at least). So the descriptors must fit the file, and every gzip stream is
/// expanded once, into nothing, to see that it ends and is no larger than a tile. Cost: reading and inflating the
/// gzip tiles a second time.
struct TileCheck {
    let layout: HDULayout
    let file: String
    let hdu: Int
    /// The bytes of the whole file: no tile is larger.
    let largestTile: Int64

    func run(_ handle: borrowing CFITSIOHandle) throws(FITSError) {
        guard try check(column: "COMPRESSED_DATA", isGzip: layout.isGzip, handle) else {
            throw damaged("there is no column COMPRESSED_DATA")
        }
        // Tiles that could not be quantised are here, whatever the algorithm.
        _ = try check(column: "GZIP_COMPRESSED_DATA", isGzip: true, handle)
    }

    /// `false` if there is no such column.
    private func check(
        column name: String, isGzip: Bool, _ handle: borrowing CFITSIOHandle
    ) throws(FITSError) -> Bool {
        var column: Int32 = 0
        var status: Int32 = 0
        var template = name.utf8CString.map { $0 }
        ffgcno(handle.pointer, 0, &template, &column, &status)
        guard status == 0 else {
            CFITSIOGate.forgetExpectedFailure()
            return false
        }
        var type: Int32 = 0
        var rows: LONGLONG = 0
        try handle.call("read the tiles of HDU \(hdu) of") { pointer, status in
            ffgtclll(pointer, column, &type, nil, nil, status)
            ffgnrwll(pointer, &rows, status)
        }
        // Negative codes are columns of variable length.
        guard type < 0 else { throw damaged("the column \(name) is not of variable length") }
        guard !isGzip || type == -TBYTE else { throw damaged("the column \(name) does not hold bytes") }
        var inflater = Inflater()
        defer { inflater.finish() }
        var stream: [UInt8] = []
        for row in 0..<rows {
            let length = try length(ofTile: row, in: column, handle)
            guard isGzip, length > 0 else { continue }
            try read(row, of: column, length, into: &stream, handle)
            guard inflater.isWhole(&stream, count: length, largestOutput: layout.tilePixels * 8) else {
                throw brokenStream(row)
            }
        }
        return true
    }

    /// Bytes of a tile, counted from 0, as its descriptor says.
    func length(
        ofTile row: LONGLONG, in column: Int32, _ handle: borrowing CFITSIOHandle
    ) throws(FITSError) -> Int {
        var length: LONGLONG = 0
        var address: LONGLONG = 0
        try handle.call("read the tiles of HDU \(hdu) of") { ffgdesll($0, column, row + 1, &length, &address, $1) }
        guard length >= 0, Int64(length) <= largestTile, address >= 0, Int64(address) <= largestTile else {
            throw damaged("tile \(row + 1) is said to have \(length) bytes at \(address)")
        }
        return Int(length)
    }

    /// Reads a tile to the beginning of a buffer, which grows as it must.
    func read(
        _ row: LONGLONG, of column: Int32, _ length: Int, into stream: inout [UInt8], _ handle: borrowing CFITSIOHandle
    ) throws(FITSError) {
        if stream.count < length { stream = [UInt8](repeating: 0, count: length) }
        try handle.call("read the tiles of HDU \(hdu) of") { pointer, status in
            _ = ffgcv(pointer, TBYTE, column, row + 1, 1, LONGLONG(length), nil, &stream, nil, status)
        }
    }

    func brokenStream(_ row: LONGLONG) -> FITSError {
        damaged("tile \(row + 1) is not a whole gzip stream of a tile's size")
    }

    func damaged(_ reason: String) -> FITSError { .malformed(file: file, hdu: hdu, reason: reason) }
}
