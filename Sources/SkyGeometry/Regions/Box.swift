import Foundation

/// A rectangle in longitude and latitude, including its border.
public struct Box: Sendable, Hashable {
    public private(set) var lon: NormalizedAngleInterval
    public private(set) var lat: AngleInterval

    static let allLatitudes = Interval(-0.5 * pi, 0.5 * pi)

    public static let empty = Box(unchecked: .empty, .empty)
    public static let full = Box(unchecked: .full, AngleInterval(radians: allLatitudes))

    /// Latitudes are clipped to ±π/2. If one interval is empty, the box is empty.
    public init(lon: NormalizedAngleInterval, lat: AngleInterval) {
        self.lon = lon
        self.lat = lat
        enforceInvariants()
    }

    /// The box that runs east from `a` to `b`.
    public init(_ a: LonLat, _ b: LonLat) {
        self.init(lon: NormalizedAngleInterval(a.lon, b.lon), lat: AngleInterval(a.lat, b.lat))
    }

    /// The box around a centre. A half width of π or more covers all longitudes; a negative size is empty.
    public init(center: LonLat, halfWidth: Angle, halfHeight: Angle) {
        self.init(center: center, radians: halfWidth.radians, halfHeight.radians)
    }

    init(center: LonLat, radians halfWidth: Double, _ halfHeight: Double) {
        let point = Interval(center.lat.radians, center.lat.radians)
        self.init(
            lon: NormalizedAngleInterval(center.lon).dilated(by: halfWidth),
            lat: AngleInterval(radians: point.dilated(by: halfHeight)))
    }

    private init(unchecked lon: NormalizedAngleInterval, _ lat: AngleInterval) {
        self.lon = lon
        self.lat = lat
    }

    private mutating func enforceInvariants() {
        lat.radians.clip(to: Box.allLatitudes)
        if lat.isEmpty {
            lon = .empty
        } else if lon.isEmpty {
            lat = .empty
        }
    }

    public var isEmpty: Bool { lat.isEmpty }
    public var isFull: Bool { lon.isFull && lat.radians == Box.allLatitudes }
    public var width: NormalizedAngle { lon.size }
    public var height: Angle { lat.size }

    /// In steradians.
    public var area: Double {
        if isEmpty { return 0.0 }
        return abs(lon.size.radians * (sin(lat.radians.upper) - sin(lat.radians.lower)))
    }

    public func contains(_ p: LonLat) -> Bool { lat.contains(p.lat) && lon.contains(p.lon) }

    public func contains(_ v: UnitVector) -> Bool { contains(LonLat(v)) }

    /// Grows to the smallest box around both.
    mutating func expand(to box: Box) {
        lon.expand(to: box.lon)
        lat.radians.expand(to: box.lat.radians)
    }

    /// Shrinks to a box around the intersection.
    mutating func clip(to box: Box) {
        lon.clip(to: box.lon)
        lat.radians.clip(to: box.lat.radians)
        enforceInvariants()
    }

    /// Half the width in longitude of a circle of radius `r` around latitude `lat`; all angles in radians.
    ///
    /// A circle that has a pole has all longitudes. Otherwise its outermost meridian touches it, where
    /// sin w = sin r / cos lat.
    static func halfWidth(ofCircle r: Double, atLatitude lat: Double) -> Double {
        if r <= 0.0 { return 0.0 }
        if abs(lat) + r >= 0.5 * pi { return pi }
        let s = abs(sin(r) / cos(lat))
        return s >= 1.0 ? 0.5 * pi : asin(s)
    }
}
