/// The projection of the sphere onto the six faces of a cube, with a grid of 2^level by 2^level cells on each.
///
/// Cell corners lie on the plane of the face, with coordinates u and v from −1 to 1.
struct CubeProjection: Sendable {
    struct Face: Sendable {
        /// The components of a vector that u and v run along, with their signs, and the component across the face.
        let u: (axis: Int, sign: Double)
        let v: (axis: Int, sign: Double)
        let w: (axis: Int, sign: Double)
    }

    /// Outlines of pixels are this much larger than the cells, in units of u and v.
    static let dilation = 1.0e-15

    let faces: [Face]
    /// The faces that cross the axes +x, −x, +y, −y, +z, −z.
    private let faceOfAxis: [Int]

    init(faces: [Face]) {
        self.faces = faces
        faceOfAxis = (0..<6).map { side in
            faces.firstIndex { $0.w.axis == side / 2 && ($0.w.sign > 0) == (side % 2 == 0) } ?? 0
        }
    }

    /// The face a vector points through. On the borders between faces, the order of these tests decides.
    func face(of p: UnitVector) -> Int {
        let (x, y, z) = (p.x, p.y, p.z)
        let aboveDiagonal = (xy: x > y, xMinusY: x > -y, xz: x > z, xMinusZ: x > -z, yz: y > z, yMinusZ: y > -z)
        switch aboveDiagonal {
        case (true, true, true, true, _, _): return faceOfAxis[0]
        case (false, false, false, false, _, _): return faceOfAxis[1]
        case (false, true, _, _, true, true): return faceOfAxis[2]
        case (true, false, _, _, false, false): return faceOfAxis[3]
        case (_, _, false, true, false, true): return faceOfAxis[4]
        default: return faceOfAxis[5]
        }
    }

    /// The coordinates of a vector on its face.
    @inline(__always)
    func project(_ p: UnitVector, onto face: Int) -> (u: Double, v: Double) {
        let f = faces[face]
        let w = abs(p.vector[f.w.axis])
        return ((p.vector[f.u.axis] / w) * f.u.sign, (p.vector[f.v.axis] / w) * f.v.sign)
    }

    /// The direction of a point on a face.
    @inline(__always)
    func direction(_ u: Double, _ v: Double, face: Int) -> UnitVector {
        let f = faces[face]
        let norm = (1.0 + (u * u + v * v)).squareRoot()
        let (pu, pv, pw) = ((u / norm) * f.u.sign, (v / norm) * f.v.sign, f.w.sign / norm)
        func component(_ axis: Int) -> Double { f.u.axis == axis ? pu : f.v.axis == axis ? pv : pw }
        return UnitVector(unchecked: Vector3(component(0), component(1), component(2)))
    }

    /// The cell of a point on a face; points beyond the border belong to the outermost cells.
    static func cell(_ u: Double, _ v: Double, level: Int) -> (s: UInt32, t: UInt32) {
        let scale = level == 0 ? 0.5 : Double(1 << (level - 1))
        let greatest = Double((1 << level) - 1)
        func clamp(_ x: Double) -> UInt32 { UInt32(max(min(x, greatest), 0.0)) }
        return (clamp(u * scale + scale), clamp(v * scale + scale))
    }

    /// Two opposite corners of a cell's outline.
    static func corners(s: UInt32, t: UInt32, level: Int) -> (u0: Double, v0: Double, u1: Double, v1: Double) {
        let scale = 2.0 / Double(1 << level)
        let u = Double(s) * scale - 1.0
        let v = Double(t) * scale - 1.0
        return (u - dilation, v - dilation, (u + scale) + dilation, (v + scale) + dilation)
    }
}
