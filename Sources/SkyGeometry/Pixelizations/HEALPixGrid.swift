import Foundation

/// HEALPix cells of one order in nested numbering: twelve faces of 2^order by 2^order cells, in Morton order.
///
/// Positions are z (the sine of the latitude) and the longitude phi in radians. The arithmetic follows that of hpgeom,
/// which the observatory's library uses, so that cells on a border come out the same.
struct HEALPixGrid: Sendable {
    let order: Int
    /// Cells along the side of a face.
    let side: Int
    let cellCount: Int
    private let polarScale: Double
    private let equatorialScale: Double

    private static let halfPi = 1.5707963267948966
    private static let inverseHalfPi = 0.6366197723675814
    /// For each face, the ring of its southern corner and the longitude of its centre, in sides and π/4.
    private static let faceRing = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]
    private static let faceLongitude = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7]

    init(order: Int) {
        self.order = order
        side = 1 << order
        cellCount = 12 << (2 * order)
        polarScale = 4.0 / Double(cellCount)
        equatorialScale = Double(side << 1) * polarScale
    }

    struct Cell: Equatable {
        var x: Int
        var y: Int
        var face: Int
    }

    /// A position; near the poles with the cosine of the latitude, which z alone would give too coarsely.
    struct Position {
        var z: Double
        var phi: Double
        var polarCosine: Double?

        /// The angle from the north pole.
        var theta: Double { polarCosine.map { atan2($0, z) } ?? acos(z) }

        var vector: Vector3 {
            let radius = polarCosine ?? ((1.0 - z) * (1.0 + z)).squareRoot()
            return Vector3(radius * cos(phi), radius * sin(phi), z)
        }
    }

    func index(_ cell: Cell) -> Int {
        (cell.face << (2 * order)) + Int(mortonIndex(s: UInt32(cell.x), t: UInt32(cell.y)))
    }

    func cell(_ index: Int) -> Cell {
        let (x, y) = mortonCell(UInt64(index & ((1 << (2 * order)) - 1)))
        return Cell(x: Int(x), y: Int(y), face: index >> (2 * order))
    }

    // MARK: From positions to cells

    func index(of v: UnitVector) -> Int {
        let inverseLength = 1.0 / v.vector.norm
        let phi = v.x == 0.0 && v.y == 0.0 ? 0.0 : atan2(v.y, v.x)
        let z = v.z * inverseLength
        let cosine = abs(z) > 0.99 ? (v.x * v.x + v.y * v.y).squareRoot() * inverseLength : nil
        return index(of: Position(z: z, phi: phi, polarCosine: cosine))
    }

    func index(theta: Double, phi: Double) -> Int {
        let isPolar = theta < 0.01 || theta > 3.14159 - 0.01
        return index(of: Position(z: cos(theta), phi: phi, polarCosine: isPolar ? nil : sin(theta)))
    }

    private func index(of p: Position) -> Int {
        let height = abs(p.z)
        // The longitude in quarter turns, within [0, 4).
        let quarters = reduce(p.phi * HEALPixGrid.inverseHalfPi, by: 4.0)
        let n = Double(side)
        if height <= 2.0 / 3.0 {
            let t1 = n * (0.5 + quarters)
            let t2 = n * (p.z * 0.75)
            // The diagonal lines of cells that rise and fall to the east.
            let rising = Int(t1 - t2)
            let falling = Int(t1 + t2)
            let (r, f) = (rising >> order, falling >> order)
            let face = r == f ? (r | 4) : r < f ? r : f + 8
            return index(Cell(x: falling & (side - 1), y: side - (rising & (side - 1)) - 1, face: face))
        }
        let quarter = min(Int(quarters), 3)
        let part = quarters - Double(quarter)
        let distance: Double
        if height >= 0.99, let cosine = p.polarCosine {
            distance = n * cosine / ((1.0 + height) / 3.0).squareRoot()
        } else {
            distance = n * (3.0 * (1.0 - height)).squareRoot()
        }
        let rising = min(Int(part * distance), side - 1)
        let falling = min(Int((1.0 - part) * distance), side - 1)
        return p.z >= 0.0
            ? index(Cell(x: side - falling - 1, y: side - rising - 1, face: quarter))
            : index(Cell(x: rising, y: falling, face: quarter + 8))
    }

    // MARK: From cells to positions

    /// The centre of a cell.
    func center(_ index: Int) -> Position {
        let c = cell(index)
        let ring = (HEALPixGrid.faceRing[c.face] << order) - c.x - c.y - 1
        let ringSide: Int
        var position = Position(z: 0.0, phi: 0.0, polarCosine: nil)
        if ring < side {
            ringSide = ring
            let t = Double(ringSide * ringSide) * polarScale
            position.z = 1.0 - t
            if position.z > 0.99 { position.polarCosine = (t * (2.0 - t)).squareRoot() }
        } else if ring > 3 * side {
            ringSide = side * 4 - ring
            let t = Double(ringSide * ringSide) * polarScale
            position.z = t - 1.0
            if position.z < -0.99 { position.polarCosine = (t * (2.0 - t)).squareRoot() }
        } else {
            ringSide = side
            position.z = Double(2 * side - ring) * equatorialScale
        }
        var eighths = HEALPixGrid.faceLongitude[c.face] * ringSide + c.x - c.y
        if eighths < 0 { eighths += 8 * ringSide }
        position.phi =
            ringSide == side
            ? 0.75 * HEALPixGrid.halfPi * Double(eighths) * equatorialScale
            : (0.5 * HEALPixGrid.halfPi * Double(eighths)) / Double(ringSide)
        return position
    }

    /// Points along the border of a cell, `steps` per side, from the northern corner counter-clockwise.
    func boundary(_ index: Int, steps: Int) -> [Position] {
        let c = cell(index)
        let half = 0.5 / Double(side)
        let x = (Double(c.x) + 0.5) / Double(side)
        let y = (Double(c.y) + 0.5) / Double(side)
        let step = 1.0 / Double(steps * side)
        let offsets = (0..<steps).map { Double($0) * step }
        return offsets.map { HEALPixGrid.position(x + half - $0, y + half, face: c.face) }
            + offsets.map { HEALPixGrid.position(x - half, y + half - $0, face: c.face) }
            + offsets.map { HEALPixGrid.position(x - half + $0, y - half, face: c.face) }
            + offsets.map { HEALPixGrid.position(x + half, y - half + $0, face: c.face) }
    }

    /// The position of a point on a face, with x and y in units of the face's side.
    private static func position(_ x: Double, _ y: Double, face: Int) -> Position {
        let ring = Double(faceRing[face]) - x - y
        let ringSide: Double
        var position = Position(z: 0.0, phi: 0.0, polarCosine: nil)
        if ring < 1.0 {
            ringSide = ring
            let t = ringSide * ringSide / 3.0
            position.z = 1.0 - t
            if position.z > 0.99 { position.polarCosine = (t * (2.0 - t)).squareRoot() }
        } else if ring > 3.0 {
            ringSide = 4.0 - ring
            let t = ringSide * ringSide / 3.0
            position.z = t - 1.0
            if position.z < -0.99 { position.polarCosine = (t * (2.0 - t)).squareRoot() }
        } else {
            ringSide = 1.0
            position.z = (2.0 - ring) * 2.0 / 3.0
        }
        var eighths = Double(faceLongitude[face]) * ringSide + x - y
        if eighths < 0.0 { eighths += 8.0 }
        if eighths >= 8.0 { eighths -= 8.0 }
        position.phi = ringSide < 1e-15 ? 0.0 : (0.5 * halfPi * eighths) / ringSide
        return position
    }

    /// The greatest distance from the centre of a cell to its border, in radians.
    var greatestRadius: Double {
        let phi = pi / (4.0 * Double(side))
        let za = 2.0 / 3.0
        let ra = ((1.0 - za) * (1.0 + za)).squareRoot()
        let a = Vector3(ra * cos(phi), ra * sin(phi), za)
        var t = 1.0 - 1.0 / Double(side)
        t *= t
        let zb = 1.0 - t / 3.0
        let b = Vector3(((1.0 - zb) * (1.0 + zb)).squareRoot(), 0.0, zb)
        return atan2(a.cross(b).norm, a.dot(b))
    }

    // MARK: Neighbours

    private static let directions = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]

    /// For the direction in which a face is left (SW row first), the face that lies there; −1 for none.
    private static let adjacentFaces = [
        [8, 9, 10, 11, -1, -1, -1, -1, 10, 11, 8, 9],
        [5, 6, 7, 4, 8, 9, 10, 11, 9, 10, 11, 8],
        [-1, -1, -1, -1, 5, 6, 7, 4, -1, -1, -1, -1],
        [4, 5, 6, 7, 11, 8, 9, 10, 11, 8, 9, 10],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        [1, 2, 3, 0, 0, 1, 2, 3, 5, 6, 7, 4],
        [-1, -1, -1, -1, 7, 4, 5, 6, -1, -1, -1, -1],
        [3, 0, 1, 2, 3, 0, 1, 2, 4, 5, 6, 7],
        [2, 3, 0, 1, -1, -1, -1, -1, 0, 1, 2, 3],
    ]

    /// How the axes change on the way there, for northern, equatorial and southern faces.
    private static let axisChanges = [
        [0, 0, 3], [0, 0, 6], [0, 0, 0], [0, 0, 5], [0, 0, 0], [5, 0, 0], [0, 0, 0], [6, 0, 0], [3, 0, 0],
    ]

    /// The six to eight cells that share a side or a corner with a cell.
    func neighbors(_ index: Int) -> [Int] {
        let c = cell(index)
        return HEALPixGrid.directions.compactMap { dx, dy in
            var (x, y) = (c.x + dx, c.y + dy)
            var place = 4
            if x < 0 {
                x += side
                place -= 1
            } else if x >= side {
                x -= side
                place += 1
            }
            if y < 0 {
                y += side
                place -= 3
            } else if y >= side {
                y -= side
                place += 3
            }
            let face = HEALPixGrid.adjacentFaces[place][c.face]
            guard face >= 0 else { return nil }
            let change = HEALPixGrid.axisChanges[place][c.face / 4]
            if change & 1 != 0 { x = side - x - 1 }
            if change & 2 != 0 { y = side - y - 1 }
            if change & 4 != 0 { swap(&x, &y) }
            return self.index(Cell(x: x, y: y, face: face))
        }
    }
}

/// The remainder within [0, `modulus`).
func reduce(_ x: Double, by modulus: Double) -> Double {
    if x >= 0.0 { return x < modulus ? x : fmod(x, modulus) }
    let r = fmod(x, modulus) + modulus
    return r == modulus ? 0.0 : r
}
