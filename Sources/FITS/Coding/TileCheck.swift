import CFITSIO
import CZlib

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
        for row in 0..<rows {
            var length: LONGLONG = 0
            var address: LONGLONG = 0
            try handle.call("read the tiles of HDU \(hdu) of") { ffgdesll($0, column, row + 1, &length, &address, $1) }
            guard length >= 0, Int64(length) <= largestTile, address >= 0, Int64(address) <= largestTile else {
                throw damaged("tile \(row + 1) is said to have \(length) bytes at \(address)")
            }
            guard isGzip, length > 0 else { continue }
            var stream = [UInt8](repeating: 0, count: Int(length))
            try handle.call("read the tiles of HDU \(hdu) of") { pointer, status in
                _ = ffgcv(pointer, TBYTE, column, row + 1, 1, length, nil, &stream, nil, status)
            }
            guard inflater.isWhole(&stream, largestOutput: layout.tilePixels * 8) else {
                throw damaged("tile \(row + 1) is not a whole gzip stream of a tile's size")
            }
        }
        return true
    }

    private func damaged(_ reason: String) -> FITSError { .malformed(file: file, hdu: hdu, reason: reason) }
}

/// Expands gzip streams one after the other and throws the output away.
private struct Inflater {
    private var state = z_stream()
    private var isReady = false
    private var scratch = [UInt8](repeating: 0, count: 1 << 16)

    mutating func isWhole(_ stream: inout [UInt8], largestOutput: Int64) -> Bool {
        if isReady {
            guard inflateReset(&state) == Z_OK else { return false }
        } else {
            // 15 + 16: the largest window, gzip format.
            guard inflateInit2_(&state, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
                return false
            }
            isReady = true
        }
        guard let size = UInt32(exactly: stream.count) else { return false }
        return stream.withUnsafeMutableBufferPointer { input in
            scratch.withUnsafeMutableBufferPointer { output in
                state.next_in = input.baseAddress
                state.avail_in = size
                while true {
                    state.next_out = output.baseAddress
                    state.avail_out = UInt32(output.count)
                    let status = inflate(&state, Z_NO_FLUSH)
                    guard Int64(state.total_out) <= largestOutput else { return false }
                    if status == Z_STREAM_END { return true }
                    // No progress is possible with the input used up.
                    guard status == Z_OK, state.avail_in > 0 || state.avail_out == 0 else { return false }
                }
            }
        }
    }

    mutating func finish() {
        if isReady { inflateEnd(&state) }
        isReady = false
    }
}
