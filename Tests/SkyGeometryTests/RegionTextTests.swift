import Testing

@testable import SkyGeometry

@Test func databaseTextIsBase64OfTheBytes() throws {
    let point = Region.circle(Circle(try degrees(150.1, 2.2)))
    #expect(point.base64 == "Y2s17DhiuOu/4qULBTTh3z+SJTEhkaejPwAAAAAAAAAAAAAAAAAAAAA=")
    #expect(try Region(base64: point.base64) == point)
    for count in 0..<10 {
        let bytes = (0..<count).map { UInt8($0 * 29) }
        #expect(try decodeBase64(Array(encodeBase64(bytes).utf8)) == bytes)
    }
}

@Test func joinedTextIsAUnionAndEmptyTextTheEmptyUnion() throws {
    let a = try square(1)
    let b = try square(1, lon: 10)
    #expect(try Region(base64: "") == .union(UnionRegion([])))
    #expect(try Region(base64: "\(a.base64):\(b.base64)") == .union(UnionRegion([a, b])))
    let union = Region.union(UnionRegion([a, b]))
    #expect(try Region(base64: "\(union.base64):\(a.base64)") == .union(UnionRegion([a, b, a])))
    #expect(throws: RegionDecodingError.empty) { try Region(base64: "\(a.base64):") }
}

@Test func overlapExpressionsAreAnOrOverPairs() throws {
    let a = try square(1).base64
    let near = try square(2).base64
    let far = try square(1, lon: 10).base64
    let unknown = Region.box(
        Box(
            center: try LonLat(lonDegrees: 151.2, latDegrees: 2.2), halfWidth: Angle(degrees: 0.5),
            halfHeight: Angle(degrees: 0.5))
    ).base64
    #expect(try Overlap(expression: "") == .no)
    #expect(try Overlap(expression: "\(a)&\(near)") == .yes)
    #expect(try Overlap(expression: "\(a)&\(far)") == .no)
    #expect(try Overlap(expression: "\(a)&\(far)|\(a)&\(unknown)") == .unknown)
    #expect(try Overlap(expression: "\(a)&\(unknown)|\(a)&\(near)") == .yes)
    // The rest is not read once the answer is certain.
    #expect(try Overlap(expression: "\(a)&\(near)|nonsense") == .yes)
    #expect(throws: RegionDecodingError.missingAmpersand(term: 1)) {
        try Overlap(expression: "\(a)&\(far)|nonsense")
    }
}

@Test func positionStringsDescribeRegionsInDegrees() throws {
    #expect(
        try Region(ivoaPosition: "CIRCLE 150.1 2.2 0.3")
            == .circle(Circle(center: degrees(150.1, 2.2), openingAngle: Angle(degrees: 0.3))))
    #expect(
        try Region(ivoaPosition: "RANGE 350 10 -Inf 12.5").encoded()
            == bytes(hexadecimal: "62f4f2ec91426f18408744e74a1857c63f182d4454fb21f9bfa915a15ddeeccb3f"))
    let corners = try [degrees(150, 2), degrees(151, 2), degrees(151, 3), degrees(150, 3)]
    #expect(
        try Region(ivoaPosition: "  POLYGON 150 2 151 2 151 3 150 3 ")
            == .polygon(ConvexPolygon(hullOf: corners)))
}

@Test(arguments: [
    "", "CIRCLE", "CIRCLE 1 2", "circle 1 2 3", "RANGE 1 2 3", "POLYGON 1 2 3 4", "POLYGON 1 2 3 4 5 6 7",
    "BOX 1 2 3 4",
    "CIRCLE 1 91 3", "CIRCLE 1 2 x", "CIRCLE nan 2 3", "CIRCLE 1 2 0x3", "POLYGON 1 2 1 2 1 2", "POLYGON 0 0 10 0 20 0",
])
func badPositionStringsAreRefused(text: String) {
    #expect(throws: SkyGeometryError.self) { try Region(ivoaPosition: text) }
}
