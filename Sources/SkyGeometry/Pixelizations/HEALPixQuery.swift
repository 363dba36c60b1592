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

    /// Cells that overlap a box of colatitudes and longitudes in radians. Equal bounds enclose nothing.
    func box(theta: ClosedRange<Double>, west: Double, east: Double) -> [Range<Int>] {
        if theta.lowerBound == theta.upperBound || west == east { return [] }
        let epsilon = 2.220446049250313e-16
        // All longitudes are turned, so that the middle of the box is at π and none of it crosses zero.
        let middle = (west + east) / 2.0
        let turn = reduce(west < east ? pi - middle : -middle, by: 2.0 * pi)
        let phi = (reduce(west + turn, by: 2.0 * pi) - epsilon, reduce(east + turn, by: 2.0 * pi) + epsilon)
        let colatitude = (theta.lowerBound - epsilon, theta.upperBound + epsilon)
        let radii = grids.map(\.greatestRadius)

        func zone(_ center: Double, _ radius: Double, _ bounds: (Double, Double)) -> HEALPixZone {
            let (low, high) = (center - radius, center + radius)
            guard high >= bounds.0 && low <= bounds.1 else { return .outside }
            if low >= bounds.0 && high <= bounds.1 { return .inside }
            return center >= bounds.0 && center <= bounds.1 ? .centerInside : .mayOverlap
        }
        return search { order, cell in
            let center = grids[order].center(cell)
            let theta = center.theta
            let zoneTheta = zone(theta, radii[order], colatitude)
            if zoneTheta == .outside { return .outside }
            let zonePhi = zone(reduce(center.phi + turn, by: 2.0 * pi), radii[order] / sin(theta), phi)
            return zoneTheta.rawValue < zonePhi.rawValue ? zoneTheta : zonePhi
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
