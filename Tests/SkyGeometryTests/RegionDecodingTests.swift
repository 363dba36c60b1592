import Testing

@testable import SkyGeometry

private func littleEndian(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

private func double(_ value: Double) -> [UInt8] { littleEndian(value.bitPattern) }

private func decodingError(_ bytes: [UInt8]) -> RegionDecodingError? {
    do {
        _ = try Region(decoding: bytes)
        return nil
    } catch {
        return error
    }
}

@Test func brokenBytesAreRefusedWithAReason() throws {
    let circle = Region.circle(Circle(.X)).encoded()
    #expect(decodingError([]) == .empty)
    #expect(decodingError([120]) == .unknownType(byte: 120))
    #expect(decodingError(Array(circle.dropLast())) == .wrongLength(region: "Circle", bytes: 40, expected: "41"))
    #expect(decodingError(circle + [0]) == .wrongLength(region: "Circle", bytes: 42, expected: "41"))
    let polygon = try square(1).encoded()
    #expect(
        decodingError(Array(polygon.prefix(49)))
            == .wrongLength(region: "ConvexPolygon", bytes: 49, expected: "1 + 24n with n ≥ 3"))
    let union = Array("u".utf8)
    #expect(decodingError(union + [1, 2, 3]) == .truncatedOperand(operand: 0))
    #expect(decodingError(union + littleEndian(.max) + circle) == .truncatedOperand(operand: 0))
    #expect(
        decodingError(union + littleEndian(41) + circle + littleEndian(42) + circle) == .truncatedOperand(operand: 1))
    #expect(decodingError(union + littleEndian(0)) == .empty)
}

@Test func numbersThatUpstreamWouldNotWriteAreRefused() throws {
    func circle(_ values: [Double]) -> [UInt8] { Array("c".utf8) + values.flatMap(double) }
    #expect(decodingError(circle([.nan, 0, 0, 0, 0])) == .notFinite(region: "Circle", field: "center"))
    #expect(
        decodingError(circle([1, 0, 0, .infinity, 0])) == .notFinite(region: "Circle", field: "squared chord length"))
    #expect(decodingError(circle([1, 0, 0, 0, .nan])) == .notFinite(region: "Circle", field: "opening angle"))
    #expect(decodingError(circle([0, 0, 0, 0, 0])) == .notAUnitVector(region: "Circle", field: "center"))
    #expect(decodingError(circle([1e300, 0, 0, 0, 0])) == .notAUnitVector(region: "Circle", field: "center"))
    func box(_ values: [Double]) -> [UInt8] { Array("b".utf8) + values.flatMap(double) }
    #expect(decodingError(box([.nan, .nan, 1, 0])) == nil)
    #expect(decodingError(box([.nan, 1, 0, 1])) == .notFinite(region: "Box", field: "longitude"))
    #expect(decodingError(box([0, .infinity, 0, 1])) == .notFinite(region: "Box", field: "longitude"))
    #expect(decodingError(box([0, 1, .nan, 1])) == .notFinite(region: "Box", field: "latitude"))
    #expect(decodingError(box([9, -1, 0, 1])) == .invalidLongitudeRange(9, -1))
    #expect(decodingError(Region.ellipse(.empty).encoded()) == nil)
    #expect(decodingError(Region.ellipse(.full).encoded()) == nil)
}

@Test func nestingHasALimit() throws {
    func nested(_ depth: Int) -> [UInt8] {
        var bytes = Region.circle(Circle(.X)).encoded()
        for i in 0..<depth { bytes = Array((i % 2 == 0 ? "u" : "i").utf8) + littleEndian(UInt64(bytes.count)) + bytes }
        return bytes
    }
    #expect(decodingError(nested(32)) == nil)
    #expect(decodingError(nested(33)) == .nestedTooDeeply(limit: 32))
    #expect(decodingError(nested(20_000)) == .nestedTooDeeply(limit: 32))
}

@Test func slicesAreDecodedAsArraysAre() throws {
    let encoded = try square(1).encoded()
    let slice = ([1, 2, 3] + encoded + [4]).dropFirst(3).dropLast()
    #expect(try Region(decoding: slice) == square(1))
}

@Test func errorsSayWhatWasFoundInOneLine() {
    let errors: [any Error & CustomStringConvertible] = [
        RegionDecodingError.wrongLength(region: "Circle", bytes: 40, expected: "41"),
        RegionDecodingError.missingAmpersand(term: 2), SkyGeometryError.invalidLatitude(degrees: 91),
        SkyGeometryError.unknownPixelization(className: "lsst.sphgeom.Nothing"),
    ]
    for error in errors { #expect(!error.description.contains("\n") && error.description.hasSuffix(".")) }
    #expect("\(errors[0])" == "Encoded region (Circle) has 40 bytes; expected 41.")
    #expect("\(errors[3])".contains("lsst.sphgeom.HtmPixelization"))
}
