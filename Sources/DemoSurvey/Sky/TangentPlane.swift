import Foundation
import SkyGeometry

/// The gnomonic projection around a point: FITS code TAN. Source: Calabretta and Greisen 2002, section 5.1.3.
struct TangentPlane: Sendable {
    /// ICRS, degrees.
    let rightAscension: Double
    let declination: Double
    private let centre: Vector3
    private let east: Vector3
    private let north: Vector3

    init(rightAscension: Double, declination: Double) {
        self.rightAscension = rightAscension
        self.declination = declination
        let (ra, dec) = (rightAscension * .pi / 180, declination * .pi / 180)
        centre = Vector3(cos(ra) * cos(dec), sin(ra) * cos(dec), sin(dec))
        east = Vector3(-sin(ra), cos(ra), 0)
        north = Vector3(-cos(ra) * sin(dec), -sin(ra) * sin(dec), cos(dec))
    }

    /// The direction of a point of the plane.
    /// - Parameters:
    ///   - xi: degrees to the east of the centre.
    ///   - eta: degrees to the north.
    func direction(xi: Double, eta: Double) throws -> UnitVector {
        try UnitVector(centre + east * (xi * .pi / 180) + north * (eta * .pi / 180))
    }

    /// The point of the plane for a direction, in degrees; `nil` beyond 90° from the centre.
    func point(of direction: UnitVector) -> (xi: Double, eta: Double)? {
        let depth = direction.vector.dot(centre)
        guard depth > 0 else { return nil }
        let degrees = 180 / Double.pi / depth
        return (direction.vector.dot(east) * degrees, direction.vector.dot(north) * degrees)
    }

    /// The convex hull of the corners of a rectangle in the plane, sides in degrees.
    func rectangle(xi: ClosedRange<Double>, eta: ClosedRange<Double>) throws -> ConvexPolygon {
        try ConvexPolygon(hullOf: [
            try direction(xi: xi.lowerBound, eta: eta.lowerBound),
            try direction(xi: xi.upperBound, eta: eta.lowerBound),
            try direction(xi: xi.upperBound, eta: eta.upperBound),
            try direction(xi: xi.lowerBound, eta: eta.upperBound),
        ])
    }
}
