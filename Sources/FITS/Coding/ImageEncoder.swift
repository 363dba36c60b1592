import CFITSIO

/// Creates an image HDU at the end of the file and writes its header and pixels.
struct ImageEncoder {
    let index: Int

    func encode(_ hdu: FITSImageHDU, _ handle: borrowing CFITSIOHandle) throws(FITSError) {
        guard let image = hdu.image else {
            // The compression setting would turn the empty HDU into a table.
            try handle.call("set the compression of") { fits_set_compression_type($0, 0, $1) }
            try handle.call("create HDU \(index) of") { ffcrimll($0, Int32(BYTE_IMG), 0, nil, $1) }
            try removeBoilerplate(handle)
            try HeaderEncoder(kind: .image).encode(hdu.header, handle)
            return
        }
        switch image.pixels {
        case .int8(let pixels): try encode(hdu, image, pixels, handle)
        case .uint8(let pixels): try encode(hdu, image, pixels, handle)
        case .int16(let pixels): try encode(hdu, image, pixels, handle)
        case .uint16(let pixels): try encode(hdu, image, pixels, handle)
        case .int32(let pixels): try encode(hdu, image, pixels, handle)
        case .uint32(let pixels): try encode(hdu, image, pixels, handle)
        case .int64(let pixels): try encode(hdu, image, pixels, handle)
        case .float(let pixels): try encode(hdu, image, pixels, null: -.infinity, handle)
        case .double(let pixels): try encode(hdu, image, pixels, null: -.infinity, handle)
        }
    }

    /// Creates an HDU for an image that is stored as it is, and writes its header, in which the axes have no length.
    func encodeHeader(
        _ hdu: FITSImageHDU, _ image: FITSImage, _ handle: borrowing CFITSIOHandle
    ) throws(FITSError) {
        let code =
            switch image.pixels {
            case .int8: Int8.imageCode
            case .uint8: UInt8.imageCode
            case .int16: Int16.imageCode
            case .uint16: UInt16.imageCode
            case .int32: Int32.imageCode
            case .uint32: UInt32.imageCode
            case .int64: Int64.imageCode
            case .float: Float.imageCode
            case .double: Double.imageCode
            }
        var axes = image.shape.map { _ in LONGLONG(0) }
        try handle.call("create HDU \(index) of") { pointer, status in
            fits_set_compression_type(pointer, 0, status)
            ffcrimll(pointer, code, Int32(axes.count), &axes, status)
        }
        try removeBoilerplate(handle)
        try HeaderEncoder(kind: .image).encode(hdu.header, handle)
    }

    private func encode<Element: FITSElement & BinaryFloatingPoint>(
        _ hdu: FITSImageHDU, _ image: FITSImage, _ pixels: [Element], null: Element, _ handle: borrowing CFITSIOHandle
    ) throws(FITSError) {
        guard hdu.compression?.quantization != nil else {
            return try encode(hdu, image, pixels, handle, null: nil)
        }
        var infinite = 0
        for pixel in pixels { infinite &+= pixel.isFinite ? 0 : 1 }
        guard infinite > 0 else { return try encode(hdu, image, pixels, handle, null: nil) }
        // cfitsio would quantise NaN as a number; a marked value becomes its integer null instead.
        try encode(hdu, image, pixels.map { $0.isFinite ? $0 : null }, handle, null: null)
    }

    private func encode<Element: FITSElement>(
        _ hdu: FITSImageHDU, _ image: FITSImage, _ pixels: [Element], _ handle: borrowing CFITSIOHandle,
        null: Element? = nil
    ) throws(FITSError) {
        try setCompression(hdu.compression, image, handle)
        var axes = image.shape.reversed().map { LONGLONG($0) }
        try handle.call("create HDU \(index) of") {
            ffcrimll($0, Element.imageCode, Int32(axes.count), &axes, $1)
        }
        try removeBoilerplate(handle)
        try HeaderEncoder(kind: hdu.compression == nil ? .image : .compressedImage).encode(hdu.header, handle)
        guard !pixels.isEmpty else { return }
        var first = [LONGLONG](repeating: 1, count: axes.count)
        try handle.call("write the pixels of HDU \(index) of") { pointer, status in
            pixels.withUnsafeBytes { buffer in
                // cfitsio's interface takes a mutable pointer but only reads.
                let base = UnsafeMutableRawPointer(mutating: buffer.baseAddress)
                if var null {
                    ffppxnll(
                        pointer, Element.memoryCode, &first, LONGLONG(pixels.count), base, &null, status)
                } else {
                    ffppxll(pointer, Element.memoryCode, &first, LONGLONG(pixels.count), base, status)
                }
            }
        }
    }

    /// cfitsio puts two COMMENT cards on the FITS format into a primary header; the caller's cards are all there is.
    private func removeBoilerplate(_ handle: borrowing CFITSIOHandle) throws(FITSError) {
        guard index == 0 else { return }
        try handle.call("create the header of") { pointer, status in
            while status.pointee == 0 { ffdkey(pointer, "COMMENT", status) }
            guard status.pointee == KEY_NO_EXIST else { return }
            status.pointee = 0
        }
        CFITSIOGate.forgetExpectedFailure()
    }

    private func setCompression(
        _ compression: FITSCompression?, _ image: FITSImage, _ handle: borrowing CFITSIOHandle
    ) throws(FITSError) {
        guard let compression else {
            try handle.call("set the compression of") { fits_set_compression_type($0, 0, $1) }
            return
        }
        try check(compression, image)
        let type =
            switch compression.algorithm {
            case .gzip1: GZIP_1
            case .gzip2: GZIP_2
            case .rice1: RICE_1
            }
        var tile =
            (compression.tileShape ?? image.shape.indices.map { $0 == image.shape.count - 1 ? image.shape[$0] : 1 })
            .reversed().map { Int($0) }
        try handle.call("set the compression of") { pointer, status in
            fits_set_compression_type(pointer, type, status)
            fits_set_tile_dim(pointer, Int32(tile.count), &tile, status)
            guard image.pixels.isFloatingPoint else { return }
            guard let quantization = compression.quantization else {
                // Zero means: no quantisation.
                fits_set_quantize_level(pointer, 0, status)
                return
            }
            let method =
                switch quantization.dither {
                case .none: NO_DITHER
                case .subtractive1: SUBTRACTIVE_DITHER_1
                case .subtractive2: SUBTRACTIVE_DITHER_2
                }
            fits_set_quantize_method(pointer, method, status)
            fits_set_dither_seed(pointer, Int32(quantization.seed), status)
            switch quantization.scaling {
            case .tileNoise(let level): fits_set_quantize_level(pointer, level, status)
            // A negative level is the step itself.
            case .step(let step): fits_set_quantize_level(pointer, -step, status)
            }
        }
    }

    private func check(_ compression: FITSCompression, _ image: FITSImage) throws(FITSError) {
        let what = "compression \(compression.algorithm.rawValue) of HDU \(index)"
        guard index > 0 else {
            throw .unsupported(what: "a compressed primary HDU", remedy: "put the image into an extension")
        }
        switch image.pixels {
        case .int64:
            throw .unsupported(
                what: what + " with 64-bit integers", remedy: "store it uncompressed or as 32-bit integers")
        default: break
        }
        guard image.shape.count <= 6, !image.shape.contains(0) else {
            throw .unsupported(what: what + " with shape \(image.shape)", remedy: "store it uncompressed")
        }
        if let tile = compression.tileShape {
            guard tile.count == image.shape.count, zip(tile, image.shape).allSatisfy({ $0 > 0 && $0 <= $1 }) else {
                throw .invalidContent(what: what, reason: "tiles \(tile) do not fit the shape \(image.shape)")
            }
        }
        guard image.pixels.isFloatingPoint else { return }
        guard let quantization = compression.quantization else {
            guard compression.algorithm != .rice1 else {
                throw .unsupported(what: what + " for floating-point pixels without quantisation", remedy: "use GZIP_2")
            }
            return
        }
        guard (1...10_000).contains(quantization.seed) else {
            throw .invalidContent(what: what, reason: "the dither seed \(quantization.seed) is not within 1...10000")
        }
        let number =
            switch quantization.scaling {
            case .tileNoise(let level): level
            case .step(let step): step
            }
        guard number.isFinite, number > 0 else {
            throw .invalidContent(what: what, reason: "the quantisation \(number) is not a positive number")
        }
    }
}
