import Testing

@testable import SkyGeometry

private func golden(_ name: String) throws -> [UInt8] {
    bytes(hexadecimal: try #require(GoldenRegions.encodings.first { $0.name == name }).hexadecimal)
}

@Test func everyKindOfRegionKeepsItsBytesThroughDecodingAndEncoding() throws {
    for (name, text) in GoldenRegions.encodings {
        let region = try Region(decoding: bytes(hexadecimal: text))
        #expect(region.encoded() == bytes(hexadecimal: text), "\(name)")
    }
}

@Test func constructedRegionsHaveUpstreamsBytes() throws {
    let center = try degrees(150.1, 2.2)
    let circle = Circle(center: center, openingAngle: Angle(degrees: 0.3))
    let box = Box(
        center: try LonLat(lonDegrees: 150.1, latDegrees: 2.2), halfWidth: Angle(degrees: 0.5),
        halfHeight: Angle(degrees: 0.25))
    let ellipse = try Ellipse(
        center: center, alpha: Angle(degrees: 2), beta: Angle(degrees: 1), orientation: Angle(degrees: 30))
    #expect(Region.circle(circle).encoded() == (try golden("circle")))
    #expect(Region.circle(Circle(center)).encoded() == (try golden("point")))
    #expect(Region.circle(.empty).encoded() == (try golden("emptyCircle")))
    #expect(Region.box(box).encoded() == (try golden("box")))
    #expect(Region.box(.empty).encoded() == (try golden("emptyBox")))
    #expect(Region.box(.full).encoded() == (try golden("fullBox")))
    #expect(Region.ellipse(ellipse).encoded() == (try golden("ellipse")))
    #expect(try square(0.11).encoded() == golden("polygon"))
    #expect(try Region.union(UnionRegion([square(0.11), square(1, lon: 10, lat: -80)])).encoded() == golden("union"))
}

@Test func relationshipsAndOverlapsAreUpstreams() throws {
    let regions = try GoldenRegions.encodings.map { try Region(decoding: bytes(hexadecimal: $0.hexadecimal)) }
    for (i, a) in regions.enumerated() {
        let relationships = regions.map { "\(a.relate(to: $0).rawValue)" }.joined(separator: " ")
        #expect(relationships == GoldenRegions.relationships[i], "\(GoldenRegions.encodings[i].name)")
        let overlaps = regions.map { b in
            switch a.overlaps(b) {
            case .yes: "y"
            case .no: "n"
            case .unknown: "?"
            }
        }
        #expect(overlaps.joined() == GoldenRegions.overlaps[i], "\(GoldenRegions.encodings[i].name)")
    }
}

@Test func boundsOfAPolygonAreUpstreams() throws {
    let region = try square(0.11)
    #expect(
        Region.box(region.boundingBox).encoded()
            == bytes(hexadecimal: "62b4fcbd444bf10440a291f46328f90440ce75bbcb29ada23f555fef1674a4a43f"))
    #expect(
        Region.circle(region.boundingCircle).encoded()
            == bytes(
                hexadecimal: "63b5bf803862b8ebbfe111900434e1df3f4977dcea91a7a33f98fa0bcbe4e5de3e2fb1e2cf013c663f"))
}

@Test func nestedCompoundsOfOneKindAreFlattened() throws {
    let a = try square(1)
    let b = try square(2)
    let nested = UnionRegion([
        .union(UnionRegion([a, .union(UnionRegion([b]))])), .intersection(IntersectionRegion([])),
    ])
    #expect(nested.operands == [a, b, .intersection(IntersectionRegion([]))])
    let intersection = IntersectionRegion([.intersection(IntersectionRegion([a, b])), .union(UnionRegion([]))])
    #expect(intersection.operands == [a, b, .union(UnionRegion([]))])
}

@Test func polygonsAreEqualWhateverVertexComesFirst() throws {
    guard case .polygon(let polygon) = try square(3) else { return }
    let turned = ConvexPolygon(unchecked: Array(polygon.vertices[2...] + polygon.vertices[..<2]))
    #expect(turned == polygon)
    #expect(turned.hashValue == polygon.hashValue)
    #expect(ConvexPolygon(unchecked: polygon.vertices.reversed()) != polygon)
}

@Test func emptyRegionsAreEqualHoweverWritten() throws {
    let circle = Circle(center: .X, openingAngle: Angle(radians: -3))
    #expect(circle == .empty)
    #expect(circle.hashValue == Circle.empty.hashValue)
    let box = Box(lon: .full, lat: AngleInterval(Angle(radians: 1), Angle(radians: 0.5)))
    #expect(box == .empty)
    #expect(box.hashValue == Box.empty.hashValue)
}

@Test func aPolygonIsNeverEmptyAndAnIntersectionOfDisjointOnesIs() throws {
    let near = try square(1)
    let far = try square(1, lon: 10, lat: -80)
    #expect(!near.isEmpty)
    #expect(Region.intersection(IntersectionRegion([near, far])).isEmpty)
    #expect(!Region.intersection(IntersectionRegion([near, near])).isEmpty)
    #expect(!Region.intersection(IntersectionRegion([])).isEmpty)
    #expect(Region.union(UnionRegion([])).isEmpty)
    #expect(Region.union(UnionRegion([.circle(.empty), .box(.empty)])).isEmpty)
}
