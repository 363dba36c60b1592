/// A set of dimensions closed under "requires" and "implies": what a dataset type or a query is defined over.
///
/// Two groups are equal when they have the same members in equal universes. The layout (which members are required,
/// in which order, with which elements) is computed once per universe and shared. Source: repository format
/// reference, section 3.5.
public struct DimensionGroup: Sendable {
    /// One reference, since groups are copied with each data ID and each dataset.
    private let parts: Parts

    private final class Parts: Sendable {
        let universe: DimensionUniverse
        let layout: Layout

        init(_ universe: DimensionUniverse, _ layout: Layout) {
            self.universe = universe
            self.layout = layout
        }
    }

    init(universe: DimensionUniverse, layout: Layout) { parts = Parts(universe, layout) }

    public var universe: DimensionUniverse { parts.universe }
    var layout: Layout { parts.layout }

    /// Everything that follows from the members.
    final class Layout: Sendable {
        let members: DimensionSet
        let required: [Int]
        let implied: [Int]
        let keys: [Int]
        /// The names of `keys`.
        let keyNames: [String]
        /// By position: the index in `keys`, or -1.
        let slots: [Int]
        let elements: [DimensionElement]
        /// By position: the index in `elements`, or -1.
        let indices: [Int]
        let lookupOrder: [DimensionElement]

        init(members: DimensionSet, universe: DimensionUniverse) {
            self.members = members
            var impliedSet = DimensionSet()
            for position in members { impliedSet.formUnion(universe.elements[position].impliedSet) }
            implied = Array(impliedSet)
            required = Array(members.subtracting(impliedSet))
            let keys = required + implied
            self.keys = keys
            keyNames = keys.map { universe.elements[$0].name }
            var slots = Array(repeating: -1, count: universe.elements.count)
            for (slot, position) in keys.enumerated() { slots[position] = slot }
            self.slots = slots
            let elements = universe.elements.filter {
                $0.isDimension ? members.contains($0.position) : $0.requiredSet.isSubset(of: members)
            }
            self.elements = elements
            var indices = Array(repeating: -1, count: universe.elements.count)
            for (index, element) in elements.enumerated() { indices[element.position] = index }
            self.indices = indices

            var order: [Int] = []
            var done = DimensionSet()
            func visit(_ position: Int) {
                let element = universe.elements[position]
                var others = element.requiredSet
                others.remove(position)
                guard !done.contains(position), others.isSubset(of: done) else { return }
                done.insert(position)
                order.append(position)
                for implied in element.implied { visit(implied) }
            }
            let wanted = DimensionSet(keys)
            while !wanted.isSubset(of: done) {
                let before = order.count
                for position in keys { visit(position) }
                if order.count == before { break }
            }
            for element in elements where !done.contains(element.position) { order.append(element.position) }
            lookupOrder = order.map { universe.elements[$0] }
        }
    }

    /// The positions of all members.
    public var members: DimensionSet { layout.members }
    /// Positions of the members that no other member implies, in canonical order.
    public var required: [Int] { layout.required }
    /// Positions of the members that another member implies directly, in canonical order.
    public var implied: [Int] { layout.implied }
    /// Positions in the order of data ID values: required, then implied.
    public var keys: [Int] { layout.keys }
    /// Every element, join elements included, whose required dimensions are members.
    public var elements: [DimensionElement] { layout.elements }
    /// Elements in the order in which records can be fetched, each after what identifies it.
    public var lookupOrder: [DimensionElement] { layout.lookupOrder }

    public var isEmpty: Bool { layout.members.isEmpty }
    public var count: Int { layout.members.count }
    public var governors: DimensionSet { members.intersection(universe.governors) }

    /// All member names in canonical order: the wire form of a group.
    public var names: [String] { members.map { universe.elements[$0].name } }
    public var requiredNames: [String] { required.map { universe.elements[$0].name } }
    public var impliedNames: [String] { implied.map { universe.elements[$0].name } }
    public var keyNames: [String] { layout.keyNames }

    /// The index of a dimension's value in a full data ID of this group; `nil` when it is no member. Cost: O(1).
    public func slot(of position: Int) -> Int? {
        guard layout.slots.indices.contains(position), case let slot = layout.slots[position], slot >= 0 else { return nil }
        return slot
    }

    /// The index of an element in ``elements``; `nil` when it is none of them. Cost: O(1).
    public func index(of element: DimensionElement) -> Int? {
        guard layout.indices.indices.contains(element.position), case let index = layout.indices[element.position], index >= 0
        else { return nil }
        return index
    }

    public func contains(_ name: String) -> Bool {
        universe.element(name).map { members.contains($0.position) } ?? false
    }

    public func isSubset(of other: DimensionGroup) -> Bool { members.isSubset(of: other.members) }

    public func union(_ other: DimensionGroup) -> DimensionGroup {
        universe.group(conforming: members.union(other.members))
    }

    /// The elements that stand for the group's position on the sky, one for each family: the finest that the group
    /// contains.
    public var spatialElements: [DimensionElement] { representatives(universe.spatialFamilies) }
    /// The elements that stand for the group's time, one for each family.
    public var temporalElements: [DimensionElement] { representatives(universe.temporalFamilies) }

    private func representatives(_ families: [String: [Int]]) -> [DimensionElement] {
        let contained = DimensionSet(layout.elements.map(\.position))
        return families.sorted { $0.key < $1.key }.compactMap { family in
            family.value.first { contained.contains($0) }.map { universe.elements[$0] }
        }
    }
}

extension DimensionGroup: Hashable, CustomStringConvertible {
    public static func == (a: DimensionGroup, b: DimensionGroup) -> Bool {
        a.parts === b.parts || (a.universe == b.universe && a.members == b.members)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(members) }

    public var description: String { "{" + requiredNames.joined(separator: ", ") + "}" }
}
