import StructuredData

extension StructuredMapping {
    /// Lays `upper` over this mapping: mappings merge recursively; scalars and lists replace.
    ///
    /// A mapping also replaces a scalar or list of the same key. Cost: O(size of `upper`).
    public mutating func merge(_ upper: StructuredMapping) {
        for (key, value) in upper.pairs {
            guard case .object(let upperMember) = value else {
                self[key] = value
                continue
            }
            var member = self[key]?.objectValue ?? StructuredMapping()
            member.merge(upperMember)
            self[key] = .object(member)
        }
    }

    public func merging(_ upper: StructuredMapping) -> StructuredMapping {
        var result = self
        result.merge(upper)
        return result
    }

    /// The mapping under `component`, unwrapped once more if it is doubled (`registry: {registry: {…}}`, which
    /// includes produce); `nil` if the key is absent.
    func section(_ component: String) -> StructuredValue? {
        guard let section = self[component] else { return nil }
        return section[component] ?? section
    }
}
