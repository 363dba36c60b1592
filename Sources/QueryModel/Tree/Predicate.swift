import ButlerModel

/// A condition on rows in conjunctive normal form: every group (an OR of leaves) must hold.
///
/// No groups are always true, an empty group is always false. Nothing is simplified, so that the wire form is the one
/// that the Python client makes. Source: query system reference, section 2.2.
public struct Predicate: Hashable, Sendable {
    public let groups: [[PredicateLeaf]]

    public static let alwaysTrue = Predicate(groups: [])
    public static let alwaysFalse = Predicate(groups: [[]])

    /// The most leaves that a predicate may have: an OR of long ANDs multiplies them.
    public static let maximumLeafCount = 200_000

    public init(groups: [[PredicateLeaf]]) { self.groups = groups }
    public init(_ leaf: PredicateLeaf) { groups = [[leaf]] }

    public var isAlwaysFalse: Bool { groups.contains { $0.isEmpty } }
    public var leafCount: Int { groups.reduce(0) { $0 + $1.count } }

    public func and(_ other: Predicate) -> Predicate { .all([self, other]) }

    /// Cost: the number of leaves of the result.
    /// - Throws: `ButlerError` of kind `invalidQuery` when the result has more than ``maximumLeafCount`` leaves.
    public func or(_ other: Predicate) throws(ButlerError) -> Predicate { try .any([self, other]) }

    /// - Throws: `ButlerError` of kind `invalidQuery` when the result has more than ``maximumLeafCount`` leaves.
    public func negated() throws(ButlerError) -> Predicate {
        try .any(groups.map { group in Predicate(groups: group.map { [$0.negation] }) })
    }

    /// All of the predicates: their groups one after the other.
    public static func all(_ predicates: [Predicate]) -> Predicate {
        if predicates.contains(where: \.isAlwaysFalse) { return .alwaysFalse }
        return Predicate(groups: predicates.flatMap(\.groups))
    }

    /// One of the predicates: each choice of a group from every one of them, those of the first varying slowest.
    ///
    /// Cost: the number of leaves of the result.
    /// - Throws: `ButlerError` of kind `invalidQuery` when the result has more than ``maximumLeafCount`` leaves.
    public static func any(_ predicates: [Predicate]) throws(ButlerError) -> Predicate {
        let operands = predicates.filter { !$0.isAlwaysFalse }
        if operands.isEmpty { return .alwaysFalse }
        if operands.contains(where: \.groups.isEmpty) { return .alwaysTrue }
        try checkProduct(operands)
        var choice = [Int](repeating: 0, count: operands.count)
        var product: [[PredicateLeaf]] = []
        while true {
            var group: [PredicateLeaf] = []
            for (operand, index) in zip(operands, choice) { group += operand.groups[index] }
            product.append(group)
            // The next choice, counting up from the last operand.
            var place = operands.count - 1
            while place >= 0, choice[place] == operands[place].groups.count - 1 {
                choice[place] = 0
                place -= 1
            }
            guard place >= 0 else { return Predicate(groups: product) }
            choice[place] += 1
        }
    }

    private static func checkProduct(_ operands: [Predicate]) throws(ButlerError) {
        var (groupCount, leafCount) = (1, 0)
        for operand in operands {
            // Each group of one meets each group of the other. Neither number can shrink, so neither overflows.
            leafCount = leafCount * operand.groups.count + groupCount * operand.leafCount
            groupCount *= operand.groups.count
            guard leafCount <= maximumLeafCount else {
                throw ButlerError(
                    .invalidQuery,
                    "The condition is too complex: its ORs of ANDs multiply to more than \(maximumLeafCount) terms. "
                        + "Use IN lists, or split the query.")
            }
        }
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
