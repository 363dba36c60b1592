import Foundation

/// What is known of a cell and a shape, in rising order.
enum HEALPixZone: Int {
    case outside
    /// Near the border, the centre outside.
    case mayOverlap
    /// The centre inside.
    case centerInside
    case inside
}

/// Cells of one order that overlap a shape, found by descending from the twelve faces.
///
/// A cell whose centre lies outside, but which may overlap, is judged by its descendants down to two orders finer. The
/// safety distances are generous, so some cells that do not overlap are found, the same ones as hpgeom finds.
struct HEALPixQuery {
    /// Orders below the target at which the search for overlaps ends: upstream's inclusive factor of 4.
    private static let finerOrders = 2

    let grids: [HEALPixGrid]
    let order: Int

    init(order: Int) {
        self.order = order
        grids = (0...(order + HEALPixQuery.finerOrders)).map { HEALPixGrid(order: $0) }
    }

    /// Cells that overlap a disc; angles in radians, `theta` from the north pole.
    func disc(theta: Double, phi: Double, radius: Double) -> [Range<Int>] {
        if radius >= pi { return [0..<grids[order].cellCount] }
        let z = cos(theta)
        let limits = grids.map { DiscLimits(radius: radius, cellRadius: $0.greatestRadius) }
        return search { order, cell in
            let center = grids[order].center(cell)
            let cosine =
                z * center.z + cos(phi - center.phi) * ((1.0 - z * z) * (1.0 - center.z * center.z)).squareRoot()
            guard cosine > limits[order].outer else { return .outside }
            if cosine < limits[order].border { return .mayOverlap }
            return cosine <= limits[order].inner ? .centerInside : .inside
        }
    }

    /// Cells that overlap the intersection of discs.
    func discs(_ discs: [(center: Vector3, radius: Double)]) -> [Range<Int>] {
        let limits = grids.map { grid in
            let cellRadius = grid.greatestRadius
            return discs.map { DiscLimits(radius: $0.radius, cellRadius: cellRadius) }
        }
        return search { order, cell in
            let center = grids[order].center(cell).vector
            var zone = HEALPixZone.inside
            for (disc, limit) in zip(discs, limits[order]) {
                let cosine = center.dot(disc.center)
                if cosine < limit.outer { return .outside }
                if zone.rawValue > 1 && cosine < limit.border { zone = .mayOverlap }
                if zone.rawValue > 2 && cosine < limit.inner { zone = .centerInside }
            }
            return zone
        }
    }

    /// Cells that overlap a box of colatitudes and longitudes in radians. Equal bounds enclose nothing, so that also a
    /// box of all longitudes, whose ends come out equal, is empty, as upstream has it.
    func box(theta: ClosedRange<Double>, west: Double, east: Double) -> [Range<Int>] {
        if theta.lowerBound == theta.upperBound || west == east { return [] }
        let epsilon = 2.220446049250313e-16
        // The longitudes lie between two meridians: east of one and west of the other, or either for more than half a
        // turn. For less, a cell must also be near the half of the sphere around the middle.
        let westNormal = Vector3(-sin(west), cos(west), 0.0)
        let eastNormal = Vector3(-sin(east), cos(east), 0.0)
        let width = reduce(east - west, by: 2.0 * pi)
        let middle = Vector3(cos(west + 0.5 * width), sin(west + 0.5 * width), 0.0)
        let radii = grids.map(\.greatestRadius)
        let radiusSines = radii.map { sin($0) }

        func zoneOfColatitude(_ center: Vector3, _ radius: Double) -> HEALPixZone {
            let colatitude = atan2((center.y * center.y + center.x * center.x).squareRoot(), center.z)
            let (low, high) = (colatitude - radius, colatitude + radius)
            let (north, south) = (theta.lowerBound - epsilon, theta.upperBound + epsilon)
            guard high >= north && low <= south else { return .outside }
            if low >= north && high <= south { return .inside }
            return colatitude >= north && colatitude <= south ? .centerInside : .mayOverlap
        }
        func zoneOfLongitude(_ center: Vector3, _ radiusSine: Double) -> HEALPixZone {
            let a = westNormal.dot(center)
            let b = -eastNormal.dot(center)
            let whole = radiusSine - epsilon
            let none = -radiusSine - epsilon
            if width > pi {
                if a >= whole || b >= whole { return .inside }
                if a < none && b < none { return .outside }
                return a >= -epsilon || b >= -epsilon ? .centerInside : .mayOverlap
            }
            if a < none || b < none || middle.dot(center) < none { return .outside }
            if a >= whole && b >= whole { return .inside }
            return a >= -epsilon && b >= -epsilon ? .centerInside : .mayOverlap
        }
        return search { order, cell in
            let center = grids[order].center(cell).vector
            let colatitude = zoneOfColatitude(center, radii[order])
            if colatitude == .outside { return .outside }
            let longitude = zoneOfLongitude(center, radiusSines[order])
            return colatitude.rawValue < longitude.rawValue ? colatitude : longitude
        }
    }

    /// Descends from the faces in ascending order of cells.
    private func search(_ zone: (_ order: Int, _ cell: Int) -> HEALPixZone) -> [Range<Int>] {
        var found: [Range<Int>] = []
        for face in 0..<12 { visit(face, order: 0, zone, &found) }
        return found
    }

    private func visit(
        _ cell: Int, order: Int, _ zone: (Int, Int) -> HEALPixZone, _ found: inout [Range<Int>]
    ) {
        let result = zone(order, cell)
        if result == .outside { return }
        if order == self.order {
            if result != .mayOverlap || hasOverlap(below: cell, order: order, zone) {
                append(cell..<(cell + 1), &found)
            }
        } else if result == .inside {
            let shift = 2 * (self.order - order)
            append((cell << shift)..<((cell + 1) << shift), &found)
        } else {
            for child in (4 * cell)..<(4 * cell + 4) { visit(child, order: order + 1, zone, &found) }
        }
    }

    private func hasOverlap(below cell: Int, order: Int, _ zone: (Int, Int) -> HEALPixZone) -> Bool {
        if order + 1 == grids.count { return true }
        return ((4 * cell)..<(4 * cell + 4)).contains { child in
            switch zone(order + 1, child) {
            case .outside: false
            case .mayOverlap: hasOverlap(below: child, order: order + 1, zone)
            case .centerInside, .inside: true
            }
        }
    }

    private func append(_ range: Range<Int>, _ found: inout [Range<Int>]) {
        if let last = found.last, last.upperBound == range.lowerBound {
            found[found.count - 1] = last.lowerBound..<range.upperBound
        } else {
            found.append(range)
        }
    }
}

/// Cosines of the distances to a disc's centre within which a cell's centre lies if the cell overlaps the disc, if its
/// centre lies in the disc, and if the whole cell does.
private struct DiscLimits {
    let outer: Double
    let border: Double
    let inner: Double

    init(radius: Double, cellRadius: Double) {
        outer = radius + cellRadius > pi ? -1.0 : cos(radius + cellRadius)
        border = cos(radius)
        inner = radius - cellRadius < 0.0 ? 1.0 : cos(radius - cellRadius)
    }
}
