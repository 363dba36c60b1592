/// The quad tree cube: six faces +z, +x, +y, −x, −y, −z, each divided in four per level, in Morton order.
public struct Q3CPixelization: Pixelization {
    public static let levels = 0...30

    public let level: Int

    /// - Throws: `SkyGeometryError.invalidLevel`
    public init(level: Int) throws(SkyGeometryError) {
        try PixelizationKind.q3c.check(level: level)
        self.level = level
    }

    private static let cube = CubeProjection(faces: [
        .init(u: (1, 1.0), v: (0, -1.0), w: (2, 1.0)),
        .init(u: (1, 1.0), v: (2, 1.0), w: (0, 1.0)),
        .init(u: (0, -1.0), v: (2, 1.0), w: (1, 1.0)),
        .init(u: (1, -1.0), v: (2, 1.0), w: (0, -1.0)),
        .init(u: (0, 1.0), v: (2, 1.0), w: (1, -1.0)),
        .init(u: (1, 1.0), v: (0, 1.0), w: (2, -1.0)),
    ])

    private static let faceNames = ["+Z", "+X", "+Y", "-X", "-Y", "-Z"]

    public func index(of v: UnitVector) -> UInt64 {
        let face = Q3CPixelization.cube.face(of: v)
        let p = Q3CPixelization.cube.project(v, onto: face)
        let cell = CubeProjection.cell(p.u, p.v, level: level)
        return (UInt64(face) << UInt64(2 * level)) | mortonIndex(s: cell.s, t: cell.t)
    }

    public func pixel(_ index: UInt64) throws(SkyGeometryError) -> Region {
        try check(index)
        var corners: [UnitVector] = []
        Q3CPixelization.appendQuad(index, level: level, to: &corners)
        return .polygon(ConvexPolygon(unchecked: corners))
    }

    /// The axis through the face, then a digit for each level.
    public func name(of index: UInt64) throws(SkyGeometryError) -> String {
        try check(index)
        let digits = stride(from: 2 * level - 2, through: 0, by: -2).map { "\((index >> UInt64($0)) & 3)" }
        return Q3CPixelization.faceNames[Int(index >> UInt64(2 * level))] + digits.joined()
    }

    private func check(_ index: UInt64) throws(SkyGeometryError) {
        guard index < 6 << UInt64(2 * level) else {
            throw .invalidPixel(index, pixelization: "Q3C level \(level)")
        }
    }
}

extension Q3CPixelization: PixelTree {
    var roots: Range<UInt64> { 0..<6 }
    static var cornerCount: Int { 4 }

    func appendRoot(_ index: UInt64, to corners: inout [UnitVector]) {
        Q3CPixelization.appendQuad(index, level: 0, to: &corners)
    }

    func appendChildren(of index: UInt64, level: Int, parent: Int, to corners: inout [UnitVector]) {
        for child in 0..<4 { Q3CPixelization.appendQuad(index * 4 + UInt64(child), level: level + 1, to: &corners) }
    }

    private static func appendQuad(_ index: UInt64, level: Int, to corners: inout [UnitVector]) {
        let face = Int(index >> UInt64(2 * level))
        let cell = mortonCell(index & ((1 << UInt64(2 * level)) - 1))
        let (u0, v0, u1, v1) = CubeProjection.corners(s: cell.s, t: cell.t, level: level)
        corners.append(cube.direction(u0, v0, face: face))
        corners.append(cube.direction(u1, v0, face: face))
        corners.append(cube.direction(u1, v1, face: face))
        corners.append(cube.direction(u0, v1, face: face))
    }
}
