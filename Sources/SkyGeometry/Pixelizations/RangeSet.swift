/// A set of unsigned integers as sorted half-open ranges that neither overlap nor touch.
///
/// The set lives within 0 ..< 2⁶⁴ − 1; no pixel index is larger.
public struct RangeSet: Sendable, Hashable {
    /// In ascending order, none empty, with a gap between any two.
    public private(set) var ranges: [Range<UInt64>] = []

    /// Every integer the set can hold.
    public static let full = RangeSet(0..<UInt64.max)

    public init() {}

    public init(_ range: Range<UInt64>) { insert(range) }

    /// Cost: n log n if the ranges are out of order, else linear.
    public init(_ ranges: some Sequence<Range<UInt64>>) {
        let sorted = ranges.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
        for range in sorted { append(range) }
    }

    public var isEmpty: Bool { ranges.isEmpty }

    /// The number of integers in the set.
    public var cardinality: UInt64 { ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) } }

    /// Cost: logarithmic in the number of ranges.
    public func contains(_ value: UInt64) -> Bool {
        let i = firstIndex { $0.upperBound > value }
        return i < ranges.count && ranges[i].lowerBound <= value
    }

    /// The index of the first range that fulfils a condition that all later ranges fulfil too.
    private func firstIndex(where condition: (Range<UInt64>) -> Bool) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if condition(ranges[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Adds a range that begins at or after the beginning of the last one.
    private mutating func append(_ range: Range<UInt64>) {
        if let last = ranges.last, range.lowerBound <= last.upperBound {
            ranges[ranges.count - 1] = last.lowerBound..<Swift.max(last.upperBound, range.upperBound)
        } else {
            ranges.append(range)
        }
    }

    /// Cost: constant at the end of the set, else linear in the number of ranges that follow.
    public mutating func insert(_ range: Range<UInt64>) {
        if range.isEmpty { return }
        guard let last = ranges.last, range.lowerBound < last.lowerBound else { return append(range) }
        // The ranges from i up to j overlap or touch the new one.
        let i = firstIndex { $0.upperBound >= range.lowerBound }
        let j = firstIndex { $0.lowerBound > range.upperBound }
        if i == j {
            ranges.insert(range, at: i)
        } else {
            let lower = Swift.min(range.lowerBound, ranges[i].lowerBound)
            let upper = Swift.max(range.upperBound, ranges[j - 1].upperBound)
            ranges.replaceSubrange(i..<j, with: CollectionOfOne(lower..<upper))
        }
    }

    /// Cost of this and the other set operations: linear in the number of ranges of both.
    public func union(_ other: RangeSet) -> RangeSet {
        var result = RangeSet()
        var i = 0
        var j = 0
        while i < ranges.count || j < other.ranges.count {
            if j == other.ranges.count || (i < ranges.count && ranges[i].lowerBound <= other.ranges[j].lowerBound) {
                result.append(ranges[i])
                i += 1
            } else {
                result.append(other.ranges[j])
                j += 1
            }
        }
        return result
    }

    public func intersection(_ other: RangeSet) -> RangeSet {
        var result = RangeSet()
        var i = 0
        var j = 0
        while i < ranges.count && j < other.ranges.count {
            let lower = Swift.max(ranges[i].lowerBound, other.ranges[j].lowerBound)
            let upper = Swift.min(ranges[i].upperBound, other.ranges[j].upperBound)
            if lower < upper { result.ranges.append(lower..<upper) }
            if ranges[i].upperBound < other.ranges[j].upperBound { i += 1 } else { j += 1 }
        }
        return result
    }

    /// Every integer that is not in the set.
    public func complement() -> RangeSet {
        var result = RangeSet()
        var lower: UInt64 = 0
        for range in ranges {
            if lower < range.lowerBound { result.ranges.append(lower..<range.lowerBound) }
            lower = range.upperBound
        }
        if lower < UInt64.max { result.ranges.append(lower..<UInt64.max) }
        return result
    }

    public func difference(_ other: RangeSet) -> RangeSet { intersection(other.complement()) }

    public func isSubset(of other: RangeSet) -> Bool { intersection(other) == self }

    public func isDisjoint(with other: RangeSet) -> Bool { intersection(other).isEmpty }

    /// Rounds the ends of all ranges outwards to multiples of 2ⁿ, which may join ranges.
    public func simplified(bits n: Int) -> RangeSet {
        if n <= 0 { return self }
        if n >= 64 { return isEmpty ? self : .full }
        let mask = (UInt64(1) << UInt64(n)) - 1
        var result = RangeSet()
        for range in ranges {
            let (sum, overflow) = range.upperBound.addingReportingOverflow(mask)
            result.append((range.lowerBound & ~mask)..<(overflow ? UInt64.max : sum & ~mask))
        }
        return result
    }

    /// The ends of all ranges times a factor, as for the children of pixels. What exceeds the domain is cut off.
    public func scaled(by factor: UInt64) -> RangeSet {
        var result = RangeSet()
        for range in ranges {
            let (lower, overflow) = range.lowerBound.multipliedReportingOverflow(by: factor)
            if overflow { break }
            let upper = range.upperBound.multipliedReportingOverflow(by: factor)
            let end = upper.overflow ? UInt64.max : upper.partialValue
            if lower < end { result.append(lower..<end) }
        }
        return result
    }
}

extension RangeSet: Sequence {
    /// The ranges in ascending order.
    public func makeIterator() -> IndexingIterator<[Range<UInt64>]> { ranges.makeIterator() }
}

extension RangeSet: CustomStringConvertible {
    public var description: String {
        "[" + ranges.map { "[\($0.lowerBound), \($0.upperBound))" }.joined(separator: ", ") + "]"
    }
}
