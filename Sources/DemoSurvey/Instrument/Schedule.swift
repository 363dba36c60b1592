import AstroTime
import Foundation
import SkyGeometry

/// An observing night and the calibration frames taken before it.
struct Night: Sendable {
    /// 1 for the first.
    let number: Int
    /// YYYYMMDD.
    let dayObs: Int
    /// From noon to noon, UTC.
    let timespan: Timespan
}

/// One visit, which is one exposure.
struct Visit: Sendable {
    let id: Int
    let night: Night
    let sequence: Int
    /// Index into ``Camera/filters``.
    let filterIndex: Int
    let target: String
    let timespan: Timespan
    let boresight: TangentPlane
    /// Position angle of the focal plane's y axis, degrees.
    let skyAngle: Double
    let pointing: Site.Horizontal
    /// Width of a star's image at half maximum, lens and atmosphere together, in arcseconds.
    let seeing: Double
    /// Part of the light that thin clouds let through.
    let transparency: Double
    /// What the sky's brightness differs from that of a dark night, magnitudes a square arcsecond.
    let skyExcess: Double

    /// Open-shutter time, seconds.
    static let exposureTime = 30.0
    static let darkTime = 30.5

    var filter: Filter { Camera.filters[filterIndex] }
    /// `SC_O_20260101_000003`
    var name: String {
        let digits = String(sequence)
        return "SC_O_\(night.dayObs)_" + String(repeating: "0", count: 6 - digits.count) + digits
    }

    func projection(_ detector: Detector, of camera: Camera) -> DetectorProjection {
        DetectorProjection(detector, of: camera, boresight: boresight, skyAngle: skyAngle)
    }
}

/// The nights and visits of the survey: four fields around a centre, in three filters, on two nights.
struct Schedule: Sendable {
    static let centre = TangentPlane(rightAscension: 63, declination: -30)
    private static let fields = [(1.0, -1.0, "SE"), (-1.0, -1.0, "SW"), (1.0, 1.0, "NE"), (-1.0, 1.0, "NW")]
    /// 2026-01-01T12:00:00 UTC.
    private static let firstNoon: Int64 = 1_767_268_800
    private static let day: Int64 = 86_400

    let nights: [Night]
    let visits: [Visit]

    init(camera: Camera, visitsPerNight: Int, seed: UInt64) throws {
        nights = try (0..<2).map { index in
            let noon = Self.firstNoon + Self.day * Int64(index)
            return Night(
                number: index + 1, dayObs: 20_260_101 + index,
                timespan: try Timespan(
                    begin: TAINanoseconds(unixSeconds: noon), end: TAINanoseconds(unixSeconds: noon + Self.day)))
        }
        visits = try nights.flatMap { night in
            try Self.visits(of: night, camera: camera, count: visitsPerNight, seed: seed)
        }
    }

    private static func visits(of night: Night, camera: Camera, count: Int, seed: UInt64) throws -> [Visit] {
        // Fields overlap by a twentieth of the focal plane.
        let spread = (
            x: 0.475 * 4.26 * Double(camera.pixels) * Camera.pixelScaleDegrees,
            y: 0.475 * 2.06 * Double(camera.pixels) * Camera.pixelScaleDegrees
        )
        // Night begins thirteen hours and a half after noon UTC at this longitude and season.
        var clock = night.timespan.begin.rawValue + 48_600_000_000_000
        var lastFilter: Int?
        return try (0..<count).map { index in
            let slot = index * 12 / count
            let filter = slot / 4
            let (signX, signY, field) = fields[slot % 4]
            var random = RandomStream(seed: seed, .weather, night.number, index)
            if let lastFilter { clock += Int64((lastFilter == filter ? 22 : 95) * 1_000_000_000) }
            clock += Int64(random.uniform(0...6) * 1e9)
            lastFilter = filter
            let begin = TAINanoseconds(rawValue: clock)
            clock += Int64(Visit.exposureTime * 1e9)
            let dither = night.number == 1 ? 0.0 : 0.035
            let aim = LonLat(
                try centre.direction(
                    xi: signX * spread.x + dither + 0.006 * random.normal(),
                    eta: signY * spread.y + dither + 0.006 * random.normal()))
            let boresight = TangentPlane(rightAscension: aim.lon.degrees, declination: aim.lat.degrees)
            return Visit(
                id: night.dayObs * 100_000 + index + 1, night: night, sequence: index + 1, filterIndex: filter,
                target: "steward-\(field)", timespan: try Timespan(begin: begin, end: TAINanoseconds(rawValue: clock)),
                boresight: boresight, skyAngle: (night.number == 1 ? 0 : 20) + random.uniform(-2...2),
                pointing: try Site.horizontal(
                    rightAscension: boresight.rightAscension, declination: boresight.declination, at: begin),
                seeing: random.uniform(13.5...21), transparency: 1 - 0.15 * pow(random.uniform(), 3),
                skyExcess: -0.3 * random.uniform())
        }
    }
}
