/// A convex polygon with great circle edges, including its border.
///
/// Vertices run counter-clockwise seen from outside of the sphere.
public struct ConvexPolygon: Sendable {
    public let vertices: [UnitVector]

    /// The convex hull of the points, in any order. Vertex order and start match upstream's.
    ///
    /// Cost: number of points times number of hull vertices.
    ///
    /// - Throws: `SkyGeometryError.hullIsFullSphere` or `.hullHasTooFewPoints` when the hull is no polygon.
    public init(hullOf points: some Sequence<UnitVector>) throws(SkyGeometryError) {
        vertices = try convexHull(of: Array(points))
    }

    /// Trusts the caller that there are 3 or more vertices, convex and counter-clockwise.
    init(unchecked vertices: [UnitVector]) { self.vertices = vertices }

    public func contains(_ v: UnitVector) -> Bool { isInside(v, vertices.span) }

    /// The centre of mass of the polygon's area.
    ///
    /// Nil if the vertices leave it open, which only happens for decoded polygons without area.
    public var centroid: UnitVector? { loopCentroid(vertices.span) }
}

extension ConvexPolygon: Hashable {
    /// Polygons are equal if they have the same vertices in the same cyclic order.
    public static func == (p: ConvexPolygon, q: ConvexPolygon) -> Bool {
        let n = p.vertices.count
        guard n == q.vertices.count else { return false }
        guard let offset = q.vertices.firstIndex(of: p.vertices[0]) else { return false }
        return (1..<n).allSatisfy { p.vertices[$0] == q.vertices[(offset + $0) % n] }
    }

    public func hash(into hasher: inout Hasher) {
        // The sum does not depend on which vertex comes first.
        hasher.combine(vertices.reduce(into: 0) { $0 &+= $1.hashValue })
        hasher.combine(vertices.count)
    }
}
