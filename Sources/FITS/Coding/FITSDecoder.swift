import CFITSIO

/// Turns the bytes of a checked file into HDUs.
struct FITSDecoder {
    let file: String
    let limits: FITSLimits

    enum Selection {
        case everything
        /// One HDU, and of a table no more than its first rows.
        case one(Int, maximumRows: Int)

        func includes(_ hdu: Int) -> Bool { if case .one(let index, _) = self { index == hdu } else { true } }
        var maximumRows: Int { if case .one(_, let rows) = self { rows } else { .max } }
    }

    /// - Parameter selection: what to decode; of other HDUs only the header is read, and their tables have no columns.
    func decode(
        _ bytes: FITSBytes, layouts: [HDULayout], _ selection: Selection = .everything
    ) throws(FITSError) -> [FITSHDU] {
        try CFITSIOGate.run { () throws(FITSError) in
            var outcome: Swift.Result<[FITSHDU], FITSError> = .success([])
            var base = bytes.base
            var size = bytes.count
            withUnsafeMutablePointer(to: &base) { base in
                withUnsafeMutablePointer(to: &size) { size in
                    outcome = Swift.Result { () throws(FITSError) in
                        try decode(try CFITSIOHandle.reading(base, size, file: file), layouts, selection, bytes)
                    }
                }
            }
            return try outcome.get()
        }
    }

    private func decode(
        _ handle: consuming CFITSIOHandle, _ layouts: [HDULayout], _ selection: Selection, _ bytes: FITSBytes
    ) throws(FITSError) -> [FITSHDU] {
        var hdus: [FITSHDU] = []
        for (index, layout) in layouts.enumerated() {
            forgetCompression(handle)
            try handle.call("read HDU \(index) of") { ffmahd($0, Int32(index + 1), nil, $1) }
            guard selection.includes(index) else {
                hdus.append(try headerOnly(handle, layout))
                continue
            }
            switch layout.kind {
            case .image:
                let header = try HeaderDecoder(kind: .image).decode(handle)
                var image: FITSImage?
                if let plain = layout.plain, !layout.axes.isEmpty {
                    let shape = layout.axes.reversed().map { Int($0) }
                    let pixels = try plain.pixels(shape.reduce(1, *)) { offset, buffer throws(FITSError) in
                        try bytes.read(layout.dataOffset + offset, into: buffer)
                    }
                    image = try FITSImage(shape: shape, pixels: pixels)
                } else if !layout.axes.isEmpty {
                    image = try ImageDecoder(layout: layout).decode(handle, hdu: index)
                }
                hdus.append(.image(FITSImageHDU(header: header, image: image)))
            case .compressedImage:
                var status: Int32 = 0
                guard fits_is_compressed_image(handle.pointer, &status) != 0 else {
                    throw .malformed(file: file, hdu: index, reason: "its compressed image cannot be recognised")
                }
                let check = TileCheck(layout: layout, file: file, hdu: index, largestTile: Int64(bytes.count))
                let header = try HeaderDecoder(kind: .compressedImage).decode(handle)
                var image = try GzipImageDecoder(check: check)?.decode(handle)
                if image == nil {
                    try check.run(handle)
                    image = try ImageDecoder(layout: layout).decode(handle, hdu: index)
                }
                hdus.append(.image(FITSImageHDU(header: header, image: image)))
            case .table:
                let header = try HeaderDecoder(kind: .table).decode(handle)
                let table = try TableDecoder(limits: limits, maximumRows: selection.maximumRows).decode(handle, hdu: index)
                hdus.append(.table(FITSTableHDU(header: header, table: table)))
            }
        }
        return hdus
    }

    private func headerOnly(_ handle: borrowing CFITSIOHandle, _ layout: HDULayout) throws(FITSError) -> FITSHDU {
        switch layout.kind {
        case .image: .image(FITSImageHDU(header: try HeaderDecoder(kind: .image).decode(handle)))
        case .compressedImage: .image(FITSImageHDU(header: try HeaderDecoder(kind: .compressedImage).decode(handle)))
        case .table:
            .table(
                FITSTableHDU(
                    header: try HeaderDecoder(kind: .table).decode(handle), table: try FITSTable(rowCount: 0, columns: [])))
        }
    }

    /// cfitsio keeps what it learned of one compressed HDU for the next: "not quantised", so that the next comes out
    /// unscaled, or column numbers, which it then uses in a table that has fewer columns. Zero is the state of a newly
    /// opened file.
    private func forgetCompression(_ handle: borrowing CFITSIOHandle) {
        guard let state = handle.pointer.pointee.Fptr else { return }
        state.pointee.quantize_level = 0
        state.pointee.cn_compressed = 0
        state.pointee.cn_uncompressed = 0
        state.pointee.cn_gzip_data = 0
        state.pointee.cn_zscale = 0
        state.pointee.cn_zzero = 0
        state.pointee.cn_zblank = 0
        state.pointee.rice_blocksize = 0
        state.pointee.rice_bytepix = 0
    }
}
