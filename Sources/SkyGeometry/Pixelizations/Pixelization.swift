/// A division of the sphere into numbered pixels.
public protocol Pixelization: Sendable {
    /// The number of times the root pixels are divided in four.
    var level: Int { get }

    /// All pixel indices.
    var universe: RangeSet { get }

    /// The pixel of a point. A point on a border belongs to exactly one pixel.
    func index(of v: UnitVector) -> UInt64

    /// The outline of a pixel: a polygon that has all its points, and perhaps some more along the border.
    ///
    /// - Throws: `SkyGeometryError.invalidPixel`
    func pixel(_ index: UInt64) throws(SkyGeometryError) -> Region

    /// The pixels that may intersect a region.
    ///
    /// - Parameter maxRanges: If positive, coarser pixels are used near the border, so that no simple region gives more
    ///   ranges than this. A union or intersection applies it to each operand.
    /// - Throws: Only HEALPix throws, for compound or empty regions and for a positive `maxRanges`.
    func envelope(of region: Region, maxRanges: Int) throws(SkyGeometryError) -> RangeSet

    /// The pixels that certainly lie within a region. Parameters and errors as for `envelope`, but pixels are left out
    /// to keep to `maxRanges`.
    func interior(of region: Region, maxRanges: Int) throws(SkyGeometryError) -> RangeSet

    /// A text for an index that shows the path from the root pixel.
    ///
    /// - Throws: `SkyGeometryError.invalidPixel`
    func name(of index: UInt64) throws(SkyGeometryError) -> String
}

extension Pixelization {
    public func envelope(of region: Region) throws(SkyGeometryError) -> RangeSet {
        try envelope(of: region, maxRanges: 0)
    }

    public func interior(of region: Region) throws(SkyGeometryError) -> RangeSet {
        try interior(of: region, maxRanges: 0)
    }
}
