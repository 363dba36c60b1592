/// A vector in three dimensions. Products are summed in the order x, y, z, so that results match the
/// observatory's library to the last bit.
public struct Vector3: Sendable, Hashable {
    public var x: Double
    public var y: Double
    public var z: Double

    @inline(__always)
    public init(_ x: Double, _ y: Double, _ z: Double) {
        self.x = x
        self.y = y
        self.z = z
    }

    /// The component along an axis: 0 for x, 1 for y, else z.
    @inline(__always)
    subscript(axis: Int) -> Double { axis == 0 ? x : axis == 1 ? y : z }

    @inline(__always)
    public func dot(_ v: Vector3) -> Double { x * v.x + y * v.y + z * v.z }

    @inline(__always)
    public func cross(_ v: Vector3) -> Vector3 {
        Vector3(y * v.z - z * v.y, z * v.x - x * v.z, x * v.y - y * v.x)
    }

    public var squaredNorm: Double { dot(self) }

    public var norm: Double { squaredNorm.squareRoot() }

    public var isZero: Bool { x == 0.0 && y == 0.0 && z == 0.0 }

    var isFinite: Bool { x.isFinite && y.isFinite && z.isFinite }

    @inline(__always)
    public static prefix func - (v: Vector3) -> Vector3 { Vector3(-v.x, -v.y, -v.z) }

    @inline(__always)
    public static func + (a: Vector3, b: Vector3) -> Vector3 { Vector3(a.x + b.x, a.y + b.y, a.z + b.z) }

    @inline(__always)
    public static func - (a: Vector3, b: Vector3) -> Vector3 { Vector3(a.x - b.x, a.y - b.y, a.z - b.z) }

    @inline(__always)
    public static func * (v: Vector3, s: Double) -> Vector3 { Vector3(v.x * s, v.y * s, v.z * s) }

    /// Scales the vector to length one and returns the length it had.
    ///
    /// The components are first divided by the largest, which prevents overflow and underflow; the two others enter
    /// the sum of squares smallest first. A zero vector has no direction: it is left alone and the result is zero.
    @inline(__always)
    mutating func normalize() -> Double {
        let ax = abs(x)
        let ay = abs(y)
        let az = abs(z)
        let largest: Double
        let norm: Double
        if ax > ay && ax > az {
            largest = ax
            let u = y / largest
            let v = z / largest
            // The sum of two squares does not depend on their order.
            norm = (1.0 + (u * u + v * v)).squareRoot()
            self = Vector3((x < 0.0 ? -1.0 : 1.0) / norm, u / norm, v / norm)
        } else if ay > az {
            largest = ay
            let u = x / largest
            let v = z / largest
            norm = (1.0 + (u * u + v * v)).squareRoot()
            self = Vector3(u / norm, (y < 0.0 ? -1.0 : 1.0) / norm, v / norm)
        } else {
            largest = az
            if largest == 0.0 { return 0.0 }
            let u = x / largest
            let v = y / largest
            norm = (1.0 + (u * u + v * v)).squareRoot()
            self = Vector3(u / norm, v / norm, (z < 0.0 ? -1.0 : 1.0) / norm)
        }
        return norm * largest
    }

    /// The direction of this vector; a zero vector is returned as it is.
    @inline(__always)
    var normalized: Vector3 {
        var v = self
        _ = v.normalize()
        return v
    }
}
