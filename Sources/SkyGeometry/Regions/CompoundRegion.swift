/// All points that lie in at least one operand. Without operands it is empty.
public struct UnionRegion: Sendable, Hashable {
    /// None of these is a union itself.
    public let operands: [Region]

    /// Nested unions are replaced by their operands.
    public init(_ operands: [Region]) {
        self.operands = operands.flatMap { operand in
            if case .union(let nested) = operand { nested.operands } else { [operand] }
        }
    }

    public var isEmpty: Bool { operands.allSatisfy(\.isEmpty) }

    public func contains(_ v: UnitVector) -> Bool { operands.contains { $0.contains(v) } }
}

/// All points that lie in every operand. Without operands it is the whole sphere.
public struct IntersectionRegion: Sendable {
    /// None of these is an intersection itself.
    public let operands: [Region]
    private let emptiness = EmptinessCache()
    let upstreamEmptiness = EmptinessCache()

    /// Nested intersections are replaced by their operands.
    public init(_ operands: [Region]) {
        self.operands = operands.flatMap { operand in
            if case .intersection(let nested) = operand { nested.operands } else { [operand] }
        }
    }

    /// True if it is certain that no point lies in all operands: each is empty, or two are disjoint.
    ///
    /// Cost: the number of pairs of operands, once; the answer is kept.
    public var isEmpty: Bool { emptiness.value { findEmptiness(of: \.isEmpty) } }

    func findEmptiness(of operandIsEmpty: (Region) -> Bool) -> Bool {
        if operands.isEmpty { return false }
        if operands.allSatisfy(operandIsEmpty) { return true }
        return operands.indices.contains { i in
            operands[..<i].contains { $0.overlaps(operands[i]) == .no }
        }
    }

    public func contains(_ v: UnitVector) -> Bool { operands.allSatisfy { $0.contains(v) } }
}

extension IntersectionRegion: Hashable {
    public static func == (a: IntersectionRegion, b: IntersectionRegion) -> Bool { a.operands == b.operands }

    public func hash(into hasher: inout Hasher) { hasher.combine(operands) }
}
