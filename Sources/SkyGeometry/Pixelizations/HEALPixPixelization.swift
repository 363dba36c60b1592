import Foundation

/// The hierarchical equal area isolatitude pixelization, in nested numbering.
public struct HEALPixPixelization: Pixelization {
    public static let levels = 0...17

    /// Orders below the level at which regions are compared with cells.
    private static let finerOrders = 4

    public let level: Int
    private let grid: HEALPixGrid
    private let fineGrid: HEALPixGrid

    /// - Throws: `SkyGeometryError.invalidLevel`
    public init(level: Int) throws(SkyGeometryError) {
        try PixelizationKind.healpix.check(level: level)
        self.level = level
        grid = HEALPixGrid(order: level)
        fineGrid = HEALPixGrid(order: level + HEALPixPixelization.finerOrders)
    }

    public var universe: RangeSet { RangeSet(0..<UInt64(grid.cellCount)) }

    public func index(of v: UnitVector) -> UInt64 { UInt64(grid.index(of: v)) }

    /// The convex hull of 16 points along the border, four per side.
    public func pixel(_ index: UInt64) throws(SkyGeometryError) -> Region {
        try check(index)
        let points = grid.boundary(Int(index), steps: 4).map { position -> UnitVector in
            // Upstream goes through degrees, which rounds.
            let lon = floorRemainder(position.phi * (180.0 / pi), 360.0) * (pi / 180.0)
            let lat = -(position.theta - 0.5 * pi) * (180.0 / pi) * (pi / 180.0)
            let theta = 0.5 * pi - lat
            let radius = sin(theta)
            return UnitVector(normalizing: Vector3(radius * cos(lon), radius * sin(lon), cos(theta)))
        }
        return .polygon(try ConvexPolygon(hullOf: points))
    }

    public func name(of index: UInt64) throws(SkyGeometryError) -> String {
        try check(index)
        return String(index)
    }

    private func check(_ index: UInt64) throws(SkyGeometryError) {
        guard index < UInt64(grid.cellCount) else {
            throw .invalidPixel(index, pixelization: "HEALPix level \(level)")
        }
    }

    /// The pixels of the neighbours of all cells, four levels finer, that overlap the region. A few that do not
    /// intersect it are among them.
    ///
    /// As upstream, finds nothing for a box of all longitudes. Cost: the length of the region's border in cells four
    /// levels finer.
    public func envelope(of region: Region, maxRanges: Int) throws(SkyGeometryError) -> RangeSet {
        guard maxRanges <= 0 else { throw .maxRangesUnsupported(pixelization: "HEALPix") }
        var pixels: [Range<UInt64>] = []
        for cells in try HEALPixPixelization.cells(overlapping: region, grid: fineGrid) {
            appendPixels(around: cells, to: &pixels)
        }
        return RangeSet(pixels)
    }

    /// The pixels whose four corners lie in the region.
    ///
    /// Cost: proportional to the number of pixels that overlap the region, unlike for other pixelizations.
    public func interior(of region: Region, maxRanges: Int) throws(SkyGeometryError) -> RangeSet {
        guard maxRanges <= 0 else { throw .maxRangesUnsupported(pixelization: "HEALPix") }
        var result = RangeSet()
        for cells in try HEALPixPixelization.cells(overlapping: region, grid: grid) {
            for cell in cells {
                let isInside = grid.boundary(cell, steps: 1).allSatisfy { corner in
                    region.contains(UnitVector(lon: corner.phi, lat: -(corner.theta - 0.5 * pi)))
                }
                if isInside { result.insert(UInt64(cell)..<UInt64(cell + 1)) }
            }
        }
        return result
    }

    private static func cells(overlapping region: Region, grid: HEALPixGrid) throws(SkyGeometryError) -> [Range<Int>] {
        let query = HEALPixQuery(order: grid.order)
        switch region {
        case .circle(let circle):
            if circle.openingAngle.radians == 0.0 {
                let center = LonLat(circle.center)
                let cell = grid.index(
                    theta: 0.5 * pi - center.lat.radians, phi: reduce(center.lon.radians, by: 2.0 * pi))
                return [cell..<(cell + 1)]
            }
            return try cells(of: circle, query)
        case .ellipse(let ellipse):
            return try cells(of: ellipse.boundingCircle, query)
        case .polygon(let polygon):
            // A polygon with a corner that is nearly straight is searched by its bounding circle.
            if let cells = query.polygon(polygon) { return cells }
            return try cells(of: polygon.boundingCircle, query)
        case .box(let box):
            let lat = box.lat.radians
            guard !lat.isEmpty else {
                throw .unsupportedRegion(pixelization: "HEALPix", problem: "the box is empty")
            }
            return query.box(
                theta: (0.5 * pi - lat.upper)...(0.5 * pi - lat.lower),
                west: reduce(box.lon.a.radians, by: 2.0 * pi), east: reduce(box.lon.b.radians, by: 2.0 * pi))
        case .union, .intersection:
            throw .unsupportedRegion(pixelization: "HEALPix", problem: "it is a union or an intersection")
        }
    }

    private static func cells(of circle: Circle, _ query: HEALPixQuery) throws(SkyGeometryError) -> [Range<Int>] {
        guard circle.openingAngle.radians > 0.0 else {
            throw .unsupportedRegion(pixelization: "HEALPix", problem: "the circle is empty")
        }
        let center = LonLat(circle.center)
        return query.disc(
            theta: 0.5 * pi - center.lat.radians, phi: reduce(center.lon.radians, by: 2.0 * pi),
            radius: circle.openingAngle.radians)
    }

    // MARK: Dilation

    /// Adds the pixels that have a neighbour of one of the fine cells. Blocks of whole pixels are taken together, so
    /// that the cost grows with their border and not with their area.
    private func appendPixels(around cells: Range<Int>, to pixels: inout [Range<UInt64>]) {
        let shift = 2 * HEALPixPixelization.finerOrders
        let firstWhole = (cells.lowerBound + (1 << shift) - 1) >> shift
        let endWhole = cells.upperBound >> shift
        guard firstWhole < endWhole else {
            for cell in cells { appendPixels(aroundFine: cell, to: &pixels) }
            return
        }
        for cell in cells.lowerBound..<(firstWhole << shift) { appendPixels(aroundFine: cell, to: &pixels) }
        for cell in (endWhole << shift)..<cells.upperBound { appendPixels(aroundFine: cell, to: &pixels) }
        var pixel = firstWhole
        while pixel < endWhole {
            // The largest square block that begins here and fits.
            var order = min(pixel.trailingZeroBitCount / 2, level)
            while pixel + (1 << (2 * order)) > endWhole { order -= 1 }
            appendPixels(aroundBlock: pixel, order: order, to: &pixels)
            pixel += 1 << (2 * order)
        }
    }

    private func appendPixels(aroundFine cell: Int, to pixels: inout [Range<UInt64>]) {
        for neighbor in fineGrid.neighbors(cell) {
            append(neighbor >> (2 * HEALPixPixelization.finerOrders), to: &pixels)
        }
    }

    private func appendPixels(aroundBlock start: Int, order: Int, to pixels: inout [Range<UInt64>]) {
        pixels.append(UInt64(start)..<UInt64(start + (1 << (2 * order))))
        let corner = grid.cell(start)
        let last = (1 << order) - 1
        for i in 0...last {
            for (dx, dy) in [(i, 0), (i, last), (0, i), (last, i)] {
                let border = grid.index(.init(x: corner.x + dx, y: corner.y + dy, face: corner.face))
                for neighbor in grid.neighbors(border) { append(neighbor, to: &pixels) }
            }
        }
    }

    private func append(_ pixel: Int, to pixels: inout [Range<UInt64>]) {
        let pixel = UInt64(pixel)
        // Most neighbours repeat the last one.
        if let last = pixels.last, last.contains(pixel) { return }
        pixels.append(pixel..<(pixel + 1))
    }
}
