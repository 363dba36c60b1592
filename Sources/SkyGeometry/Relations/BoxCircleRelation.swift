import Foundation

extension Box {
    /// A box and a circle. Anything closer to the circle's border than rounding can tell counts as crossing it.
    func relate(to c: Circle) -> Relationship {
        if isEmpty { return c.isEmpty ? [.contains, .disjoint, .within] : [.disjoint, .within] }
        if c.isEmpty { return [.contains, .disjoint] }
        if isFull { return c.isFull ? [.contains, .within] : .contains }
        if c.isFull { return .within }
        // South end and north end of the western, then of the eastern meridian.
        let corners = [
            UnitVector(lon: lon.a.radians, lat: lat.radians.lower),
            UnitVector(lon: lon.a.radians, lat: lat.radians.upper),
            UnitVector(lon: lon.b.radians, lat: lat.radians.lower),
            UnitVector(lon: lon.b.radians, lat: lat.radians.upper),
        ]
        var inside = 0
        for corner in corners {
            let d = corner.squaredChord(to: c.center)
            if abs(d - c.squaredChordLength) < maxSquaredChordLengthError { return .intersects }
            if d < c.squaredChordLength { inside += 1 }
        }
        if inside != 0 && inside != 4 { return .intersects }
        let meridians = [lon.a, lon.b].map { UnitVector.orthogonal(toMeridian: $0.radians).vector }
        return inside == 4
            ? relateWithCornersInside(c, corners, meridians) : relateWithCornersOutside(c, corners, meridians)
    }

    private func relateWithCornersInside(
        _ c: Circle, _ corners: [UnitVector], _ meridians: [Vector3]
    ) -> Relationship {
        let limit = c.squaredChordLength - maxSquaredChordLengthError
        for i in 0..<2 {
            let d = greatestSquaredChord(
                from: c.center, toEdge: corners[2 * i + 1], corners[2 * i], normal: meridians[i])
            if d > limit { return .intersects }
        }
        let opposite = LonLat(-c.center)
        if lon.contains(opposite.lon) {
            let d = Circle.squaredChordLength(for: pi - leastAngleToParallels(opposite))
            if d > limit { return .intersects }
        }
        // With the whole border inside, only the complement of the circle can stick out.
        return contains(opposite) ? .intersects : .within
    }

    private func relateWithCornersOutside(
        _ c: Circle, _ corners: [UnitVector], _ meridians: [Vector3]
    ) -> Relationship {
        let limit = c.squaredChordLength + maxSquaredChordLengthError
        for i in 0..<2 {
            let d = leastSquaredChord(
                from: c.center, toEdge: corners[2 * i + 1], corners[2 * i], normal: meridians[i])
            if d < limit { return .intersects }
        }
        let center = LonLat(c.center)
        if lon.contains(center.lon) {
            let d = Circle.squaredChordLength(for: leastAngleToParallels(center))
            if d < limit { return .intersects }
        }
        return contains(center) ? .contains : .disjoint
    }

    private func leastAngleToParallels(_ p: LonLat) -> Double {
        smaller(abs(p.lat.radians - lat.radians.lower), abs(p.lat.radians - lat.radians.upper))
    }
}
