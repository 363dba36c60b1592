import StructuredData

/// A mapping of a configuration with its place, for typed reading with messages that name file and key.
struct ConfigurationSection: Sendable {
    let values: StructuredMapping
    /// The keys that lead here, joined by dots; empty at the top.
    let path: String
    /// What messages call the file.
    let location: String

    func keyPath(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

    /// The value of a key; null counts as absent.
    subscript(key: String) -> StructuredValue? {
        guard let value = values[key], !value.isNull else { return nil }
        return value
    }

    func wrongType(_ key: String, expected: String, found: StructuredValue) -> ConfigurationError {
        .wrongType(location: location, key: keyPath(key), expected: expected, found: found.kindName)
    }

    func string(_ key: String) throws -> String? {
        guard let value = self[key] else { return nil }
        guard let text = value.stringValue else { throw wrongType(key, expected: "a string", found: value) }
        return text
    }

    func requiredString(_ key: String) throws -> String {
        guard let text = try string(key) else {
            throw ConfigurationError.missingKey(location: location, key: keyPath(key))
        }
        return text
    }

    func bool(_ key: String) throws -> Bool? {
        guard let value = self[key] else { return nil }
        guard let flag = value.boolValue else { throw wrongType(key, expected: "true or false", found: value) }
        return flag
    }

    func int(_ key: String) throws -> Int64? {
        guard let value = self[key] else { return nil }
        guard let number = value.intValue else { throw wrongType(key, expected: "an integer", found: value) }
        return number
    }

    /// A mapping below this one.
    func section(_ key: String) throws -> ConfigurationSection? {
        guard let value = self[key] else { return nil }
        guard let mapping = value.objectValue else { throw wrongType(key, expected: "a mapping", found: value) }
        return ConfigurationSection(values: mapping, path: keyPath(key), location: location)
    }

    func list(_ key: String) throws -> [StructuredValue]? {
        guard let value = self[key] else { return nil }
        guard let items = value.arrayValue else { throw wrongType(key, expected: "a list", found: value) }
        return items
    }

    /// A mapping of text to text.
    func strings(_ key: String) throws -> [(key: String, value: String)] {
        guard let section = try section(key) else { return [] }
        return try section.values.keys.map { ($0, try section.requiredString($0)) }
    }

    func allow(only allowed: [String]) throws {
        let found = values.keys.filter { !allowed.contains($0) }
        guard found.isEmpty else {
            throw ConfigurationError.unexpectedKeys(
                location: location, key: path, found: found, allowed: allowed)
        }
    }
}
