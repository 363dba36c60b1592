import CFITSIO

/// Turns HDUs into the bytes of a file.
///
/// Each HDU is made in a small file of its own in memory and handed out. Of an image that is stored as it is only the header
/// is; its pixels go out through a buffer.
struct FITSEncoder {
    let file: String

    /// - Parameter sink: takes the bytes of the file, one piece after another.
    func encode(
        _ hdus: [FITSHDU], _ sink: (UnsafeRawBufferPointer) throws(FITSError) -> Void
    ) throws(FITSError) {
        guard case .image? = hdus.first else {
            throw .invalidContent(what: file, reason: "the first HDU must be an image or empty, tables come after it")
        }
        for (index, hdu) in hdus.enumerated() {
            try CFITSIOGate.run { () throws(FITSError) in
                if case .image(let image) = hdu, image.compression == nil, let pixels = image.image?.pixels,
                    pixels.count > 0
                {
                    try encodePlain(image, pixels, index, sink)
                } else {
                    try withMemory { base, size throws(FITSError) in
                        let handle = try CFITSIOHandle.writing(base, size, file: file)
                        let range = try encode(hdu, index, handle)
                        guard let memory = base.pointee, range.upperBound <= size.pointee else { throw incomplete }
                        try sink(UnsafeRawBufferPointer(start: memory + range.lowerBound, count: range.count))
                    }
                }
            }
        }
    }

    private var incomplete: FITSError {
        .system(file: file, operation: "write", message: "the encoded file is incomplete")
    }

    /// Memory for cfitsio to write in, for as long as `body` runs.
    private func withMemory<Result>(
        _ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<Int>) throws(FITSError) -> Result
    ) throws(FITSError) -> Result {
        var outcome: Swift.Result<Result, FITSError>?
        var size = 0
        var base: UnsafeMutableRawPointer?
        withUnsafeMutablePointer(to: &base) { base in
            withUnsafeMutablePointer(to: &size) { size in
                outcome = Swift.Result { () throws(FITSError) in try body(base, size) }
            }
        }
        ZeroedMemory.release(base)
        guard let outcome else { throw incomplete }
        return try outcome.get()
    }

    /// An extension needs something to extend.
    private func beginFile(_ index: Int, _ handle: borrowing CFITSIOHandle) throws(FITSError) {
        guard index > 0 else { return }
        try handle.call("create") { pointer, status in
            fits_set_compression_type(pointer, 0, status)
            ffcrimll(pointer, Int32(BYTE_IMG), 0, nil, status)
        }
    }

    /// Writes an HDU and its checksums.
    /// - Returns: where it is.
    private func encode(
        _ hdu: FITSHDU, _ index: Int, _ handle: borrowing CFITSIOHandle
    ) throws(FITSError) -> Range<Int> {
        try beginFile(index, handle)
        switch hdu {
        case .image(let image): try ImageEncoder(index: index).encode(image, handle)
        case .table(let table): try TableEncoder(index: index).encode(table, handle)
        }
        try handle.call("write the checksum of HDU \(index) of") { pointer, status in
            ffpcks(pointer, status)
            // cfitsio dates the comments, and the same content would give other bytes at another time.
            ffmcom(pointer, "DATASUM", Self.dataComment, status)
            ffmkys(pointer, "CHECKSUM", Self.noChecksum, Self.wholeComment, status)
            ffpcks(pointer, status)
        }
        return try position(handle).whole
    }

    private static let dataComment = "sum of the data"
    private static let wholeComment = "sum of the HDU"
    private static let noChecksum = "0000000000000000"

    /// Where the current HDU and its data are, once all is written.
    private func position(
        _ handle: borrowing CFITSIOHandle
    ) throws(FITSError) -> (whole: Range<Int>, data: Int) {
        try handle.call("finish") { ffflus($0, $1) }
        var (start, data, end): (LONGLONG, LONGLONG, LONGLONG) = (0, 0, 0)
        try handle.call("finish") { ffghadll($0, &start, &data, &end, $1) }
        return (Int(start)..<Int(end), Int(data))
    }

    // MARK: Plain images

    private func encodePlain(
        _ hdu: FITSImageHDU, _ pixels: FITSPixels, _ index: Int,
        _ sink: (UnsafeRawBufferPointer) throws(FITSError) -> Void
    ) throws(FITSError) {
        guard let image = hdu.image else { return }
        let dataSum = pixels.storedChecksum
        var header = try withMemory { base, size throws(FITSError) in
            let handle = try CFITSIOHandle.writing(base, size, file: file)
            try beginFile(index, handle)
            try ImageEncoder(index: index).encodeHeader(hdu, image, handle)
            try handle.call("write the checksum of HDU \(index) of") { pointer, status in
                ffpkys(pointer, "CHECKSUM", Self.noChecksum, Self.wholeComment, status)
                ffpkys(pointer, "DATASUM", String(dataSum.sum), Self.dataComment, status)
            }
            let place = try position(handle)
            guard let memory = base.pointee, place.data <= size.pointee else { throw incomplete }
            return [UInt8](
                UnsafeRawBufferPointer(start: memory + place.whole.lowerBound, count: place.data - place.whole.lowerBound))
        }
        for (axis, length) in image.shape.reversed().enumerated() {
            try setValue(of: "NAXIS\(axis + 1)", String(repeating: " ", count: 20 - "\(length)".count) + "\(length)", &header)
        }
        var whole = dataSum
        header.withUnsafeBytes { whole.add($0) }
        try setValue(of: "CHECKSUM", "'" + String(decoding: whole.complement, as: UTF8.self) + "'", &header)
        var failure: FITSError?
        header.withUnsafeBytes { bytes in
            do throws(FITSError) { try sink(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        try pixels.visitStored(sink)
        let padding = [UInt8](repeating: 0, count: (2880 - pixels.byteCount % 2880) % 2880)
        padding.withUnsafeBytes { bytes in
            do throws(FITSError) { try sink(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Replaces the text of a value, by one of the same length.
    private func setValue(of keyword: String, _ text: String, _ header: inout [UInt8]) throws(FITSError) {
        let start = Array((keyword + String(repeating: " ", count: 8 - keyword.utf8.count) + "= ").utf8)
        for card in stride(from: 0, to: header.count, by: 80) where header[card...].starts(with: start) {
            header.replaceSubrange((card + 10)..<(card + 10 + text.utf8.count), with: text.utf8)
            return
        }
        throw .library(file: file, operation: "write \(keyword) of", status: 0, message: "the header has no such card")
    }
}
