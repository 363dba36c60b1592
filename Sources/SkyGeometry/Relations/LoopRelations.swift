import Foundation

/// A loop and a box, by the loop's bounding box: apart, within, or nothing certain.
func relateLoop(_ loop: borrowing Span<UnitVector>, to box: Box) -> Relationship {
    loopBoundingBox(loop).relate(to: box).intersection([.disjoint, .within])
}

/// A loop and a circle. Anything closer to the circle's border than rounding can tell counts as crossing it.
func relateLoop(_ loop: borrowing Span<UnitVector>, to c: Circle) -> Relationship {
    if c.isEmpty { return [.contains, .disjoint] }
    if c.isFull { return .within }
    var allInside = false
    for i in loop.indices {
        let d = loop[i].squaredChord(to: c.center)
        if abs(d - c.squaredChordLength) < maxSquaredChordLengthError { return .intersects }
        let inside = d < c.squaredChordLength
        if i == 0 {
            allInside = inside
        } else if inside != allInside {
            return .intersects
        }
    }
    var a = loop[loop.count - 1]
    if allInside {
        for i in loop.indices {
            let b = loop[i]
            let d = greatestSquaredChord(from: c.center, toEdge: a, b, normal: a.robustCross(b))
            if d > c.squaredChordLength - maxSquaredChordLengthError { return .intersects }
            a = b
        }
        // With all edges inside, only the whole complement of the circle can stick out.
        return isInside(-c.center, loop) ? .intersects : .within
    }
    for i in loop.indices {
        let b = loop[i]
        let d = leastSquaredChord(from: c.center, toEdge: a, b, normal: a.robustCross(b))
        if d < c.squaredChordLength + maxSquaredChordLengthError { return .intersects }
        a = b
    }
    return isInside(c.center, loop) ? .contains : .disjoint
}

/// Two loops: by their vertices, then by crossings of edges.
func relateLoop(_ p: borrowing Span<UnitVector>, to q: borrowing Span<UnitVector>) -> Relationship {
    var allInQ = true
    var anyInQ = false
    for i in p.indices {
        let inside = isInside(p[i], q)
        allInQ = allInQ && inside
        anyInQ = anyInQ || inside
    }
    var allInP = true
    var anyInP = false
    for i in q.indices {
        let inside = isInside(q[i], p)
        allInP = allInP && inside
        anyInP = anyInP || inside
    }
    if allInQ || allInP {
        var relationship: Relationship = []
        if allInQ { relationship.insert(.within) }
        if allInP { relationship.insert(.contains) }
        return relationship
    }
    if anyInQ || anyInP { return .intersects }
    var a = p[p.count - 1]
    for i in p.indices {
        let b = p[i]
        var c = q[q.count - 1]
        for j in q.indices {
            let d = q[j]
            let acd = orientation(a, c, d)
            if acd != 0, orientation(b, d, c) == acd, orientation(c, b, a) == acd, orientation(d, a, b) == acd {
                return .intersects
            }
            c = d
        }
        a = b
    }
    return .disjoint
}

/// The squared chord to the nearest point of an edge's interior, or 4 if an end of the edge is nearer.
func leastSquaredChord(
    from v: UnitVector, toEdge a: UnitVector, _ b: UnitVector, normal n: Vector3
) -> Double {
    let vxn = v.vector.cross(n)
    guard vxn.dot(a.vector) > 0.0 && vxn.dot(b.vector) < 0.0 else { return 4.0 }
    let s = abs(v.vector.dot(n))
    let c = vxn.norm
    let theta = c == 0.0 ? 0.5 * pi : atan(s / c)
    let d = sin(0.5 * theta)
    return 4.0 * d * d
}

/// The squared chord to the farthest point of an edge's interior, or 0 if an end of the edge is farther.
func greatestSquaredChord(
    from v: UnitVector, toEdge a: UnitVector, _ b: UnitVector, normal n: Vector3
) -> Double {
    let vxn = v.vector.cross(n)
    guard vxn.dot(a.vector) < 0.0 && vxn.dot(b.vector) > 0.0 else { return 0.0 }
    let s = abs(v.vector.dot(n))
    let c = -vxn.norm
    let d = sin(0.5 * atan2(s, c))
    return 4.0 * d * d
}
