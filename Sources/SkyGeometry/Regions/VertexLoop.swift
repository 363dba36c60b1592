import Foundation

// Measures of a loop of three or more vertices, convex and counter-clockwise. They take spans, so that pixels are
// measured without building polygons.

/// Whether `v` lies on no edge's outer side.
@inline(__always)
func isInside(_ v: UnitVector, _ loop: borrowing Span<UnitVector>) -> Bool {
    var previous = loop[loop.count - 1]
    for i in loop.indices {
        let vertex = loop[i]
        if orientation(v, previous, vertex) < 0 { return false }
        previous = vertex
    }
    return true
}

/// The direction of the centre of mass of the enclosed area, or nil if the loop encloses none.
func loopCentroid(_ loop: borrowing Span<UnitVector>) -> UnitVector? {
    var sum = Vector3(0.0, 0.0, 0.0)
    var previous = loop[loop.count - 1]
    for i in loop.indices {
        let vertex = loop[i]
        var normal = previous.robustCross(vertex)
        let sine = 0.5 * normal.normalize()
        let cosine = previous.dot(vertex)
        let angle = sine == 0.0 && cosine == 0.0 ? 0.0 : atan2(sine, cosine)
        sum = sum + normal * angle
        previous = vertex
    }
    return try? UnitVector(sum)
}

/// The circle around the centroid through the farthest vertex, plus a margin for rounding.
func loopBoundingCircle(_ loop: borrowing Span<UnitVector>) -> Circle {
    guard let center = loopCentroid(loop) else { return .full }
    var chord = 0.0
    for i in loop.indices { chord = larger(chord, loop[i].squaredChord(to: center)) }
    return Circle(center: center, squaredChordLength: chord + 2.0 * maxSquaredChordLengthError)
}

/// A box around the loop, 5e-10 rad wider than needed on each side.
func loopBoundingBox(_ loop: borrowing Span<UnitVector>) -> Box {
    let margin = 5.0e-10
    var box = Box.empty
    // A loop that turns one way only, seen from a pole, has that pole inside.
    var hasClockwise = false
    var hasCounterClockwise = false
    var previous = loop[loop.count - 1]
    for i in loop.indices {
        let vertex = loop[i]
        box.expand(to: Box(center: LonLat(vertex), radians: margin, margin))
        if !hasClockwise || !hasCounterClockwise {
            let turn = orientationZ(previous, vertex)
            hasCounterClockwise = hasCounterClockwise || turn > 0
            hasClockwise = hasClockwise || turn < 0
        }
        // An edge's great circle is farthest north or south at ±v; that counts if it lies within the edge.
        let n = previous.robustCross(vertex)
        let v = Vector3(-n.x * n.z, -n.y * n.z, n.x * n.x + n.y * n.y)
        if !v.isZero {
            let before = previous.y * n.x - previous.x * n.y
            let after = vertex.y * n.x - vertex.x * n.y
            if before > 0.0 && after < 0.0 {
                box = box.expanded(toLatitude: LonLat.latitude(of: v) + margin)
            } else if before < 0.0 && after > 0.0 {
                box = box.expanded(toLatitude: LonLat.latitude(of: -v) - margin)
            }
        }
        previous = vertex
    }
    if !hasClockwise {
        box.expand(to: Box(lon: .full, lat: AngleInterval(radians: 0.5 * pi, 0.5 * pi)))
    } else if !hasCounterClockwise {
        box.expand(to: Box(lon: .full, lat: AngleInterval(radians: -0.5 * pi, -0.5 * pi)))
    }
    return box
}

extension Box {
    fileprivate func expanded(toLatitude lat: Double) -> Box {
        var interval = self.lat
        interval.radians.expand(to: lat)
        return Box(lon: lon, lat: interval)
    }
}

/// A box in space around the loop and the area it encloses, 1e-14 wider than needed on each side.
func loopBoundingBox3(_ loop: borrowing Span<UnitVector>) -> Box3 {
    let margin = 1.0e-14
    var least = [loop[0].x, loop[0].y, loop[0].z]
    var most = least
    for i in loop.indices {
        for axis in 0..<3 {
            least[axis] = smaller(least[axis], loop[i].vector[axis])
            most[axis] = larger(most[axis], loop[i].vector[axis])
        }
    }
    // For each axis, whether the loop turns one way only around it: then the axis, or its opposite, is inside.
    var hasNegativePole = [true, true, true]
    var hasPositivePole = [true, true, true]
    var previous = loop[loop.count - 1]
    for i in loop.indices {
        let vertex = loop[i]
        let n = previous.robustCross(vertex).normalized
        for axis in 0..<3 {
            // The extreme points of the edge's great circle along the axis count if they lie within the edge.
            let component = n[axis]
            let d = abs(1.0 - component * component)
            guard d > 0.0 else { continue }
            let e = Vector3(
                axis == 0 ? -d : n.x * component, axis == 1 ? -d : n.y * component, axis == 2 ? -d : n.z * component)
            let v = e.cross(n)
            let before = v.dot(previous.vector)
            let after = v.dot(vertex.vector)
            if before >= 0.0 && after <= 0.0 { least[axis] = smaller(least[axis], -d.squareRoot()) }
            if before <= 0.0 && after >= 0.0 { most[axis] = larger(most[axis], d.squareRoot()) }
        }
        let turns = [
            orientationX(previous, vertex), orientationY(previous, vertex), orientationZ(previous, vertex),
        ]
        for axis in 0..<3 {
            hasNegativePole[axis] = hasNegativePole[axis] && turns[axis] <= 0
            hasPositivePole[axis] = hasPositivePole[axis] && turns[axis] >= 0
        }
        previous = vertex
    }
    let sides = (0..<3).map { axis in
        Interval(
            hasNegativePole[axis] ? -1.0 : larger(-1.0, least[axis] - margin),
            hasPositivePole[axis] ? 1.0 : smaller(1.0, most[axis] + margin))
    }
    return Box3(sides[0], sides[1], sides[2])
}
