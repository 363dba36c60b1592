/// A closed interval of doubles; empty unless lower ≤ upper.
public struct Interval: Sendable {
    public var lower: Double
    public var upper: Double

    public init(_ lower: Double, _ upper: Double) {
        self.lower = lower
        self.upper = upper
    }

    /// The empty interval as upstream writes it: from one down to zero.
    public static let empty = Interval(1.0, 0.0)

    public var isEmpty: Bool { !(lower <= upper) }

    public var center: Double { 0.5 * (lower + upper) }

    public var size: Double { upper - lower }

    /// Whether the interval has the point. NaN stands for no point at all, which every interval contains.
    public func contains(_ x: Double) -> Bool { (lower <= x && x <= upper) || x.isNaN }

    func isDisjoint(from x: Interval) -> Bool {
        isEmpty || x.isEmpty || lower > x.upper || upper < x.lower
    }

    public func relate(to x: Interval) -> Relationship {
        if isEmpty { return x.isEmpty ? [.contains, .disjoint, .within] : [.disjoint, .within] }
        if x.isEmpty { return [.contains, .disjoint] }
        if lower == x.lower && upper == x.upper { return [.contains, .within] }
        if lower > x.upper || upper < x.lower { return .disjoint }
        if lower <= x.lower && upper >= x.upper { return .contains }
        if x.lower <= lower && x.upper >= upper { return .within }
        return .intersects
    }

    mutating func clip(to x: Interval) {
        if x.isEmpty {
            self = x
        } else if !isEmpty {
            lower = larger(lower, x.lower)
            upper = smaller(upper, x.upper)
        }
    }

    mutating func expand(to x: Interval) {
        if isEmpty {
            self = x
        } else if !x.isEmpty {
            lower = smaller(lower, x.lower)
            upper = larger(upper, x.upper)
        }
    }

    mutating func expand(to x: Double) {
        if isEmpty {
            self = Interval(x, x)
        } else if x < lower {
            lower = x
        } else if x > upper {
            upper = x
        }
    }

    /// Moves both ends outwards, or inwards for a negative distance; NaN moves nothing.
    func dilated(by x: Double) -> Interval {
        x.isNaN || isEmpty ? self : Interval(lower - x, upper + x)
    }
}

extension Interval: Hashable {
    /// All empty intervals are equal.
    public static func == (a: Interval, b: Interval) -> Bool {
        (a.lower == b.lower && a.upper == b.upper) || (a.isEmpty && b.isEmpty)
    }

    public func hash(into hasher: inout Hasher) {
        let value = isEmpty ? Interval.empty : self
        hasher.combine(value.lower)
        hasher.combine(value.upper)
    }
}
