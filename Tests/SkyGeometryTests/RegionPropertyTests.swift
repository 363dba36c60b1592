import TestSupport
import Testing

@testable import SkyGeometry

@Test func relationshipsAgreeWithPoints() throws {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<600 {
        let a = try generator.simpleRegion()
        let b = try generator.simpleRegion()
        let relationship = a.relate(to: b)
        #expect(b.relate(to: a) == relationship.inverted)
        let overlap = a.overlaps(b)
        for _ in 0..<4 {
            let p = generator.direction(near: a.boundingCircle.center, within: 0.4)
            let (inA, inB) = (a.contains(p), b.contains(p))
            if relationship.contains(.disjoint) { #expect(!(inA && inB)) }
            if relationship.contains(.contains) { #expect(inA || !inB) }
            if relationship.contains(.within) { #expect(!inA || inB) }
            if overlap == .no { #expect(!(inA && inB)) }
        }
    }
}

@Test func boundsContainTheRegion() throws {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<300 {
        let region = try generator.simpleRegion()
        for _ in 0..<8 {
            let p = generator.direction(near: region.boundingCircle.center, within: 0.6)
            guard region.contains(p) else { continue }
            #expect(region.boundingBox.contains(p))
            #expect(region.boundingCircle.contains(p))
            #expect(region.boundingBox3.contains(p))
        }
    }
}

@Test func hullHasAllItsPointsWhateverTheirOrder() throws {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<200 {
        let center = generator.direction()
        var points: [UnitVector] = []
        for _ in 0..<Int.random(in: 3...15, using: &generator) {
            points.append(generator.direction(near: center, within: 0.5))
        }
        let hull = try ConvexPolygon(hullOf: points)
        for point in points { #expect(hull.contains(point)) }
        for vertex in hull.vertices { #expect(points.contains(vertex)) }
        let shuffled = try ConvexPolygon(hullOf: points.shuffled(using: &generator))
        #expect(shuffled == hull)
    }
}

@Test func hullOfTooFewOrOpposedPointsIsRefused() throws {
    let x = UnitVector.X
    #expect(throws: SkyGeometryError.hullHasTooFewPoints) { try ConvexPolygon(hullOf: []) }
    #expect(throws: SkyGeometryError.hullHasTooFewPoints) { try ConvexPolygon(hullOf: [x, x, x]) }
    #expect(throws: SkyGeometryError.hullHasTooFewPoints) {
        try ConvexPolygon(hullOf: [degrees(0, 0), degrees(10, 0), degrees(20, 0)])
    }
    #expect(throws: SkyGeometryError.hullIsFullSphere) { try ConvexPolygon(hullOf: [x, -x, .Y]) }
    #expect(throws: SkyGeometryError.hullIsFullSphere) {
        try ConvexPolygon(hullOf: [degrees(0, 90), degrees(0, -30), degrees(120, -30), degrees(240, -30)])
    }
}

@Test func directionsNeedFiniteComponents() throws {
    #expect(throws: SkyGeometryError.self) { try UnitVector(0, 0, 0) }
    #expect(throws: SkyGeometryError.self) { try UnitVector(.nan, 0, 1) }
    #expect(throws: SkyGeometryError.self) { try UnitVector(.infinity, 0, 1) }
    #expect(throws: SkyGeometryError.invalidLongitude) { try LonLat(lonDegrees: .infinity, latDegrees: 0) }
    #expect(throws: SkyGeometryError.self) { try LonLat(lonDegrees: 0, latDegrees: .nan) }
    #expect(try UnitVector(1e300, 0, 0) == .X)
    #expect(try UnitVector(0, 0, -1e-300) == -UnitVector.Z)
}
