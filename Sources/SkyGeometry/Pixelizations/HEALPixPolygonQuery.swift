import Foundation

extension HEALPixQuery {
    /// Cells that overlap a convex polygon, or nil if a corner is too straight or the outline not convex, by the same
    /// tests as hpgeom's.
    func polygon(_ polygon: ConvexPolygon) -> [Range<Int>]? {
        var angles = polygon.vertices.map { v -> (theta: Double, phi: Double) in
            let norm = (v.x * v.x + v.y * v.y + v.z * v.z).squareRoot()
            return (acos(v.z / norm), floorRemainder(atan2(v.y, v.x), 2.0 * pi))
        }
        // A last vertex that repeats the first closes the outline and is no corner.
        if abs(angles[angles.count - 1].theta - angles[0].theta) < 1e-14
            && abs(angles[angles.count - 1].phi - angles[0].phi) < 1e-14
        {
            angles.removeLast()
        }
        if angles.count < 3 { return nil }
        let corners = angles.map { angle in
            let radius = sin(angle.theta)
            return Vector3(radius * cos(angle.phi), radius * sin(angle.phi), cos(angle.theta))
        }
        guard let normals = inwardNormals(corners) else { return nil }
        // The half spaces of the edges, and a disc around all, which cuts off the cells near sharp corners.
        let circle = smallestCircle(corners)
        return discs(normals.map { ($0, 1.5707963267948966) } + [(circle.center, acos(circle.cosine))])
    }

    private func inwardNormals(_ corners: [Vector3]) -> [Vector3]? {
        let n = corners.count
        var normals: [Vector3] = []
        var isClockwise = false
        for i in 0..<n {
            let normal = corners[i].cross(corners[(i + 1) % n]).scaledToUnit
            let height = normal.dot(corners[(i + 2) % n])
            if abs(height) < 1e-10 { return nil }
            if i == 0 {
                isClockwise = height < 0.0
            } else if isClockwise ? height > 0.0 : height < 0.0 {
                return nil
            }
            normals.append(isClockwise ? -normal : normal)
        }
        return normals
    }
}

/// The smallest circle around points: centre and cosine of the radius. Points are added one by one; one that lies
/// outside of the circle so far must lie on the border of the next.
private func smallestCircle(_ points: [Vector3]) -> (center: Vector3, cosine: Double) {
    func through(_ a: Vector3, _ b: Vector3) -> (center: Vector3, cosine: Double) {
        let center = (a + b).scaledToUnit
        return (center, a.dot(center))
    }
    var circle = through(points[0], points[1])
    for q in points.indices.dropFirst(2) where points[q].dot(circle.center) < circle.cosine {
        circle = through(points[0], points[q])
        for p in 1..<q where points[p].dot(circle.center) < circle.cosine {
            circle = through(points[p], points[q])
            for i in 0..<p where points[i].dot(circle.center) < circle.cosine {
                circle.center = (points[p] - points[i]).cross(points[q] - points[i]).scaledToUnit
                circle.cosine = points[i].dot(circle.center)
                if circle.cosine < 0.0 { circle = (circle.center * -1.0, -circle.cosine) }
            }
        }
    }
    return circle
}

extension Vector3 {
    /// Length one by a single division, as hpgeom does it.
    fileprivate var scaledToUnit: Vector3 { self * (1.0 / norm) }
}

/// The remainder with the sign of the modulus.
func floorRemainder(_ x: Double, _ modulus: Double) -> Double {
    let r = fmod(x, modulus)
    return r < 0.0 ? r + modulus : r
}
