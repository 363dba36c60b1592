import ButlerModel

/// A condition on rows in conjunctive normal form: every group (an OR of leaves) must hold.
///
/// No groups are always true, an empty group is always false. Nothing is simplified, so that the wire form is the one
/// that the Python client makes. Source: query system reference, section 2.2.
public struct Predicate: Hashable, Sendable {
    public private(set) var groups: [[PredicateLeaf]]

    public static let alwaysTrue = Predicate(groups: [])
    public static let alwaysFalse = Predicate(groups: [[]])

    /// The most leaves that a predicate may have: an OR of long ANDs multiplies them.
    public static let maximumLeafCount = 200_000

    public init(groups: [[PredicateLeaf]]) {
        self.groups = groups.contains { $0.isEmpty } ? [[]] : groups
    }

    public init(_ leaf: PredicateLeaf) { groups = [[leaf]] }

    public var isAlwaysFalse: Bool { groups.count == 1 && groups[0].isEmpty }
    var leafCount: Int { groups.reduce(0) { $0 + $1.count } }

    public func and(_ other: Predicate) -> Predicate {
        var result = self
        result.formAnd(other)
        return result
    }

    /// Cost: O(other).
    public mutating func formAnd(_ other: Predicate) {
        if isAlwaysFalse || other.isAlwaysFalse {
            self = .alwaysFalse
        } else {
            groups += other.groups
        }
    }

    /// - Throws: `ButlerError` of kind `invalidQuery` when the result has more than ``maximumLeafCount`` leaves.
    public func or(_ other: Predicate) throws(ButlerError) -> Predicate {
        var result = self
        try result.formOr(other)
        return result
    }

    /// Cost: O(other) when both are a single group, else the product of both numbers of groups.
    /// - Throws: `ButlerError` of kind `invalidQuery` when the result has more than ``maximumLeafCount`` leaves.
    public mutating func formOr(_ other: Predicate) throws(ButlerError) {
        if isAlwaysFalse {
            self = other
            return
        }
        if other.isAlwaysFalse { return }
        if groups.count == 1, other.groups.count == 1 {
            groups[0] += other.groups[0]
            guard groups[0].count <= Self.maximumLeafCount else { throw Self.tooComplex }
            return
        }
        // Each group of one meets each group of the other.
        let (a, firstOverflow) = other.groups.count.multipliedReportingOverflow(by: leafCount)
        let (b, secondOverflow) = groups.count.multipliedReportingOverflow(by: other.leafCount)
        guard !firstOverflow, !secondOverflow, a + b <= Self.maximumLeafCount else { throw Self.tooComplex }
        var product: [[PredicateLeaf]] = []
        product.reserveCapacity(groups.count * other.groups.count)
        for left in groups {
            for right in other.groups { product.append(left + right) }
        }
        groups = product
    }

    private static var tooComplex: ButlerError {
        ButlerError(
            .invalidQuery,
            "The condition is too complex: its ORs of ANDs multiply to more than \(maximumLeafCount) terms. "
                + "Use IN lists, or split the query.")
    }

    /// - Throws: `ButlerError` of kind `invalidQuery` when the result has more than ``maximumLeafCount`` leaves.
    public func negated() throws(ButlerError) -> Predicate {
        var result = Predicate.alwaysFalse
        for group in groups { try result.formOr(Predicate(groups: group.map { [$0.negation] })) }
        return result
    }

    public func forEachLeaf(_ body: (PredicateLeaf) -> Void) {
        for group in groups { group.forEach(body) }
    }

    public func forEachColumn(_ body: (ColumnReference) -> Void) { forEachLeaf { $0.forEachColumn(body) } }
}

extension Predicate: CustomStringConvertible {
    public var description: String {
        if groups.isEmpty { return "TRUE" }
        if isAlwaysFalse { return "FALSE" }
        return groups.map { group in
            group.count == 1 ? group[0].description : "(" + group.map(\.description).joined(separator: " OR ") + ")"
        }.joined(separator: " AND ")
    }
}
