/// An image with a mask and a variance for every pixel, as `lsst.afw.image.MaskedImageF` is.
public struct MaskedImage: Sendable, Hashable {
    public let rows: Int
    public let columns: Int
    /// Row after row, `rows * columns` pixels; so are mask and variance.
    public let image: [Float]
    /// Bit `maskPlanes[name]` tells whether the pixel belongs to that plane.
    public let mask: [Int32]
    /// Squares of the image's unit.
    public let variance: [Float]
    /// Bit numbers, 0...31, by plane name.
    public var maskPlanes: [String: Int]
    /// The pixel (0, 0) of the arrays in the coordinates of the parent image (afw's `xy0`).
    public var origin: PixelOrigin
    /// Cards of the primary HDU.
    public var metadata: FITSHeader
    /// Cards that all three planes share, such as the keywords of the world coordinate system.
    public var planeHeader: FITSHeader

    /// The planes that every afw mask has.
    public static let defaultMaskPlanes: [String: Int] = [
        "BAD": 0, "SAT": 1, "INTRP": 2, "CR": 3, "EDGE": 4, "DETECTED": 5, "DETECTED_NEGATIVE": 6, "SUSPECT": 7,
        "NO_DATA": 8,
    ]

    /// - Throws: `.shapeMismatch` when an array does not have `rows * columns` pixels, `.invalidContent` for a plane
    ///   whose bit is not within 0...31.
    public init(
        rows: Int, columns: Int, image: [Float], mask: [Int32], variance: [Float],
        maskPlanes: [String: Int] = MaskedImage.defaultMaskPlanes, origin: PixelOrigin = PixelOrigin(x: 0, y: 0),
        metadata: FITSHeader = FITSHeader(), planeHeader: FITSHeader = FITSHeader()
    ) throws(FITSError) {
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
        for pixels in [image.count, mask.count, variance.count] {
            guard rows >= 0, columns >= 0, !overflow, pixels == count else {
                throw .shapeMismatch(shape: [rows, columns], pixels: pixels)
            }
        }
        if let plane = maskPlanes.first(where: { !(0...31).contains($0.value) }) {
            throw .invalidContent(
                what: "mask plane \(plane.key)", reason: "its bit \(plane.value) is not within 0...31")
        }
        self.rows = rows
        self.columns = columns
        self.image = image
        self.mask = mask
        self.variance = variance
        self.maskPlanes = maskPlanes
        self.origin = origin
        self.metadata = metadata
        self.planeHeader = planeHeader
    }

    /// The bits of the named planes together; unknown names add none.
    public func bitMask(_ planes: some Sequence<String>) -> Int32 {
        planes.reduce(0) { mask, name in
            maskPlanes[name].map { mask | Int32(truncatingIfNeeded: UInt32(1) << UInt32($0)) } ?? mask
        }
    }
}

/// Integer pixel coordinates.
public struct PixelOrigin: Sendable, Hashable {
    public var x: Int
    public var y: Int

    public init(x: Int, y: Int) {
        self.x = x
        self.y = y
    }
}
