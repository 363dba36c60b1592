import CFITSIO

/// Turns the bytes of a checked file into HDUs.
struct FITSDecoder {
    let file: String
    let limits: FITSLimits

    func decode(_ bytes: [UInt8], layouts: [HDULayout]) throws(FITSError) -> [FITSHDU] {
        try CFITSIOGate.run { () throws(FITSError) in
            var outcome: Swift.Result<[FITSHDU], FITSError> = .success([])
            bytes.withUnsafeBytes { buffer in
                // The file is opened read-only: cfitsio's interface takes a mutable pointer for both modes.
                var base = UnsafeMutableRawPointer(mutating: buffer.baseAddress)
                var size = buffer.count
                withUnsafeMutablePointer(to: &base) { base in
                    withUnsafeMutablePointer(to: &size) { size in
                        outcome = Swift.Result { () throws(FITSError) in
                            try decode(try CFITSIOHandle.reading(base, size, file: file), layouts, buffer.count)
                        }
                    }
                }
            }
            return try outcome.get()
        }
    }

    private func decode(_ handle: consuming CFITSIOHandle, _ layouts: [HDULayout], _ byteCount: Int) throws(FITSError)
        -> [FITSHDU]
    {
        var hdus: [FITSHDU] = []
        for (index, layout) in layouts.enumerated() {
            // cfitsio keeps "not quantised" from one lossless HDU to the next quantised one, which then comes out
            // unscaled; zero is the state of a newly opened file.
            handle.pointer.pointee.Fptr.pointee.quantize_level = 0
            try handle.call("read HDU \(index) of") { ffmahd($0, Int32(index + 1), nil, $1) }
            switch layout.kind {
            case .image:
                let header = try HeaderDecoder(kind: .image).decode(handle)
                let image = layout.axes.isEmpty ? nil : try ImageDecoder(layout: layout).decode(handle, hdu: index)
                hdus.append(.image(FITSImageHDU(header: header, image: image)))
            case .compressedImage:
                var status: Int32 = 0
                guard fits_is_compressed_image(handle.pointer, &status) != 0 else {
                    throw .malformed(file: file, hdu: index, reason: "its compressed image cannot be recognised")
                }
                try TileCheck(layout: layout, file: file, hdu: index, largestTile: Int64(byteCount)).run(handle)
                let header = try HeaderDecoder(kind: .compressedImage).decode(handle)
                let image = try ImageDecoder(layout: layout).decode(handle, hdu: index)
                hdus.append(.image(FITSImageHDU(header: header, image: image)))
            case .table:
                let header = try HeaderDecoder(kind: .table).decode(handle)
                let table = try TableDecoder(limits: limits).decode(handle, hdu: index)
                hdus.append(.table(FITSTableHDU(header: header, table: table)))
            }
        }
        return hdus
    }
}
