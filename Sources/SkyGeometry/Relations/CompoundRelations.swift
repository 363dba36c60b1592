extension UnionRegion {
    func relate(to other: Region) -> Relationship {
        if operands.isEmpty { return .disjoint }
        var result: Relationship = [.disjoint, .within]
        for operand in operands {
            let relationship = operand.relate(to: other)
            // Apart or within holds for the union if it holds for every operand; one that contains is enough.
            if !relationship.contains(.disjoint) { result.remove(.disjoint) }
            if !relationship.contains(.within) { result.remove(.within) }
            if relationship.contains(.contains) { result.insert(.contains) }
            if result == .contains { break }
        }
        return result
    }

    func overlaps(_ other: Region) -> Overlap {
        var result = Overlap.no
        for operand in operands {
            result = result.or(operand.overlaps(other))
            if result == .yes { break }
        }
        return result
    }
}

extension IntersectionRegion {
    func relate(to other: Region) -> Relationship {
        var result = Relationship.contains
        for operand in operands {
            let relationship = operand.relate(to: other)
            // To contain, every operand must; to lie apart or within, one operand is enough.
            if !relationship.contains(.contains) { result.remove(.contains) }
            if relationship.contains(.disjoint) { result.insert(.disjoint) }
            if relationship.contains(.within) { result.insert(.within) }
            if result == [.disjoint, .within] { break }
        }
        return result
    }

    func overlaps(_ other: Region) -> Overlap {
        // The whole sphere overlaps whatever upstream does not call empty.
        if operands.isEmpty { return Overlap(!other.isEmptyToUpstream) }
        return operands.contains { $0.overlaps(other) == .no } ? .no : .unknown
    }
}

extension Region {
    /// `isEmpty` as upstream has it, which calls every polygon empty. Only the overlap verdict of an intersection
    /// without operands depends on it.
    fileprivate var isEmptyToUpstream: Bool {
        switch self {
        case .polygon: true
        case .union(let union): union.operands.allSatisfy(\.isEmptyToUpstream)
        case .intersection(let intersection): intersection.isEmptyToUpstream
        default: isEmpty
        }
    }
}

extension IntersectionRegion {
    fileprivate var isEmptyToUpstream: Bool { upstreamEmptiness.value { findEmptiness(of: \.isEmptyToUpstream) } }
}
