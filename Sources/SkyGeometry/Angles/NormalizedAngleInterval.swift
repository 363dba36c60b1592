/// A closed arc of longitudes that runs east from `a` to `b`, and across zero if `a` > `b`.
///
/// The empty arc has NaN ends; the full circle runs from 0 to 2π.
public struct NormalizedAngleInterval: Sendable {
    public private(set) var a: NormalizedAngle
    public private(set) var b: NormalizedAngle

    public init(_ a: NormalizedAngle, _ b: NormalizedAngle) {
        self.a = a
        self.b = b
    }

    public init(_ point: NormalizedAngle) { self.init(point, point) }

    /// The arc between two angles in radians, reduced by whole turns; a span of 2π or more is the full circle,
    /// a NaN end makes it empty.
    ///
    /// - Throws: `SkyGeometryError.invalidLongitudeRange` if an end lies outside [0, 2π] and they are out of order,
    ///   because then the direction of the arc is open.
    public init(radians x: Double, _ y: Double) throws(SkyGeometryError) {
        guard let arc = NormalizedAngleInterval.reduced(x, y) else {
            throw .invalidLongitudeRange(Angle(radians: x).degrees, Angle(radians: y).degrees)
        }
        self = arc
    }

    static func reduced(_ x: Double, _ y: Double) -> NormalizedAngleInterval? {
        if x.isNaN || y.isNaN { return empty }
        let turn = 0.0...(2.0 * pi)
        if !turn.contains(x) || !turn.contains(y) {
            if x > y { return nil }
            if y - x >= 2.0 * pi { return full }
        }
        return NormalizedAngleInterval(NormalizedAngle(radians: x), NormalizedAngle(radians: y))
    }

    public static let empty = NormalizedAngleInterval(.nan, .nan)
    public static let full = NormalizedAngleInterval(
        NormalizedAngle(unchecked: 0.0), NormalizedAngle(unchecked: 2.0 * pi))

    private var lo: Double { a.radians }
    private var hi: Double { b.radians }

    public var isEmpty: Bool { lo.isNaN || hi.isNaN }
    public var isFull: Bool { lo == 0.0 && hi == 2.0 * pi }
    public var wraps: Bool { lo > hi }
    public var center: NormalizedAngle { .center(a, b) }
    public var size: NormalizedAngle { a.turn(to: b) }

    /// Whether the arc has the longitude. NaN stands for no point at all, which every arc contains.
    public func contains(_ x: NormalizedAngle) -> Bool { x.radians.isNaN || has(x) }

    private func has(_ x: NormalizedAngle) -> Bool {
        wraps ? (x.radians <= hi || lo <= x.radians) : (lo <= x.radians && x.radians <= hi)
    }

    func isDisjoint(from x: NormalizedAngleInterval) -> Bool {
        if x.isEmpty || isEmpty { return true }
        if x.wraps { return wraps ? false : (x.lo > hi && x.hi < lo) }
        if wraps { return lo > x.hi && hi < x.lo }
        return x.hi < lo || x.lo > hi
    }

    public func relate(to x: NormalizedAngleInterval) -> Relationship {
        if isEmpty { return x.isEmpty ? [.contains, .disjoint, .within] : [.disjoint, .within] }
        if x.isEmpty { return [.contains, .disjoint] }
        if lo == x.lo && hi == x.hi { return [.contains, .within] }
        switch (wraps, x.wraps) {
        case (true, true):
            if lo <= x.lo && hi >= x.hi { return .contains }
            if lo >= x.lo && hi <= x.hi { return .within }
            return .intersects
        case (true, false):
            if x.isFull { return .within }
            if lo <= x.lo || hi >= x.hi { return .contains }
            return lo > x.hi && hi < x.lo ? .disjoint : .intersects
        case (false, true):
            if isFull { return .contains }
            if x.lo <= lo || x.hi >= hi { return .within }
            return x.lo > hi && x.hi < lo ? .disjoint : .intersects
        case (false, false):
            if lo <= x.lo && hi >= x.hi { return .contains }
            if lo >= x.lo && hi <= x.hi { return .within }
            return lo <= x.hi && hi >= x.lo ? .intersects : .disjoint
        }
    }

    /// Shrinks to the intersection. If that has two pieces, to the shorter of the two arcs, which covers both.
    mutating func clip(to x: NormalizedAngleInterval) {
        if x.isEmpty {
            self = .empty
        } else if contains(x.a) {
            if contains(x.b) {
                if size.radians >= x.size.radians { self = x }
            } else {
                a = x.a
            }
        } else if contains(x.b) {
            b = x.b
        } else if !x.has(a) {
            self = .empty
        }
    }

    /// Grows to the smallest arc that covers both.
    mutating func expand(to x: NormalizedAngleInterval) {
        if x.isEmpty { return }
        if contains(x.a) {
            if contains(x.b) {
                if wraps != x.wraps { self = .full }
            } else {
                b = x.b
            }
        } else if contains(x.b) {
            a = x.a
        } else if isEmpty || x.contains(a) {
            self = x
        } else if b.turn(to: x.a) < x.b.turn(to: a) {
            b = x.b
        } else {
            a = x.a
        }
    }

    /// Moves both ends outwards by `x` radians, or inwards if negative; an arc that meets itself becomes full or empty.
    func dilated(by x: Double) -> NormalizedAngleInterval {
        if isEmpty || isFull || x == 0.0 || x.isNaN { return self }
        var a = lo - x
        var b = hi + x
        if x > 0.0 {
            if x >= pi { return .full }
            if wraps {
                if a <= b { return .full }
            } else {
                if a < 0.0 {
                    a += 2.0 * pi
                    if a <= b { return .full }
                }
                if b > 2.0 * pi {
                    b -= 2.0 * pi
                    if a <= b { return .full }
                }
            }
        } else {
            if x <= -pi { return .empty }
            if wraps {
                if a > 2.0 * pi {
                    a -= 2.0 * pi
                    if a > b { return .empty }
                }
                if b < 0.0 {
                    b += 2.0 * pi
                    if a > b { return .empty }
                }
            } else if a > b {
                return .empty
            }
        }
        return NormalizedAngleInterval.reduced(a, b) ?? .full
    }
}

extension NormalizedAngleInterval: Hashable {
    /// All empty arcs are equal.
    public static func == (x: NormalizedAngleInterval, y: NormalizedAngleInterval) -> Bool {
        (x.lo == y.lo && x.hi == y.hi) || (x.isEmpty && y.isEmpty)
    }

    public func hash(into hasher: inout Hasher) {
        guard !isEmpty else { return hasher.combine(false) }
        hasher.combine(lo)
        hasher.combine(hi)
    }
}
