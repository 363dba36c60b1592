import StructuredData

/// Which datasets a datastore takes.
public struct DatasetConstraints: Sendable, Equatable {
    public private(set) var accepted: Set<LookupKey>
    public private(set) var rejected: Set<LookupKey>

    /// Takes everything.
    public static let acceptAll = DatasetConstraints(accepted: [], rejected: [])

    /// The key that stands for every dataset.
    static let wildcard = "all"

    /// An empty `accepted` set takes everything that is not rejected.
    public init(accepted: Set<LookupKey>, rejected: Set<LookupKey>) {
        self.accepted = accepted
        self.rejected = rejected
    }

    /// Reads a `constraints` section; none accepts everything.
    ///
    /// - Throws: ``ConfigurationError`` if both lists hold `all`, or an entry is no key.
    init(_ section: ConfigurationSection?) throws {
        guard let section else {
            self = .acceptAll
            return
        }
        accepted = try Self.keys("accept", of: section)
        rejected = try Self.keys("reject", of: section)
        let all = LookupKey(name: Self.wildcard)
        if accepted.contains(all) && rejected.contains(all) {
            throw ConfigurationError.invalidValue(
                location: section.location, key: section.path, value: "all",
                remedy: "put \"all\" into accept or into reject, not both")
        }
    }

    private static func keys(_ name: String, of section: ConfigurationSection) throws -> Set<LookupKey> {
        var keys: Set<LookupKey> = []
        for item in try section.list(name) ?? [] {
            switch item {
            case .string(let text): keys.insert(LookupKey(parsing: text))
            case .object(let mapping):
                guard mapping.count == 1, let (head, members) = mapping.pairs.first,
                    let restriction = LookupKey.Restriction(parsing: head), let members = members.arrayValue
                else {
                    throw ConfigurationError.invalidValue(
                        location: section.location, key: section.keyPath(name), value: "\(item)",
                        remedy: "write instrument<NAME>: followed by a list of keys")
                }
                for member in members {
                    guard let text = member.stringValue else {
                        throw section.wrongType(name, expected: "a list of keys", found: member)
                    }
                    keys.insert(LookupKey(parsing: text, restriction: restriction))
                }
            default: throw section.wrongType(name, expected: "a list of keys", found: item)
            }
        }
        return keys
    }

    /// The same with dimension groups completed. See ``LookupTable/conformed(by:)``.
    public func conformed(by conform: LookupKey.DimensionConformer) -> DatasetConstraints {
        DatasetConstraints(
            accepted: Set(accepted.map { $0.conformed(by: conform) }),
            rejected: Set(rejected.map { $0.conformed(by: conform) }))
    }

    /// Whether a dataset is taken: keys that name it decide before `all` does; a rejecting `all` decides before an
    /// accepting one; without any key that matches, an empty `accept` list takes it.
    public func accepts(_ subject: LookupSubject) -> Bool {
        let keys = subject.keys
        if keys.contains(where: accepted.contains) { return true }
        if keys.contains(where: rejected.contains) { return false }
        let wildcards = Set(keys.map { LookupKey(name: Self.wildcard, restriction: $0.restriction) })
        if !wildcards.isDisjoint(with: rejected) { return false }
        return accepted.isEmpty || !wildcards.isDisjoint(with: accepted)
    }
}
