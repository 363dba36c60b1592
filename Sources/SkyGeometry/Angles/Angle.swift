import Foundation

/// The ratio of a circle's circumference to its diameter, as the nearest double (slightly below the true value).
let pi = Double.pi

/// Radians in one degree.
let radiansPerDegree = 0.0174532925199432957692369076849

/// Degrees in one radian.
let degreesPerRadian = 57.2957795130823208767981548141

/// Bound on the error of `asin` for an argument that is off by one unit in the last place, in radians.
let maxAsinError = 1.5e-8

/// Bound on the error of a squared chord length computed from two unit vectors.
let maxSquaredChordLengthError = 2.5e-15

/// The largest double that disappears when added to one: 2⁻⁵³.
let roundingUnit = 1.1102230246251565e-16

/// The larger of two doubles; the first when they are equal or unordered, so that signed zeros come out as upstream's.
@inline(__always) func larger(_ a: Double, _ b: Double) -> Double { a < b ? b : a }

/// The smaller of two doubles; the first when they are equal or unordered.
@inline(__always) func smaller(_ a: Double, _ b: Double) -> Double { b < a ? b : a }

/// An angle in radians, of any size and sign.
public struct Angle: Sendable, Hashable, Comparable {
    public var radians: Double

    public init(radians: Double) { self.radians = radians }

    public init(degrees: Double) { radians = degrees * radiansPerDegree }

    public var degrees: Double { radians * degreesPerRadian }

    public static func < (a: Angle, b: Angle) -> Bool { a.radians < b.radians }
}

/// An angle reduced to [0, 2π] radians; NaN stays NaN. 2π itself is kept, so that a full circle can be written.
public struct NormalizedAngle: Sendable, Hashable, Comparable {
    public let radians: Double

    /// Reduces `radians` by whole turns. For huge values the reduction is as inexact as 2π is.
    public init(radians: Double) {
        if radians < 0.0 {
            self.radians = fmod(radians, 2.0 * pi) + 2.0 * pi
        } else if radians > 2.0 * pi {
            self.radians = fmod(radians, 2.0 * pi)
        } else {
            self.radians = radians
        }
    }

    public init(_ angle: Angle) { self.init(radians: angle.radians) }

    public init(degrees: Double) { self.init(radians: degrees * radiansPerDegree) }

    /// The angle between two vectors of any length, in [0, π].
    public init(between a: Vector3, and b: Vector3) {
        let sine = a.cross(b).norm
        let cosine = a.dot(b)
        // atan2 of two zeros may give ±π, depending on their signs.
        radians = sine == 0.0 && cosine == 0.0 ? 0.0 : atan2(sine, cosine)
    }

    init(unchecked radians: Double) { self.radians = radians }

    public var degrees: Double { radians * degreesPerRadian }

    public var angle: Angle { Angle(radians: radians) }

    static let nan = NormalizedAngle(unchecked: .nan)

    /// The turn from this angle to `other`, going east, in [0, 2π].
    public func turn(to other: NormalizedAngle) -> NormalizedAngle {
        let difference = other.radians - radians
        return NormalizedAngle(unchecked: difference < 0.0 ? 2.0 * pi + difference : difference)
    }

    /// The middle of the arc that leads east from `a` to `b`.
    static func center(_ a: NormalizedAngle, _ b: NormalizedAngle) -> NormalizedAngle {
        let middle = 0.5 * (a.radians + b.radians)
        if a.radians <= b.radians { return NormalizedAngle(unchecked: middle) }
        return NormalizedAngle(unchecked: middle < pi ? middle + pi : middle - pi)
    }

    public static func < (a: NormalizedAngle, b: NormalizedAngle) -> Bool { a.radians < b.radians }
}
