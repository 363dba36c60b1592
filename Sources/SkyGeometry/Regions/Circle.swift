import Foundation

/// All points within an opening angle of a centre: a spherical cap, including its border.
///
/// The squared chord from the centre to the border is kept beside the angle; membership is tested with the chord.
public struct Circle: Sendable {
    public let center: UnitVector
    public let squaredChordLength: Double
    public let openingAngle: Angle

    public static let empty = Circle(unchecked: .Z, squaredChordLength: -1.0, openingAngle: -1.0)
    public static let full = Circle(center: .Z, squaredChordLength: 4.0)

    /// A single point.
    public init(_ point: UnitVector) {
        self.init(unchecked: point, squaredChordLength: 0.0, openingAngle: 0.0)
    }

    /// A negative angle gives an empty circle, π or more the whole sphere. The angle itself is kept as given.
    public init(center: UnitVector, openingAngle: Angle) {
        self.init(
            unchecked: center, squaredChordLength: Circle.squaredChordLength(for: openingAngle.radians),
            openingAngle: openingAngle.radians)
    }

    init(center: UnitVector, squaredChordLength: Double) {
        self.init(
            unchecked: center, squaredChordLength: squaredChordLength,
            openingAngle: Circle.openingAngle(for: squaredChordLength))
    }

    init(unchecked center: UnitVector, squaredChordLength: Double, openingAngle: Double) {
        self.center = center
        self.squaredChordLength = squaredChordLength
        self.openingAngle = Angle(radians: openingAngle)
    }

    static func squaredChordLength(for angle: Double) -> Double {
        if angle < 0.0 { return -1.0 }
        if angle >= pi { return 4.0 }
        let s = sin(0.5 * angle)
        return 4.0 * s * s
    }

    static func openingAngle(for squaredChordLength: Double) -> Double {
        if squaredChordLength < 0.0 { return -1.0 }
        if squaredChordLength >= 4.0 { return pi }
        return 2.0 * asin(0.5 * squaredChordLength.squareRoot())
    }

    /// Also true for a chord of NaN.
    public var isEmpty: Bool { !(squaredChordLength >= 0.0) }
    public var isFull: Bool { squaredChordLength >= 4.0 }

    /// In steradians.
    public var area: Double { pi * larger(0.0, smaller(squaredChordLength, 4.0)) }

    public func contains(_ v: UnitVector) -> Bool {
        isFull || v.squaredChord(to: center) <= squaredChordLength
    }

    private func distance(to x: Circle) -> Double {
        NormalizedAngle(between: center.vector, and: x.center.vector).radians
    }

    func isDisjoint(from x: Circle) -> Bool {
        if isEmpty || x.isEmpty { return true }
        if isFull || x.isFull { return false }
        return distance(to: x) > openingAngle.radians + x.openingAngle.radians + 4.0 * maxAsinError
    }

    func relate(to c: Circle) -> Relationship {
        if isEmpty { return c.isEmpty ? [.contains, .disjoint, .within] : [.disjoint, .within] }
        if c.isEmpty { return [.contains, .disjoint] }
        if isFull { return c.isFull ? [.contains, .within] : .contains }
        if c.isFull { return .within }
        if self == c { return [.contains, .within] }
        let a = openingAngle.radians
        let b = c.openingAngle.radians
        let cc = distance(to: c)
        if cc > a + b + 4.0 * maxAsinError { return .disjoint }
        if cc + b + 4.0 * maxAsinError <= a { return .contains }
        if cc + a + 4.0 * maxAsinError <= b { return .within }
        return .intersects
    }

    /// Some circle around the intersection: the smaller of the two, or none.
    func clipped(to x: Circle) -> Circle {
        if isEmpty || x.isFull { return self }
        if isFull || x.isEmpty { return x }
        let a = openingAngle.radians
        let b = x.openingAngle.radians
        if distance(to: x) > a + b + 4.0 * maxAsinError { return .empty }
        return b < a ? x : self
    }

    /// The smallest circle around both, plus a margin for rounding.
    func expanded(to x: Circle) -> Circle {
        if isEmpty || x.isFull { return x }
        if x.isEmpty || isFull { return self }
        let a = openingAngle.radians
        let b = x.openingAngle.radians
        let cc = distance(to: x)
        if cc + b + 4.0 * maxAsinError <= a { return self }
        if cc + a + 4.0 * maxAsinError <= b { return x }
        let o = 0.5 * (cc + a + b)
        if o + 2.0 * maxAsinError >= pi { return .full }
        let n = UnitVector.orthogonal(to: center, and: x.center)
        let r = o - a
        let moved = center.vector * cos(r) + n.vector.cross(center.vector) * sin(r)
        return Circle(
            unchecked: UnitVector(normalizing: moved),
            squaredChordLength: Circle.squaredChordLength(for: o + maxAsinError),
            openingAngle: o + maxAsinError)
    }
}

extension Circle: Hashable {
    /// All empty circles are equal, and so are all full ones.
    public static func == (a: Circle, b: Circle) -> Bool {
        (a.isEmpty && b.isEmpty) || (a.isFull && b.isFull)
            || (a.center == b.center && a.squaredChordLength == b.squaredChordLength
                && a.openingAngle == b.openingAngle)
    }

    public func hash(into hasher: inout Hasher) {
        guard !isEmpty, !isFull else { return hasher.combine(isFull) }
        hasher.combine(center)
        hasher.combine(squaredChordLength)
        hasher.combine(openingAngle)
    }
}
