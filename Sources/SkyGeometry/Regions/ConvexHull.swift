/// The vertices of the convex hull of points on the sphere, counter-clockwise.
///
/// Points are added one by one to a growing hull, in the order given. The order of the result is part of a polygon's
/// byte form, so it follows upstream's: a new vertex replaces the run of vertices it hides.
func convexHull(of points: [UnitVector]) throws(SkyGeometryError) -> [UnitVector] {
    var (hull, next) = try firstTriangle(of: points)
    while next < points.count {
        try add(points[next], to: &hull)
        next += 1
    }
    return hull
}

/// A counter-clockwise triangle of the first points that span one, and the index of the first point after them.
private func firstTriangle(of points: [UnitVector]) throws(SkyGeometryError) -> ([UnitVector], Int) {
    guard let first = points.first else { throw .hullHasTooFewPoints }
    guard let second = points.firstIndex(where: { $0 != first }) else { throw .hullHasTooFewPoints }
    var v0 = first
    var v1 = points[second]
    if v0 == -v1 { throw .hullIsFullSphere }
    let normal = v0.robustCross(v1)
    guard !normal.isZero else { throw .hullHasTooFewPoints }
    let n = UnitVector(normalizing: normal)
    for i in (second + 1)..<max(points.count, second + 1) {
        let v = points[i]
        let turn = orientation(v0, v1, v)
        if turn > 0 { return ([v0, v1, v], i + 1) }
        if turn < 0 { return ([v1, v0, v], i + 1) }
        // All points so far lie on one great circle; keep the ends of the arc they cover.
        if v == v0 || v == v1 { continue }
        if v == -v0 || v == -v1 { throw .hullIsFullSphere }
        let afterV0 = orientation(n, v0, v)
        let beforeV1 = orientation(n, v, v1)
        if afterV0 == beforeV1 { continue }
        let arc = orientation(n, v0, v1)
        if arc == -beforeV1 {
            v1 = v
        } else if -afterV0 == arc {
            v0 = v
        } else {
            throw .hullIsFullSphere
        }
    }
    throw .hullHasTooFewPoints
}

private func add(_ v: UnitVector, to hull: inout [UnitVector]) throws(SkyGeometryError) {
    let count = hull.count
    // The vertices from `start` up to `end`, cyclically, are those that `v` does not hide.
    var start = count
    var end = count
    let closingIsCCW = orientation(v, hull[count - 1], hull[0]) > 0
    var previousIsCCW = closingIsCCW
    for i in 1..<count {
        let isCCW = orientation(v, hull[i - 1], hull[i]) > 0
        if isCCW && !previousIsCCW {
            start = i - 1
        } else if !isCCW && previousIsCCW {
            end = i
        }
        previousIsCCW = isCCW
    }
    if closingIsCCW {
        if !previousIsCCW { start = count - 1 }
    } else if previousIsCCW {
        end = 0
    }
    if start == count {
        // Inside of every edge, or of none.
        guard closingIsCCW else { throw .hullIsFullSphere }
    } else if start < end {
        hull = hull[start..<end] + [v]
    } else if start > end {
        hull = hull[..<end] + [v] + hull[start...]
    } else {
        hull.insert(v, at: end == 0 ? count : end)
    }
}
