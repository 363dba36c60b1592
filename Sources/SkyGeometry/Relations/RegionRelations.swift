extension Region {
    /// What is certain about this region and another, in the words "self … other".
    ///
    /// Conservative as upstream: pairs with a box, an ellipse or a compound may report less than is true.
    /// Cost: for two polygons, the product of their vertex numbers; for compounds, the sum over pairs of operands.
    public func relate(to other: Region) -> Relationship {
        switch (self, other) {
        case (.union(let union), _): union.relate(to: other)
        case (.intersection(let intersection), _): intersection.relate(to: other)
        case (_, .union(let union)): union.relate(to: self).inverted
        case (_, .intersection(let intersection)): intersection.relate(to: self).inverted

        case (.box(let a), .box(let b)): b.relate(to: a).inverted
        case (.box(let a), .circle(let b)): a.relate(to: b)
        case (.box(let a), .polygon(let b)): b.relate(to: a).inverted
        case (.box(let a), .ellipse(let b)): b.relate(to: a).inverted

        case (.circle(let a), .box(let b)): b.relate(to: a).inverted
        case (.circle(let a), .circle(let b)): b.relate(to: a).inverted
        case (.circle(let a), .polygon(let b)): b.relate(to: a).inverted
        case (.circle(let a), .ellipse(let b)): b.relate(to: a).inverted

        case (.polygon(let a), .box(let b)): a.relate(to: b)
        case (.polygon(let a), .circle(let b)): a.relate(to: b)
        case (.polygon(let a), .polygon(let b)): b.relate(to: a).inverted
        case (.polygon(let a), .ellipse(let b)): b.relate(to: a).inverted

        case (.ellipse(let a), .box(let b)): a.relate(to: b)
        case (.ellipse(let a), .circle(let b)): a.relate(to: b)
        case (.ellipse(let a), .polygon(let b)): a.relate(to: b)
        case (.ellipse(let a), .ellipse(let b)): b.relate(to: a).inverted
        }
    }

    /// Whether the regions share a point.
    ///
    /// Circles, boxes and polygons among themselves give yes or no, but a polygon and a box, and anything with an
    /// ellipse or an intersection, may be unknown. A query drops rows only for `.no`.
    public func overlaps(_ other: Region) -> Overlap {
        switch (self, other) {
        case (.union(let union), _): union.overlaps(other)
        case (.intersection(let intersection), _): intersection.overlaps(other)
        case (_, .union(let union)): union.overlaps(self)
        case (_, .intersection(let intersection)): intersection.overlaps(self)

        case (.box(let a), .box(let b)):
            Overlap(!b.lat.radians.isDisjoint(from: a.lat.radians) && !b.lon.isDisjoint(from: a.lon))
        case (.circle(let a), .circle(let b)): Overlap(!b.isDisjoint(from: a))
        case (.box(let box), .circle(let circle)), (.circle(let circle), .box(let box)):
            Overlap(!box.relate(to: circle).contains(.disjoint))
        case (.polygon(let polygon), .circle(let circle)), (.circle(let circle), .polygon(let polygon)):
            Overlap(!polygon.relate(to: circle).contains(.disjoint))
        case (.polygon(let a), .polygon(let b)): Overlap(!b.relate(to: a).contains(.disjoint))
        case (.polygon(let polygon), .box(let box)), (.box(let box), .polygon(let polygon)):
            Overlap(polygon.relate(to: box))
        case (.ellipse(let a), .ellipse(let b)): Overlap(b.relate(to: a))
        case (.ellipse(let ellipse), .box(let box)), (.box(let box), .ellipse(let ellipse)):
            Overlap(ellipse.relate(to: box))
        case (.ellipse(let ellipse), .circle(let circle)), (.circle(let circle), .ellipse(let ellipse)):
            Overlap(ellipse.relate(to: circle))
        case (.ellipse(let ellipse), .polygon(let polygon)), (.polygon(let polygon), .ellipse(let ellipse)):
            Overlap(ellipse.relate(to: polygon))
        }
    }
}

extension Box {
    func relate(to b: Box) -> Relationship {
        let r1 = lon.relate(to: b.lon)
        let r2 = lat.radians.relate(to: b.lat.radians)
        return r1.intersection(r2).intersection([.contains, .within]).union(r1.union(r2).intersection(.disjoint))
    }
}

extension Ellipse {
    // The bounding circle decides: it can show that the ellipse lies apart or within, but never that it contains.

    func relate(to b: Box) -> Relationship {
        b.relate(to: boundingCircle).inverted.intersection([.disjoint, .within])
    }

    func relate(to c: Circle) -> Relationship { boundingCircle.relate(to: c).intersection([.disjoint, .within]) }

    func relate(to p: ConvexPolygon) -> Relationship {
        p.relate(to: boundingCircle).inverted.intersection([.disjoint, .within])
    }

    func relate(to e: Ellipse) -> Relationship {
        boundingCircle.relate(to: e.boundingCircle).intersection(.disjoint)
    }
}

extension ConvexPolygon {
    func relate(to b: Box) -> Relationship { relateLoop(vertices.span, to: b) }
    func relate(to c: Circle) -> Relationship { relateLoop(vertices.span, to: c) }
    func relate(to p: ConvexPolygon) -> Relationship { relateLoop(vertices.span, to: p.vertices.span) }
}
