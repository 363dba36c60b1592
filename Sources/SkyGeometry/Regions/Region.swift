/// A region of the sky: one of the six shapes the observatory stores.
public enum Region: Sendable, Hashable {
    case box(Box)
    case circle(Circle)
    case ellipse(Ellipse)
    case polygon(ConvexPolygon)
    indirect case union(UnionRegion)
    indirect case intersection(IntersectionRegion)

    public func contains(_ v: UnitVector) -> Bool {
        switch self {
        case .box(let box): box.contains(v)
        case .circle(let circle): circle.contains(v)
        case .ellipse(let ellipse): ellipse.contains(v)
        case .polygon(let polygon): polygon.contains(v)
        case .union(let union): union.contains(v)
        case .intersection(let intersection): intersection.contains(v)
        }
    }

    /// Whether it is certain that the region has no point.
    ///
    /// A polygon always has some; upstream's `isEmpty` calls every polygon empty.
    public var isEmpty: Bool {
        switch self {
        case .box(let box): box.isEmpty
        case .circle(let circle): circle.isEmpty
        case .ellipse(let ellipse): ellipse.isEmpty
        case .polygon: false
        case .union(let union): union.isEmpty
        case .intersection(let intersection): intersection.isEmpty
        }
    }
}
