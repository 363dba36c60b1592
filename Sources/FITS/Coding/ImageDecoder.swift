import CFITSIO

/// Reads the pixels of the current HDU.
struct ImageDecoder {
    let layout: HDULayout

    func decode(_ handle: borrowing CFITSIOHandle, hdu: Int) throws(FITSError) -> FITSImage {
        var type: Int32 = 0
        var count: Int32 = 0
        var axes = [LONGLONG](repeating: 0, count: 9)
        try handle.call("read the shape of HDU \(hdu) of") { ffgiprll($0, 9, &type, &count, &axes, $1) }
        let lengths = axes.prefix(max(0, Int(count))).map { Int64($0) }
        // The sizes were checked from the same header; a difference would mean unchecked allocations.
        guard lengths == layout.axes else {
            throw .malformed(file: handle.file, hdu: hdu, reason: "its axis lengths \(lengths) contradict its header")
        }
        try handle.call("read the pixel type of HDU \(hdu) of") { ffgiet($0, &type, $1) }
        let shape = lengths.reversed().map { Int($0) }
        return try FITSImage(shape: shape, pixels: pixels(type, shape.reduce(1, *), handle, hdu))
    }

    private func pixels(
        _ type: Int32, _ count: Int, _ handle: borrowing CFITSIOHandle, _ hdu: Int
    ) throws(FITSError) -> FITSPixels {
        switch type {
        case SBYTE_IMG: .int8(try read(count, handle, hdu))
        case BYTE_IMG: .uint8(try read(count, handle, hdu))
        case SHORT_IMG: .int16(try read(count, handle, hdu))
        case USHORT_IMG: .uint16(try read(count, handle, hdu))
        case LONG_IMG: .int32(try read(count, handle, hdu))
        case ULONG_IMG: .uint32(try read(count, handle, hdu))
        case LONGLONG_IMG: .int64(try read(count, handle, hdu))
        case FLOAT_IMG: .float(try readFloats(count, null: .nan, handle, hdu))
        case DOUBLE_IMG: .double(try readFloats(count, null: .nan, handle, hdu))
        default:
            throw .unsupported(
                what: "the pixel type (cfitsio code \(type)) in HDU \(hdu) of \(handle.file)",
                remedy: "convert the image")
        }
    }

    /// With a null value cfitsio replaces undefined pixels, but also infinities and the smallest numbers. So it gets one
    /// only where undefined pixels are coded as integers.
    private func readFloats<Element: FITSElement>(
        _ count: Int, null: Element, _ handle: borrowing CFITSIOHandle, _ hdu: Int
    ) throws(FITSError) -> [Element] {
        var bitpix: Int32 = 0
        try handle.call("read the pixel type of HDU \(hdu) of") { ffgidt($0, &bitpix, $1) }
        return try read(count, null: layout.isQuantized || bitpix > 0 ? null : nil, handle, hdu)
    }

    private func read<Element: FITSElement>(
        _ count: Int, null: Element? = nil, _ handle: borrowing CFITSIOHandle, _ hdu: Int
    ) throws(FITSError) -> [Element] {
        guard count > 0 else { return [] }
        let pointer = handle.pointer
        var first = [LONGLONG](repeating: 1, count: 9)
        var status: Int32 = 0
        let pixels = [Element](unsafeUninitializedCapacity: count) { buffer, filled in
            if var null {
                ffgpxvll(pointer, Element.memoryCode, &first, LONGLONG(count), &null, buffer.baseAddress, nil, &status)
            } else {
                ffgpxvll(pointer, Element.memoryCode, &first, LONGLONG(count), nil, buffer.baseAddress, nil, &status)
            }
            filled = status == 0 ? count : 0
        }
        guard status == 0 else {
            throw .library(
                file: handle.file, operation: "read the pixels of HDU \(hdu) of", status: status,
                message: CFITSIOGate.message(for: status))
        }
        return pixels
    }
}
