/// What is known for certain about two regions A and B, in the words "A … B".
///
/// A bit that is set is a fact; a bit that is not set says nothing. The empty set means that the regions may intersect.
public struct Relationship: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let disjoint = Relationship(rawValue: 1)
    public static let contains = Relationship(rawValue: 2)
    public static let within = Relationship(rawValue: 4)
    static let intersects: Relationship = []

    /// The same facts in the words "B … A".
    public var inverted: Relationship {
        Relationship(rawValue: (rawValue & 1) | ((rawValue & 2) << 1) | ((rawValue & 4) >> 1))
    }
}

/// Whether two regions share a point, as far as the geometry can tell.
public enum Overlap: Sendable, Hashable {
    case yes
    case no
    case unknown

    init(_ known: Bool) { self = known ? .yes : .no }

    /// What a relationship says about an overlap.
    init(_ relationship: Relationship) {
        if relationship.contains(.disjoint) {
            self = .no
        } else if !relationship.isDisjoint(with: [.within, .contains]) {
            self = .yes
        } else {
            self = .unknown
        }
    }

    /// Yes if either is, no if both are, else unknown.
    public func or(_ other: Overlap) -> Overlap {
        switch (self, other) {
        case (.yes, _), (_, .yes): .yes
        case (.no, .no): .no
        default: .unknown
        }
    }
}
