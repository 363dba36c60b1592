import AstroTime
import Foundation

/// Cerro Mayordomo, an invented observatory in the south.
enum Site {
    static let name = "Cerro Mayordomo"
    /// East of Greenwich, degrees.
    static let longitude = -70.8
    static let latitude = -30.2

    /// Where a direction on the sky is seen.
    struct Horizontal: Sendable {
        /// Degrees from north through east.
        let azimuth: Double
        let zenithAngle: Double

        /// In units of the air above, for a plane atmosphere.
        var airmass: Double { 1 / cos(zenithAngle * .pi / 180) }
    }

    /// Source of the sidereal time: Meeus, Astronomical Algorithms, 2nd ed., equation 12.4, with UTC for UT1. Precession
    /// since J2000 (0.4°) and refraction are left out.
    static func horizontal(rightAscension: Double, declination: Double, at time: TAINanoseconds) throws -> Horizontal {
        let days = try time.mjd(scale: .utc) - 51_544.5
        let sidereal = 280.46061837 + 360.98564736629 * days + longitude
        let radians = Double.pi / 180
        let hourAngle = (sidereal - rightAscension) * radians
        let (sinDec, cosDec) = (sin(declination * radians), cos(declination * radians))
        let (sinLat, cosLat) = (sin(latitude * radians), cos(latitude * radians))
        let sinAltitude = sinDec * sinLat + cosDec * cosLat * cos(hourAngle)
        let azimuth = atan2(-cosDec * sin(hourAngle), sinDec * cosLat - cosDec * sinLat * cos(hourAngle))
        return Horizontal(
            azimuth: azimuth < 0 ? azimuth / radians + 360 : azimuth / radians,
            zenithAngle: acos(min(max(sinAltitude, -1), 1)) / radians)
    }
}
