import Foundation

/// The zero point of a visit: the magnitude of a star of which one electron a second is recorded.
struct PhotometricCalibration: Sendable {
    let zeroPoint: Double
    /// Standard deviation of one star around it, magnitudes.
    let scatter: Double
    let starCount: Int

    private static let matchRadius = 1.5
    private static let leastSignalToNoise = 20.0

    /// Compares measured fluxes with the reference catalogue.
    ///
    /// A source counts when one reference star lies within a pixel and a half, and no other that could disturb it
    /// within the aperture and twice that. `nil` with fewer than three.
    init?(_ detectors: [(Detector, CalibratedDetector)], visit: Visit, camera: Camera, catalogue: StarCatalogue) {
        var zeroPoints: [Double] = []
        for (detector, calibrated) in detectors {
            let projection = visit.projection(detector, of: camera)
            let inside = -10.0...Double(camera.pixels) + 10
            let reference = catalogue.stars.compactMap { star -> (x: Double, y: Double, magnitude: Double)? in
                guard let (x, y) = projection.pixel(of: star.direction), inside.contains(x), inside.contains(y) else {
                    return nil
                }
                return (x, y, star.magnitudes[visit.filterIndex])
            }
            for source in calibrated.sources
            where !source.isFlagged && source.flux > Self.leastSignalToNoise * source.fluxError {
                let near = reference.map { star in
                    (distance: hypot(star.x - source.x, star.y - source.y), magnitude: star.magnitude)
                }.filter { $0.distance < 2 * SourceFinder.apertureRadius }
                guard let star = near.min(by: { $0.magnitude < $1.magnitude }), star.distance < Self.matchRadius,
                    near.count(where: { $0.magnitude < star.magnitude + 3 }) == 1
                else { continue }
                zeroPoints.append(star.magnitude + 2.5 * log10(source.flux / Visit.exposureTime))
            }
        }
        guard zeroPoints.count >= 3, let result = RobustStatistics.clipped(zeroPoints) else { return nil }
        zeroPoint = result.mean
        scatter = result.deviation
        starCount = zeroPoints.count
    }
}
