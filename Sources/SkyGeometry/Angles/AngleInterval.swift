/// A closed interval of angles, here of latitudes.
public struct AngleInterval: Sendable, Hashable {
    /// The bounds in radians.
    public var radians: Interval

    public init(_ lower: Angle, _ upper: Angle) { radians = Interval(lower.radians, upper.radians) }

    init(radians: Interval) { self.radians = radians }

    init(radians lower: Double, _ upper: Double) { radians = Interval(lower, upper) }

    public static let empty = AngleInterval(radians: .empty)

    public var lower: Angle { Angle(radians: radians.lower) }
    public var upper: Angle { Angle(radians: radians.upper) }
    public var isEmpty: Bool { radians.isEmpty }
    public var center: Angle { Angle(radians: radians.center) }
    public var size: Angle { Angle(radians: radians.size) }

    public func contains(_ angle: Angle) -> Bool { radians.contains(angle.radians) }
}
