import TestSupport
import Testing

@testable import SkyGeometry

private func model(_ set: RangeSet) -> Set<UInt64> { Set(set.ranges.flatMap { Array($0) }) }

private func random(_ generator: inout SeededGenerator) -> RangeSet {
    var set = RangeSet()
    for _ in 0..<Int.random(in: 0...6, using: &generator) {
        let lower = UInt64.random(in: 0..<60, using: &generator)
        set.insert(lower..<(lower + UInt64.random(in: 0...9, using: &generator)))
    }
    return set
}

private func isNormal(_ set: RangeSet) -> Bool {
    set.ranges.allSatisfy { !$0.isEmpty }
        && zip(set.ranges, set.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }
}

@Test func rangeSetsBehaveAsSetsOfIntegers() {
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<500 {
        let a = random(&generator)
        let b = random(&generator)
        let (ma, mb) = (model(a), model(b))
        for set in [a, b, a.union(b), a.intersection(b), a.difference(b), a.complement(), a.simplified(bits: 3)] {
            #expect(isNormal(set))
        }
        #expect(model(a.union(b)) == ma.union(mb))
        #expect(model(a.intersection(b)) == ma.intersection(mb))
        #expect(model(a.difference(b)) == ma.subtracting(mb))
        #expect(a.complement().complement() == a)
        #expect(a.intersection(a.complement()).isEmpty)
        #expect(a.union(a.complement()) == .full)
        #expect(a.cardinality == UInt64(ma.count))
        #expect(a.isSubset(of: b) == ma.isSubset(of: mb))
        #expect(a.isDisjoint(with: b) == ma.isDisjoint(with: mb))
        #expect((0..<70).allSatisfy { a.contains($0) == ma.contains($0) })
        #expect(RangeSet(a.ranges.shuffled(using: &generator)) == a)
        let blocks = Set(ma.map { $0 >> 3 })
        #expect(model(a.simplified(bits: 3)) == Set(blocks.flatMap { ($0 << 3)..<(($0 + 1) << 3) }))
        #expect(model(a.scaled(by: 4)) == Set(ma.flatMap { ($0 * 4)..<($0 * 4 + 4) }))
    }
}

@Test func rangeSetsStopAtTheEndOfTheirDomain() {
    let end = RangeSet((UInt64.max - 5)..<UInt64.max)
    #expect(end.simplified(bits: 4) == RangeSet((UInt64.max - 15)..<UInt64.max))
    #expect(end.simplified(bits: 64) == .full)
    #expect(end.scaled(by: 3).isEmpty)
    #expect(RangeSet(5..<UInt64.max).scaled(by: 2) == RangeSet(10..<UInt64.max))
    #expect(RangeSet.full.complement().isEmpty)
    #expect(RangeSet(3..<9).description == "[[3, 9)]")
}
