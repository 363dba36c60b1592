import TestSupport
@testable import SkyGeometry

extension SeededGenerator {
    mutating func direction() -> UnitVector {
        while true {
            let v = Vector3(
                .random(in: -1...1, using: &self), .random(in: -1...1, using: &self), .random(in: -1...1, using: &self))
            if v.squaredNorm > 0.01 && v.squaredNorm <= 1.0 { return UnitVector(normalizing: v) }
        }
    }

    mutating func direction(near v: UnitVector, within size: Double) -> UnitVector {
        UnitVector(normalizing: v.vector + direction().vector * Double.random(in: 0...size, using: &self))
    }

    /// A circle, box, polygon or ellipse up to about 0.3 rad in size.
    mutating func simpleRegion() throws -> Region {
        let center = direction()
        let size = Double.random(in: 0.001...0.3, using: &self)
        switch Int.random(in: 0..<4, using: &self) {
        case 0: return .circle(Circle(center: center, openingAngle: Angle(radians: size)))
        case 1:
            return .box(
                Box(center: LonLat(center), halfWidth: Angle(radians: 2 * size), halfHeight: Angle(radians: size)))
        case 2:
            return .ellipse(
                try Ellipse(
                    center: center, alpha: Angle(radians: size), beta: Angle(radians: size / 2),
                    orientation: Angle(radians: size * 17)))
        default:
            var points: [UnitVector] = []
            for _ in 0..<7 { points.append(direction(near: center, within: size)) }
            return .polygon(try ConvexPolygon(hullOf: points))
        }
    }
}

func bytes(hexadecimal text: String) -> [UInt8] {
    let digits = Array(text)
    return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
}

func degrees(_ lon: Double, _ lat: Double) throws -> UnitVector {
    UnitVector(try LonLat(lonDegrees: lon, latDegrees: lat))
}

/// A square of sides of `2 * half` degrees in longitude and latitude.
func square(_ half: Double, lon: Double = 150.1, lat: Double = 2.2) throws -> Region {
    let corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    return .polygon(try ConvexPolygon(hullOf: corners.map { try degrees(lon + $0.0, lat + $0.1) }))
}
