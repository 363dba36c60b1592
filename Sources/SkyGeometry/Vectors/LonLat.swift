import Foundation

/// A point on the sphere by its angles: longitude (right ascension) east from x, latitude (declination) north.
public struct LonLat: Sendable, Hashable {
    public let lon: NormalizedAngle
    public let lat: Angle

    /// - Throws: `SkyGeometryError.invalidLatitude` beyond ±π/2, `.invalidLongitude` for one that is not a number.
    public init(lon: NormalizedAngle, lat: Angle) throws(SkyGeometryError) {
        guard abs(lat.radians) <= 0.5 * pi else { throw .invalidLatitude(degrees: lat.degrees) }
        guard !lon.radians.isNaN else { throw .invalidLongitude }
        self.lon = lon
        self.lat = lat
    }

    /// Longitudes may have any number of turns.
    public init(lonDegrees: Double, latDegrees: Double) throws(SkyGeometryError) {
        try self.init(lon: NormalizedAngle(degrees: lonDegrees), lat: Angle(degrees: latDegrees))
    }

    public init(_ v: UnitVector) { self.init(v.vector) }

    init(_ v: Vector3) {
        lon = NormalizedAngle(radians: LonLat.longitude(of: v))
        lat = Angle(radians: LonLat.latitude(of: v))
    }

    /// The latitude of a vector of any length, in radians.
    static func latitude(of v: Vector3) -> Double {
        let d2 = v.x * v.x + v.y * v.y
        guard v.z != 0.0 else { return 0.0 }
        let lat = atan2(v.z, d2.squareRoot())
        return abs(lat) > 0.5 * pi ? copysign(0.5 * pi, lat) : lat
    }

    /// The longitude of a vector of any length, in radians, within [0, 2π].
    static func longitude(of v: Vector3) -> Double {
        let d2 = v.x * v.x + v.y * v.y
        guard d2 != 0.0 else { return 0.0 }
        let lon = atan2(v.y, v.x)
        return lon < 0.0 ? lon + 2 * pi : lon
    }
}
