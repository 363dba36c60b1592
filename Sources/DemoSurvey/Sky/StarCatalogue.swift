import Foundation
import SkyGeometry

/// The stars of the survey's sky, the truth behind all images and the reference for their calibration.
struct StarCatalogue: Sendable {
    struct Star: Sendable {
        let direction: UnitVector
        /// Magnitude in each of ``Camera/filters``, in their order.
        let magnitudes: [Double]
    }

    /// Brightest and faintest magnitude in r.
    private static let magnitudes = 7.0...17.3
    /// Stars a square degree down to the faintest.
    private static let density = 3500.0
    /// Growth of the counts: log10 of the number brighter than m goes as this times m.
    private static let slope = 0.32
    private static let width = 2.8
    private static let height = 2.0

    let stars: [Star]

    /// Stars in a rectangle around the centre of the survey, 2.8° × 2°.
    init(seed: UInt64) throws {
        var random = RandomStream(seed: seed, .stars)
        let count = Int(Self.density * Self.width * Self.height)
        let (bottom, top) = (
            Schedule.centre.declination - Self.height / 2, Schedule.centre.declination + Self.height / 2
        )
        let sines = sin(bottom * .pi / 180)...sin(top * .pi / 180)
        let halfWidth = Self.width / 2 / cos(Schedule.centre.declination * .pi / 180)
        let faintest = Self.magnitudes.upperBound
        let rarest = pow(10, Self.slope * (Self.magnitudes.lowerBound - faintest))
        stars = try (0..<count).map { _ in
            let ra = Schedule.centre.rightAscension + random.uniform(-halfWidth...halfWidth)
            let dec = asin(random.uniform(sines)) * 180 / .pi
            let red = faintest + log10(random.uniform(rarest...1)) / Self.slope
            let greenMinusRed = max(-0.4, 0.65 + 0.3 * random.normal())
            let redMinusInfrared = 0.42 * greenMinusRed - 0.05 + 0.05 * random.normal()
            return Star(
                direction: UnitVector(try LonLat(lonDegrees: ra, latDegrees: dec)),
                magnitudes: [red + greenMinusRed, red, red - redMinusInfrared])
        }
    }
}
