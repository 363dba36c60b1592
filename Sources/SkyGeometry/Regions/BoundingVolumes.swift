import Foundation

extension Region {
    /// A box around the region; for an intersection around the operands' common part as far as boxes can tell.
    public var boundingBox: Box {
        switch self {
        case .box(let box): box
        case .circle(let circle): circle.boundingBox
        case .ellipse(let ellipse): ellipse.boundingCircle.boundingBox
        case .polygon(let polygon): polygon.boundingBox
        case .union(let union):
            combine(union.operands.map(\.boundingBox), none: .empty) { $0.expand(to: $1) }
        case .intersection(let intersection):
            combine(intersection.operands.map(\.boundingBox), none: .full) { $0.clip(to: $1) }
        }
    }

    /// A circle around the region, with a margin for rounding.
    public var boundingCircle: Circle {
        switch self {
        case .box(let box): box.boundingCircle
        case .circle(let circle): circle
        case .ellipse(let ellipse): ellipse.boundingCircle
        case .polygon(let polygon): polygon.boundingCircle
        case .union(let union):
            combine(union.operands.map(\.boundingCircle), none: .empty) { $0 = $0.expanded(to: $1) }
        case .intersection(let intersection):
            combine(intersection.operands.map(\.boundingCircle), none: .full) { $0 = $0.clipped(to: $1) }
        }
    }

    /// A box in space around the region, with a margin for rounding.
    public var boundingBox3: Box3 {
        switch self {
        case .box(let box): box.boundingBox3
        case .circle(let circle): circle.boundingBox3
        case .ellipse(let ellipse): ellipse.boundingCircle.boundingBox3
        case .polygon(let polygon): loopBoundingBox3(polygon.vertices.span)
        case .union(let union):
            combine(union.operands.map(\.boundingBox3), none: .empty) { $0.expand(to: $1) }
        case .intersection(let intersection):
            combine(intersection.operands.map(\.boundingBox3), none: .aroundUnitSphere) { $0.clip(to: $1) }
        }
    }
}

private func combine<Bound>(_ bounds: [Bound], none: Bound, _ merge: (inout Bound, Bound) -> Void) -> Bound {
    guard let first = bounds.first else { return none }
    return bounds.dropFirst().reduce(into: first, merge)
}

extension ConvexPolygon {
    public var boundingBox: Box { loopBoundingBox(vertices.span) }

    /// The whole sphere if the polygon, decoded, has no area and so no centre.
    public var boundingCircle: Circle { loopBoundingCircle(vertices.span) }
}

extension Ellipse {
    public var boundingCircle: Circle {
        let r = larger(alpha.radians, beta.radians) + 2.0 * maxAsinError
        return Circle(center: center, openingAngle: Angle(radians: r))
    }
}

extension Circle {
    public var boundingBox: Box {
        let c = LonLat(center)
        let h = openingAngle.radians + 2.0 * maxAsinError
        let w = NormalizedAngle(radians: Box.halfWidth(ofCircle: h, atLatitude: c.lat.radians) + maxAsinError)
        return Box(center: c, radians: w.radians, h)
    }

    public var boundingBox3: Box3 {
        if isEmpty { return .empty }
        if isFull { return .aroundUnitSphere }
        let s = sin(openingAngle.radians)
        let c = cos(openingAngle.radians)
        // More than 5.5 times 2⁻⁵³, the error of a point on the border.
        let margin = 6.2e-16
        func side(_ component: Double) -> Interval {
            let d = (1.0 - component * component).squareRoot()
            var least = 2.0 + 2.0 * component <= squaredChordLength ? -1.0 : 1.0
            var most = 2.0 - 2.0 * component <= squaredChordLength ? 1.0 : -1.0
            for border in [component * c + d * s, component * c - d * s] {
                most = larger(most, border + margin)
                least = smaller(least, border - margin)
            }
            return Interval(larger(-1.0, least), smaller(1.0, most))
        }
        return Box3(side(center.x), side(center.y), side(center.z))
    }
}
