/// The hierarchical triangular mesh: eight triangles of an octahedron, each divided in four per level.
///
/// An index has a leading one bit, three bits for the root triangle and two bits per level.
public struct HTMPixelization: Pixelization {
    public static let levels = 0...24

    public let level: Int

    /// - Throws: `SkyGeometryError.invalidLevel`
    public init(level: Int) throws(SkyGeometryError) {
        try PixelizationKind.htm.check(level: level)
        self.level = level
    }

    private static let rootTriangles: [[UnitVector]] = [
        [.X, -.Z, .Y], [.Y, -.Z, -.X], [-.X, -.Z, -.Y], [-.Y, -.Z, .X],
        [.X, .Z, -.Y], [-.Y, .Z, -.X], [-.X, .Z, .Y], [.Y, .Z, .X],
    ]

    /// The level that an index belongs to, or nil if it is no index of any level.
    public static func level(of index: UInt64) -> Int? {
        let topBit = 63 - index.leadingZeroBitCount
        guard topBit >= 3, topBit % 2 == 1 else { return nil }
        let level = (topBit - 3) / 2
        return levels.contains(level) ? level : nil
    }

    public func index(of v: UnitVector) -> UInt64 {
        let root = HTMPixelization.root(of: v)
        let triangle = HTMPixelization.rootTriangles[root]
        var (v0, v1, v2) = (triangle[0], triangle[1], triangle[2])
        var index = UInt64(root + 8)
        for _ in 0..<level {
            let m01 = UnitVector(normalizing: v0.vector + v1.vector)
            let m20 = UnitVector(normalizing: v2.vector + v0.vector)
            index <<= 2
            if orientation(v, m01, m20) >= 0 {
                (v1, v2) = (m01, m20)
                continue
            }
            let m12 = UnitVector(normalizing: v1.vector + v2.vector)
            if orientation(v, m12, m01) >= 0 {
                (v0, v1, v2) = (v1, m12, m01)
                index += 1
            } else if orientation(v, m20, m12) >= 0 {
                (v0, v1, v2) = (v2, m20, m12)
                index += 2
            } else {
                (v0, v1, v2) = (m12, m20, m01)
                index += 3
            }
        }
        return index
    }

    private static func root(of v: UnitVector) -> Int {
        if v.z < 0.0 {
            if v.y > 0.0 { return v.x > 0.0 ? 0 : 1 }
            if v.y == 0.0 { return v.x >= 0.0 ? 0 : 2 }
            return v.x < 0.0 ? 2 : 3
        }
        if v.y > 0.0 { return v.x > 0.0 ? 7 : 6 }
        if v.y == 0.0 { return v.x >= 0.0 ? 7 : 5 }
        return v.x < 0.0 ? 5 : 4
    }

    /// The triangle of an index of this or any other level.
    public func pixel(_ index: UInt64) throws(SkyGeometryError) -> Region {
        guard let level = HTMPixelization.level(of: index) else { throw invalid(index) }
        var corners = HTMPixelization.rootTriangles[Int(index >> UInt64(2 * level)) & 7]
        for shift in stride(from: 2 * level - 2, through: 0, by: -2) {
            var children: [UnitVector] = []
            HTMPixelization.appendChildren(of: corners[0], corners[1], corners[2], to: &children)
            let child = 3 * Int((index >> UInt64(shift)) & 3)
            corners = Array(children[child..<(child + 3)])
        }
        return .polygon(ConvexPolygon(unchecked: corners))
    }

    /// N or S for the hemisphere, then a digit for the root triangle and for each level.
    public func name(of index: UInt64) throws(SkyGeometryError) -> String {
        guard let level = HTMPixelization.level(of: index) else { throw invalid(index) }
        let digits = stride(from: 2 * level, through: 0, by: -2).map { "\((index >> UInt64($0)) & 3)" }
        let isNorth = (index >> UInt64(2 * level + 2)) & 1 == 1
        return (isNorth ? "N" : "S") + digits.joined()
    }

    private func invalid(_ index: UInt64) -> SkyGeometryError {
        .invalidPixel(index, pixelization: "HTM level \(level)")
    }
}

extension HTMPixelization: PixelTree {
    var roots: Range<UInt64> { 8..<16 }
    static var cornerCount: Int { 3 }

    func appendRoot(_ index: UInt64, to corners: inout [UnitVector]) {
        corners += HTMPixelization.rootTriangles[Int(index - 8)]
    }

    func appendChildren(of index: UInt64, level: Int, parent: Int, to corners: inout [UnitVector]) {
        HTMPixelization.appendChildren(
            of: corners[parent], corners[parent + 1], corners[parent + 2], to: &corners)
    }

    /// Three triangles at the corners and one in the middle, cut out by the midpoints of the sides.
    @inline(__always)
    private static func appendChildren(
        of v0: UnitVector, _ v1: UnitVector, _ v2: UnitVector, to corners: inout [UnitVector]
    ) {
        let m0 = UnitVector(normalizing: v1.vector + v2.vector)
        let m1 = UnitVector(normalizing: v2.vector + v0.vector)
        let m2 = UnitVector(normalizing: v0.vector + v1.vector)
        for corner in [v0, m2, m1, v1, m0, m2, v2, m1, m0, m0, m1, m2] { corners.append(corner) }
    }
}
