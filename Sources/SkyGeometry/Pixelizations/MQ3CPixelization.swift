/// The modified quad tree cube: six faces −z, +x, +y, +z, −x, −y, numbered from 10, each divided in four per level,
/// in the order of a Hilbert curve.
///
/// Cell borders are spaced so that pixels are closer to each other in area than those of the plain quad tree cube.
public struct MQ3CPixelization: Pixelization {
    public static let levels = 0...30

    public let level: Int

    /// - Throws: `SkyGeometryError.invalidLevel`
    public init(level: Int) throws(SkyGeometryError) {
        try PixelizationKind.mq3c.check(level: level)
        self.level = level
    }

    private static let cube = CubeProjection(faces: [
        .init(u: (0, 1.0), v: (1, 1.0), w: (2, -1.0)),
        .init(u: (1, 1.0), v: (2, 1.0), w: (0, 1.0)),
        .init(u: (2, 1.0), v: (0, -1.0), w: (1, 1.0)),
        .init(u: (0, -1.0), v: (1, -1.0), w: (2, 1.0)),
        .init(u: (1, -1.0), v: (2, -1.0), w: (0, -1.0)),
        .init(u: (2, -1.0), v: (0, 1.0), w: (1, -1.0)),
    ])

    private static let faceNames = ["-Z", "+X", "+Y", "+Z", "-X", "-Y"]

    /// A quadratic near an arctangent, which spaces the cells more evenly on the sphere.
    private static func warp(_ u: Double) -> Double {
        u * (1.3333333333333333 - 0.3333333333333333 * abs(u))
    }

    private static func unwarp(_ u: Double) -> Double {
        let magnitude = 2.0 - (4.0 - 3.0 * abs(u)).squareRoot()
        return u.sign == .minus ? -magnitude : magnitude
    }

    /// The level that an index belongs to, or nil if it is no index of any level.
    public static func level(of index: UInt64) -> Int? {
        let topBit = 63 - index.leadingZeroBitCount
        guard topBit >= 3, topBit % 2 == 1, index >> UInt64(topBit - 3) >= 10 else { return nil }
        return (topBit - 3) / 2
    }

    public func index(of v: UnitVector) -> UInt64 {
        let face = MQ3CPixelization.cube.face(of: v)
        let p = MQ3CPixelization.cube.project(v, onto: face)
        let cell = CubeProjection.cell(MQ3CPixelization.warp(p.u), MQ3CPixelization.warp(p.v), level: level)
        return (UInt64(face + 10) << UInt64(2 * level)) | hilbertIndex(s: cell.s, t: cell.t, level: level)
    }

    public func pixel(_ index: UInt64) throws(SkyGeometryError) -> Region {
        guard (10..<16).contains(index >> UInt64(2 * level)) else { throw invalid(index) }
        var corners: [UnitVector] = []
        MQ3CPixelization.appendQuad(index, level: level, to: &corners)
        return .polygon(ConvexPolygon(unchecked: corners))
    }

    /// The axis through the face, then a digit for each level; for an index of any level.
    public func name(of index: UInt64) throws(SkyGeometryError) -> String {
        guard let level = MQ3CPixelization.level(of: index) else { throw invalid(index) }
        let digits = stride(from: 2 * level - 2, through: 0, by: -2).map { "\((index >> UInt64($0)) & 3)" }
        return MQ3CPixelization.faceNames[Int(index >> UInt64(2 * level)) - 10] + digits.joined()
    }

    private func invalid(_ index: UInt64) -> SkyGeometryError {
        .invalidPixel(index, pixelization: "MQ3C level \(level)")
    }
}

extension MQ3CPixelization: PixelTree {
    var roots: Range<UInt64> { 10..<16 }
    static var cornerCount: Int { 4 }

    func appendRoot(_ index: UInt64, to corners: inout [UnitVector]) {
        MQ3CPixelization.appendQuad(index, level: 0, to: &corners)
    }

    func appendChildren(of index: UInt64, level: Int, parent: Int, to corners: inout [UnitVector]) {
        for child in 0..<4 { MQ3CPixelization.appendQuad(index * 4 + UInt64(child), level: level + 1, to: &corners) }
    }

    private static func appendQuad(_ index: UInt64, level: Int, to corners: inout [UnitVector]) {
        let face = Int(index >> UInt64(2 * level)) - 10
        let cell = hilbertCell(index, level: level)
        let grid = CubeProjection.corners(s: cell.s, t: cell.t, level: level)
        let (u0, v0, u1, v1) = (unwarp(grid.u0), unwarp(grid.v0), unwarp(grid.u1), unwarp(grid.v1))
        let second = cube.direction(u1, v0, face: face)
        let fourth = cube.direction(u0, v1, face: face)
        // Seen from outside, u and v are left-handed on even faces.
        let isLeftHanded = face % 2 == 0
        corners.append(cube.direction(u0, v0, face: face))
        corners.append(isLeftHanded ? fourth : second)
        corners.append(cube.direction(u1, v1, face: face))
        corners.append(isLeftHanded ? second : fourth)
    }
}
