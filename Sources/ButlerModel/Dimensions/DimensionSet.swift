/// A set of dimension elements of one universe, as a bit mask over their canonical positions.
///
/// The mask is 128 bits wide; a universe with more elements is refused when it is built. Iteration is in canonical
/// order; every operation costs O(1), iteration O(members).
public struct DimensionSet: Hashable, Sendable {
    public static let capacity = 128

    var mask: UInt128

    init(mask: UInt128) { self.mask = mask }
    public init() { mask = 0 }

    public init(_ positions: some Sequence<Int>) {
        mask = 0
        for position in positions { insert(position) }
    }

    public var isEmpty: Bool { mask == 0 }
    public var count: Int { mask.nonzeroBitCount }

    public func contains(_ position: Int) -> Bool { mask & (1 << UInt128(position)) != 0 }
    public mutating func insert(_ position: Int) { mask |= 1 << UInt128(position) }
    public mutating func remove(_ position: Int) { mask &= ~(1 << UInt128(position)) }

    public func isSubset(of other: DimensionSet) -> Bool { mask & ~other.mask == 0 }
    public func union(_ other: DimensionSet) -> DimensionSet { DimensionSet(mask: mask | other.mask) }
    public func intersection(_ other: DimensionSet) -> DimensionSet { DimensionSet(mask: mask & other.mask) }
    public func subtracting(_ other: DimensionSet) -> DimensionSet { DimensionSet(mask: mask & ~other.mask) }
    public mutating func formUnion(_ other: DimensionSet) { mask |= other.mask }
}

extension DimensionSet: Sequence {
    public struct Iterator: IteratorProtocol {
        var rest: UInt128
        public mutating func next() -> Int? {
            guard rest != 0 else { return nil }
            let position = rest.trailingZeroBitCount
            rest &= rest &- 1
            return position
        }
    }

    public func makeIterator() -> Iterator { Iterator(rest: mask) }
}
