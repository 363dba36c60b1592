import TestSupport
import Testing

@testable import SkyGeometry

private struct Golden: Sendable {
    let kind: PixelizationKind
    let level: Int
    let index: UInt64
    let name: String
}

/// The pixel of longitude 150.1°, latitude 2.2°, from `lsst.sphgeom`.
private let goldenPixels = [
    Golden(kind: .htm, level: 7, index: 231858, name: "N20212302"),
    Golden(kind: .htm, level: 24, index: 3_983_298_821_840_495, name: "N2021230220013103311321233"),
    Golden(kind: .healpix, level: 3, index: 425, name: "425"),
    Golden(kind: .healpix, level: 17, index: 114_329_445_944, name: "114329445944"),
    Golden(kind: .q3c, level: 7, index: 57677, name: "-X2011031"),
    Golden(kind: .q3c, level: 30, index: 4_058_704_010_129_449_467, name: "-X201103122130230110032002013323"),
    Golden(kind: .mq3c, level: 7, index: 232521, name: "-X0301021"),
    Golden(kind: .mq3c, level: 29, index: 4_090_558_186_209_937_606, name: "-X03010211033331212013000203012"),
]

@Test(arguments: PixelizationKind.allCases) func indicesAndNamesAreUpstreams(kind: PixelizationKind) throws {
    let point = try degrees(150.1, 2.2)
    for golden in goldenPixels where golden.kind == kind {
        let pixelization = try kind.pixelization(level: golden.level)
        #expect(pixelization.index(of: point) == golden.index)
        #expect(try pixelization.name(of: golden.index) == golden.name)
        #expect(try pixelization.pixel(golden.index).contains(point))
    }
}

@Test func envelopesAndInteriorsAreUpstreams() throws {
    let point = try degrees(150.1, 2.2)
    let circle = Region.circle(Circle(center: point, openingAngle: Angle(degrees: 0.3)))
    let large = Region.circle(Circle(center: point, openingAngle: Angle(degrees: 5)))
    let htm = try HTMPixelization(level: 7)
    #expect(htm.envelope(of: circle, maxRanges: 0).ranges == [231857..<231860, 231869..<231872])
    #expect(htm.interior(of: circle, maxRanges: 0).isEmpty)
    #expect(
        htm.envelope(of: large, maxRanges: 4).ranges
            == [156672..<156928, 157184..<157696, 231424..<231936, 232192..<232448])
    #expect(
        htm.interior(of: large, maxRanges: 4).ranges
            == [231808..<231872, 231888..<231904, 232320..<232352, 232368..<232384])
    #expect(try Q3CPixelization(level: 7).envelope(of: circle).ranges == [57676..<57680])
    #expect(
        try MQ3CPixelization(level: 7).envelope(of: circle).ranges
            == [232518..<232519, 232521..<232522, 232566..<232567, 232569..<232570])
    #expect(try HEALPixPixelization(level: 3).envelope(of: circle).ranges == [425..<426, 427..<428])
    #expect(try HEALPixPixelization(level: 3).envelope(of: square(0.11)).ranges == [425..<426])
}

@Test func factoryKnowsUpstreamsClassNamesAndLevels() throws {
    #expect(try PixelizationKind(className: "lsst.sphgeom.HtmPixelization").levels == 0...24)
    #expect(try PixelizationKind(className: "lsst.sphgeom.HealpixPixelization").levels == 0...17)
    #expect(try PixelizationKind(className: "lsst.sphgeom.Q3cPixelization").levels == 0...30)
    #expect(try PixelizationKind(className: "lsst.sphgeom.Mq3cPixelization").levels == 0...30)
    #expect(throws: SkyGeometryError.unknownPixelization(className: "Htm")) { try PixelizationKind(className: "Htm") }
    for kind in PixelizationKind.allCases {
        #expect(throws: SkyGeometryError.self) { try kind.pixelization(level: -1) }
        #expect(throws: SkyGeometryError.self) { try kind.pixelization(level: kind.levels.upperBound + 1) }
    }
}

@Test(arguments: PixelizationKind.allCases) func pixelsHaveTheirPointsAndTileTheUniverse(kind: PixelizationKind) throws
{
    var generator = SeededGenerator(seed: 7)
    let sizes: [PixelizationKind: UInt64] = [.htm: 8, .healpix: 12, .q3c: 6, .mq3c: 6]
    for level in [0, 1, 2, 5, 12, 17] {
        let pixelization = try kind.pixelization(level: level)
        #expect(pixelization.universe.cardinality == sizes[kind]! << UInt64(2 * level))
        let parent = level == 0 ? nil : try kind.pixelization(level: level - 1)
        for _ in 0..<20 {
            let point = generator.direction()
            let index = pixelization.index(of: point)
            #expect(pixelization.universe.contains(index))
            if let parent { #expect(parent.index(of: point) == index >> 2) }
            // A HEALPix outline is a polygon through points of its curved border.
            if kind != .healpix { #expect(try pixelization.pixel(index).contains(point)) }
        }
        #expect(throws: SkyGeometryError.self) { try pixelization.pixel(.max >> 1) }
        #expect(throws: SkyGeometryError.self) { try pixelization.name(of: .max >> 1) }
    }
}

@Test(arguments: PixelizationKind.allCases) func envelopeHasThePixelsOfAllPoints(kind: PixelizationKind) throws {
    var generator = SeededGenerator(seed: 8)
    for _ in 0..<15 {
        let region = try generator.simpleRegion()
        let pixelization = try kind.pixelization(level: Int.random(in: 0...4, using: &generator))
        let envelope = try pixelization.envelope(of: region)
        let interior = try pixelization.interior(of: region)
        #expect(interior.isSubset(of: envelope))
        for _ in 0..<20 {
            let point = generator.direction(near: region.boundingCircle.center, within: 0.4)
            let index = pixelization.index(of: point)
            if region.contains(point) { #expect(envelope.contains(index)) }
            // Corners, or the circle around an ellipse, do not prove that a whole pixel is inside.
            if kind == .healpix { continue }
            if case .ellipse = region { continue }
            if interior.contains(index) { #expect(region.contains(point)) }
        }
    }
}

@Test func limitedRangesCoverMoreAndHaveLess() throws {
    var generator = SeededGenerator(seed: 9)
    let htm = try HTMPixelization(level: 6)
    for limit in 1...6 {
        let region = try generator.simpleRegion()
        let envelope = htm.envelope(of: region, maxRanges: limit)
        #expect(envelope.ranges.count <= limit)
        #expect(htm.envelope(of: region, maxRanges: 0).isSubset(of: envelope))
        let interior = htm.interior(of: region, maxRanges: limit)
        #expect(interior.ranges.count <= limit)
        #expect(interior.isSubset(of: htm.interior(of: region, maxRanges: 0)))
    }
}

@Test func compoundsCombineTheRangesOfTheirOperands() throws {
    let htm = try HTMPixelization(level: 6)
    let a = try square(3)
    let b = try square(3, lon: 153)
    let (ea, eb) = (htm.envelope(of: a, maxRanges: 0), htm.envelope(of: b, maxRanges: 0))
    #expect(htm.envelope(of: .union(UnionRegion([a, b])), maxRanges: 0) == ea.union(eb))
    #expect(htm.envelope(of: .intersection(IntersectionRegion([a, b])), maxRanges: 0) == ea.intersection(eb))
    #expect(htm.envelope(of: .union(UnionRegion([])), maxRanges: 0).isEmpty)
    #expect(htm.envelope(of: .intersection(IntersectionRegion([])), maxRanges: 0) == htm.universe)
}

@Test func healpixRefusesWhatUpstreamRefuses() throws {
    let healpix = try HEALPixPixelization(level: 3)
    #expect(throws: SkyGeometryError.maxRangesUnsupported(pixelization: "HEALPix")) {
        try healpix.envelope(of: square(1), maxRanges: 2)
    }
    for region in [Region.union(UnionRegion([])), .circle(.empty), .box(.empty), .ellipse(.empty)] {
        #expect(throws: SkyGeometryError.self) { try healpix.envelope(of: region) }
        #expect(throws: SkyGeometryError.self) { try healpix.interior(of: region) }
    }
    #expect(try healpix.interior(of: .circle(Circle(.X))).isEmpty)
    #expect(try healpix.envelope(of: .circle(.full)) == healpix.universe)
}

@Test func healpixNeighboursAreMutual() {
    for order in [0, 1, 2, 3] {
        let grid = HEALPixGrid(order: order)
        for cell in 0..<grid.cellCount {
            let neighbors = grid.neighbors(cell)
            #expect((6...8).contains(neighbors.count))
            #expect(neighbors.allSatisfy { grid.neighbors($0).contains(cell) })
        }
    }
}

@Test func gridCurvesAreOneToOne() {
    for level in [0, 1, 2, 3, 4] {
        let side = UInt32(1) << UInt32(level)
        var seen: Set<UInt64> = []
        var previous: (s: UInt32, t: UInt32)?
        for index in 0..<(UInt64(1) << UInt64(2 * level)) {
            let cell = hilbertCell(index, level: level)
            #expect(cell.s < side && cell.t < side)
            #expect(hilbertIndex(s: cell.s, t: cell.t, level: level) == index)
            #expect(mortonCell(mortonIndex(s: cell.s, t: cell.t)) == cell)
            // Cells that follow each other on the Hilbert curve share a side.
            if let previous {
                #expect(abs(Int(previous.s) - Int(cell.s)) + abs(Int(previous.t) - Int(cell.t)) == 1)
            }
            previous = cell
            seen.insert(mortonIndex(s: cell.s, t: cell.t))
        }
        #expect(seen.count == 1 << (2 * level))
    }
}

@Test func deepestLevelsWork() throws {
    let point = try degrees(-60, -5)
    let region = Region.circle(Circle(point))
    for kind in PixelizationKind.allCases {
        let pixelization = try kind.pixelization(level: kind.levels.upperBound)
        let index = pixelization.index(of: point)
        #expect(try pixelization.pixel(index).boundingCircle.openingAngle.degrees < 0.001)
        #expect(try pixelization.envelope(of: region).contains(index))
        // The last face reaches the end of the index space.
        _ = pixelization.index(of: -UnitVector.Y)
        #expect(try !pixelization.envelope(of: .circle(Circle(-UnitVector.Y))).isEmpty)
    }
}
