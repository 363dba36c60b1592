import CFITSIO

/// Reads a compressed image whose tiles are gzip streams of runs of its pixels: each is expanded once, to where it
/// belongs. cfitsio could do that too, but only after the streams have been expanded to see whether they are whole.
struct GzipImageDecoder {
    private let check: TileCheck
    private let tiling: HDULayout.Tiling
    private let stored: PlainPixels
    private let shape: [Int]

    /// `nil` for images that are not of this kind.
    init?(check: TileCheck) {
        guard check.layout.isGzip, let tiling = check.layout.tiling, let stored = check.layout.storedPixels,
            !check.layout.axes.contains(0)
        else { return nil }
        self.check = check
        self.tiling = tiling
        self.stored = stored
        shape = check.layout.axes.reversed().map { Int($0) }
    }

    /// - Returns: `nil` when some tile is stored in another way than the header says of all.
    /// - Throws: `.malformed` for a tile that is no whole stream.
    func decode(_ handle: borrowing CFITSIOHandle) throws(FITSError) -> FITSImage? {
        var column: Int32 = 0
        var status: Int32 = 0
        var template = "COMPRESSED_DATA".utf8CString.map { $0 }
        ffgcno(handle.pointer, 0, &template, &column, &status)
        var type: Int32 = 0
        ffgtclll(handle.pointer, column, &type, nil, nil, &status)
        guard status == 0, type == -TBYTE else {
            CFITSIOGate.forgetExpectedFailure()
            return nil
        }
        let count = shape.reduce(1, *)
        let planes = count / tiling.plane
        let tilesOfPlane = (tiling.plane + tiling.run - 1) / tiling.run
        let width = stored.width
        var isOther = false
        do throws(FITSError) {
            let pixels = try stored.pixels(count, piece: count * width) { _, buffer throws(FITSError) in
                var inflater = Inflater()
                defer { inflater.finish() }
                var stream: [UInt8] = []
                let room = UnsafeMutableRawBufferPointer.allocate(byteCount: tiling.run * width, alignment: 16)
                defer { room.deallocate() }
                for plane in 0..<planes {
                    for tile in 0..<tilesOfPlane {
                        let row = LONGLONG(plane * tilesOfPlane + tile)
                        let length = try check.length(ofTile: row, in: column, handle)
                        let start = (plane * tiling.plane + tile * tiling.run) * width
                        let size = min(tiling.run, tiling.plane - tile * tiling.run) * width
                        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<(start + size)])
                        guard length > 0 else {
                            isOther = true
                            throw check.brokenStream(row)
                        }
                        try check.read(row, of: column, length, into: &stream, handle)
                        let isShuffled = tiling.isShuffled && width > 1
                        let output = isShuffled ? UnsafeMutableRawBufferPointer(rebasing: room[..<size]) : target
                        switch inflater.expand(&stream, count: length, into: output) {
                        case .filled: break
                        case .otherSize:
                            isOther = true
                            throw check.brokenStream(row)
                        case .broken: throw check.brokenStream(row)
                        }
                        if isShuffled { Self.join(output, into: target, width: width) }
                    }
                }
            }
            return try FITSImage(shape: shape, pixels: pixels)
        } catch {
            if isOther { return nil }
            throw error
        }
    }

    /// Puts the bytes of each number together, which were apart by significance.
    private static func join(
        _ planes: UnsafeMutableRawBufferPointer, into target: UnsafeMutableRawBufferPointer, width: Int
    ) {
        let count = target.count / width
        for place in 0..<width {
            let source = planes[(place * count)..<((place + 1) * count)]
            var position = place
            for byte in source {
                target[position] = byte
                position += width
            }
        }
    }
}
