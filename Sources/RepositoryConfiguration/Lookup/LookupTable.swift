import StructuredData

/// Entries of a configuration section by lookup key.
public struct LookupTable<Value: Sendable>: Sendable {
    /// In the order of the configuration; of two equal keys the later one counts.
    public private(set) var entries: [(key: LookupKey, value: Value)]
    private var positions: [LookupKey: Int]

    public init(entries: [(key: LookupKey, value: Value)]) {
        self.entries = []
        positions = [:]
        for (key, value) in entries {
            if let position = positions[key] {
                self.entries[position].value = value
            } else {
                positions[key] = self.entries.count
                self.entries.append((key, value))
            }
        }
    }

    /// Reads a section. A mapping under `instrument<NAME>` holds entries for that instrument.
    ///
    /// - Parameters:
    ///   - reserved: keys with another meaning, left out.
    ///   - allowsHierarchy: whether any other mapping is a value; else it is an error.
    ///   - value: makes the value from configuration; its second argument is the key path, for messages.
    init(
        _ section: ConfigurationSection, except reserved: [String] = [], allowsHierarchy: Bool = false,
        value: (StructuredValue, String) throws -> Value
    ) throws {
        var entries: [(key: LookupKey, value: Value)] = []
        for (name, member) in section.values.pairs where !reserved.contains(name) {
            let path = section.keyPath(name)
            if case .object(let mapping) = member {
                if let restriction = LookupKey.Restriction(parsing: name) {
                    for (inner, innerValue) in mapping.pairs {
                        let key = LookupKey(parsing: inner, restriction: restriction)
                        entries.append((key, try value(innerValue, path + "." + inner)))
                    }
                    continue
                }
                guard allowsHierarchy else {
                    throw ConfigurationError.invalidValue(
                        location: section.location, key: path, value: "\(member)",
                        remedy: "only keys of the form instrument<NAME> may hold a mapping")
                }
            }
            entries.append((LookupKey(parsing: name), try value(member, path)))
        }
        self.init(entries: entries)
    }

    public subscript(key: LookupKey) -> Value? { positions[key].map { entries[$0].value } }

    /// The same with all dimension groups completed, which must be done before matching: `a+b` in a configuration
    /// means the whole group that `a` and `b` span.
    public func conformed(by conform: LookupKey.DimensionConformer) -> LookupTable {
        LookupTable(entries: entries.map { ($0.key.conformed(by: conform), $0.value) })
    }

    /// The entry that fits a dataset best, `nil` if none does. Cost: a few hash lookups.
    public func match(_ subject: LookupSubject) -> (key: LookupKey, value: Value)? {
        for key in subject.keys {
            if let position = positions[key] { return entries[position] }
        }
        return nil
    }
}
