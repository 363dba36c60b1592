/// Pixels of one of the element types of FITS. Unsigned 16 and 32-bit and signed 8-bit integers are stored with the
/// `BZERO` offsets of the FITS standard 4.0, table 11; that is invisible here. Unsigned 64-bit images are refused:
/// cfitsio 4.2.0 reports an overflow for large values in them.
public enum FITSPixels: Sendable, Hashable {
    case int8([Int8])
    case uint8([UInt8])
    case int16([Int16])
    case uint16([UInt16])
    case int32([Int32])
    case uint32([UInt32])
    case int64([Int64])
    case float([Float])
    case double([Double])

    public var count: Int {
        switch self {
        case .int8(let pixels): pixels.count
        case .uint8(let pixels): pixels.count
        case .int16(let pixels): pixels.count
        case .uint16(let pixels): pixels.count
        case .int32(let pixels): pixels.count
        case .uint32(let pixels): pixels.count
        case .int64(let pixels): pixels.count
        case .float(let pixels): pixels.count
        case .double(let pixels): pixels.count
        }
    }

    /// Bytes that they take in memory, and stored without compression.
    var byteCount: Int {
        switch self {
        case .int8, .uint8: count
        case .int16, .uint16: 2 * count
        case .int32, .uint32, .float: 4 * count
        case .int64, .double: 8 * count
        }
    }

    public var isFloatingPoint: Bool {
        switch self {
        case .float, .double: true
        default: false
        }
    }
}

/// An array of pixels with one or more axes.
public struct FITSImage: Sendable, Hashable {
    /// Lengths of the axes, slowest first as numpy has them: `(rows, columns)` for an image, so `shape.last` is
    /// `NAXIS1`.
    public let shape: [Int]
    /// Row after row; the last axis runs fastest.
    public let pixels: FITSPixels

    /// - Throws: `FITSError.shapeMismatch` when the product of the shape is not the number of pixels, or the shape is
    ///   empty, has a negative length or more than 9 axes.
    public init(shape: [Int], pixels: FITSPixels) throws(FITSError) {
        var product = 1
        for length in shape {
            let (result, overflow) = product.multipliedReportingOverflow(by: length)
            guard length >= 0, !overflow else { throw .shapeMismatch(shape: shape, pixels: pixels.count) }
            product = result
        }
        guard (1...9).contains(shape.count), product == pixels.count else {
            throw .shapeMismatch(shape: shape, pixels: pixels.count)
        }
        self.shape = shape
        self.pixels = pixels
    }
}
