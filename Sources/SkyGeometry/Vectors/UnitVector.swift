import Foundation

/// A direction: a point on the unit sphere.
public struct UnitVector: Sendable, Hashable {
    /// The components, of length one up to rounding.
    public let vector: Vector3

    @inline(__always) public var x: Double { vector.x }
    @inline(__always) public var y: Double { vector.y }
    @inline(__always) public var z: Double { vector.z }

    public static let X = UnitVector(unchecked: Vector3(1.0, 0.0, 0.0))
    public static let Y = UnitVector(unchecked: Vector3(0.0, 1.0, 0.0))
    public static let Z = UnitVector(unchecked: Vector3(0.0, 0.0, 1.0))

    /// Normalises a vector of any length.
    ///
    /// - Throws: `SkyGeometryError.notADirection` when a component is not finite or all are zero.
    public init(_ v: Vector3) throws(SkyGeometryError) {
        guard v.isFinite, !v.isZero else { throw .notADirection(v) }
        vector = v.normalized
    }

    public init(_ x: Double, _ y: Double, _ z: Double) throws(SkyGeometryError) {
        try self.init(Vector3(x, y, z))
    }

    public init(_ p: LonLat) {
        self.init(lon: p.lon.radians, lat: p.lat.radians)
    }

    /// Trusts the caller that `v` has length one.
    @inline(__always)
    init(unchecked v: Vector3) { vector = v }

    /// Normalises a vector that cannot be zero by construction.
    @inline(__always)
    init(normalizing v: Vector3) { vector = v.normalized }

    /// Angles in radians.
    init(lon: Double, lat: Double) {
        let sinLon = sin(lon)
        let cosLon = cos(lon)
        let sinLat = sin(lat)
        let cosLat = cos(lat)
        vector = Vector3(cosLon * cosLat, sinLon * cosLat, sinLat)
    }

    @inline(__always)
    public static prefix func - (v: UnitVector) -> UnitVector { UnitVector(unchecked: -v.vector) }

    @inline(__always)
    public func dot(_ v: UnitVector) -> Double { vector.dot(v.vector) }

    /// Twice the cross product, accurate also for nearly parallel vectors.
    @inline(__always)
    func robustCross(_ v: UnitVector) -> Vector3 {
        (v.vector + vector).cross(v.vector - vector)
    }

    @inline(__always)
    func squaredChord(to v: UnitVector) -> Double { (vector - v.vector).squaredNorm }

    /// Some direction at a right angle to `v`.
    static func orthogonal(to v: UnitVector) -> UnitVector {
        if abs(v.x) > abs(v.y) { return UnitVector(normalizing: Vector3(-v.z, 0.0, v.x)) }
        return UnitVector(normalizing: Vector3(0.0, v.z, -v.y))
    }

    /// A direction at a right angle to both vectors.
    static func orthogonal(to v1: UnitVector, and v2: UnitVector) -> UnitVector {
        let n = (v2.vector + v1.vector).cross(v2.vector - v1.vector)
        return n.isZero ? orthogonal(to: v1) : UnitVector(normalizing: n)
    }

    /// The normal of the meridian plane at a longitude in radians.
    static func orthogonal(toMeridian lon: Double) -> UnitVector {
        UnitVector(unchecked: Vector3(-sin(lon), cos(lon), 0.0))
    }

    /// The tangent at `v` that points north; at a pole, along the meridian of longitude zero or π.
    static func north(from v: UnitVector) -> UnitVector {
        let n = Vector3(-v.x * v.z, -v.y * v.z, v.x * v.x + v.y * v.y)
        if n.isZero {
            return UnitVector(unchecked: Vector3(v.z.sign == .minus ? 1.0 : -1.0, 0.0, 0.0))
        }
        return UnitVector(normalizing: n)
    }

    /// This vector turned around the axis `k` by an angle in radians, after Rodrigues.
    func rotated(around k: UnitVector, by angle: Double) -> UnitVector {
        let s = sin(angle)
        let c = cos(angle)
        let turned = vector * c + k.vector.cross(vector) * s + k.vector * (k.vector.dot(vector) * (1.0 - c))
        return UnitVector(normalizing: turned)
    }
}
