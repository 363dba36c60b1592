import StructuredData

/// A configuration file as written, with everything it includes in place and no defaults.
public struct ConfigurationDocument: Sendable, Equatable {
    public var values: StructuredMapping
    /// The file it was read from; `nil` for one that was made in memory.
    public var location: ConfigurationLocation?

    public init(values: StructuredMapping, location: ConfigurationLocation? = nil) {
        self.values = values
        self.location = location
    }

    /// What messages call the place it came from.
    public var name: String { location?.description ?? "the given configuration" }

    /// The document in YAML text. `includeConfigs` and `!include` are looked up in the current directory only.
    ///
    /// - Throws: ``ConfigurationError``.
    public init(
        yaml text: String, environment: ConfigurationEnvironment, remote: (any RemoteConfigurationReader)? = nil
    ) async throws {
        let loader = ConfigurationLoader(reader: ConfigurationReader(remote: remote), environment: environment)
        self = try await loader.document(of: Array(text.utf8), location: nil, isJSON: false, chain: [])
    }

    /// The document in a `.yaml` or `.json` file.
    ///
    /// - Parameter path: a path (`~` and environment variables are expanded) or a URL.
    /// - Throws: ``ConfigurationError`` when the file or one of its includes is missing or wrong, or when the top is
    ///   not a mapping. An empty file is an empty mapping.
    public init(
        path: String, environment: ConfigurationEnvironment, remote: (any RemoteConfigurationReader)? = nil
    ) async throws {
        let location = ConfigurationLocation(path, environment: environment)
        let loader = ConfigurationLoader(reader: ConfigurationReader(remote: remote), environment: environment)
        guard let document = try await loader.load(location) else {
            throw ConfigurationError.notFound(location: location.description, hint: "given \"\(path)\"")
        }
        self = document
    }
}

/// Reads documents and resolves what they include.
///
/// Two ways to include exist. `!include name` stands for the content of a file beside the including one.
/// `includeConfigs: [names]` merges files, looked up in the current directory and then beside the outermost file,
/// below the keys beside it.
struct ConfigurationLoader: Sendable {
    let reader: ConfigurationReader
    let environment: ConfigurationEnvironment

    static let maximumDepth = 32
    static let includeConfigsKey = "includeConfigs"
    /// Stands for a node tagged `!include` until its file is read. YAML text cannot spell this key by accident.
    private static let includeMarker = "\u{0}!include"

    /// The document at `location`, `nil` if nothing exists there.
    func load(_ location: ConfigurationLocation, chain: [ConfigurationLocation] = []) async throws
        -> ConfigurationDocument?
    {
        let isJSON = location.fileExtension == ".json"
        guard isJSON || location.fileExtension == ".yaml" else {
            guard try await reader.contents(of: location) != nil else { return nil }
            throw ConfigurationError.unsupportedExtension(location: location.description)
        }
        let chain = try extended(chain, with: location)
        guard let bytes = try await reader.contents(of: location) else { return nil }
        return try await document(of: bytes, location: location, isJSON: isJSON, chain: chain)
    }

    func document(
        of bytes: [UInt8], location: ConfigurationLocation?, isJSON: Bool, chain: [ConfigurationLocation]
    ) async throws -> ConfigurationDocument {
        var document = ConfigurationDocument(values: StructuredMapping(), location: location)
        let value = try await value(of: bytes, location: location, isJSON: isJSON, chain: chain)
        switch value {
        case .null: return document
        case .object(let values): document.values = values
        default:
            throw ConfigurationError.wrongType(
                location: document.name, key: "(the whole file)", expected: "a mapping", found: value.kindName)
        }
        try await resolveIncludeConfigs(in: &document, chain: chain)
        return document
    }

    private func extended(_ chain: [ConfigurationLocation], with location: ConfigurationLocation) throws
        -> [ConfigurationLocation]
    {
        guard !chain.contains(location) else {
            throw ConfigurationError.includeCycle((chain + [location]).map(\.description))
        }
        guard chain.count < Self.maximumDepth else {
            throw ConfigurationError.includeTooDeep(location: location.description, limit: Self.maximumDepth)
        }
        return chain + [location]
    }

    // MARK: !include

    private func value(
        of bytes: [UInt8], location: ConfigurationLocation?, isJSON: Bool, chain: [ConfigurationLocation]
    ) async throws -> StructuredValue {
        var hasIncludes = false
        let parsed: StructuredValue
        do {
            if isJSON {
                parsed = try StructuredValue(json: bytes, options: .allowNaN)
            } else {
                parsed = try StructuredValue(yaml: bytes) { tag, value, _ in
                    guard tag == "!include" else { return nil }
                    hasIncludes = true
                    return .object([Self.includeMarker: value])
                }
            }
        } catch {
            throw ConfigurationError.syntax(
                location: location?.description ?? "the given configuration", reason: "\(error)")
        }
        return hasIncludes ? try await resolvingIncludes(in: parsed, location: location, chain: chain) : parsed
    }

    private func resolvingIncludes(
        in value: StructuredValue, location: ConfigurationLocation?, chain: [ConfigurationLocation]
    ) async throws -> StructuredValue {
        switch value {
        case .array(let items):
            var result: [StructuredValue] = []
            for item in items {
                result.append(try await resolvingIncludes(in: item, location: location, chain: chain))
            }
            return .array(result)
        case .object(let mapping):
            if mapping.count == 1, let names = mapping[Self.includeMarker] {
                return try await included(names, location: location, chain: chain)
            }
            var result = StructuredMapping()
            for (key, member) in mapping.pairs {
                result[key] = try await resolvingIncludes(in: member, location: location, chain: chain)
            }
            return .object(result)
        default: return value
        }
    }

    /// One name gives the content of that file; a list or a mapping of names gives a list or a mapping of contents.
    private func included(
        _ names: StructuredValue, location: ConfigurationLocation?, chain: [ConfigurationLocation]
    ) async throws -> StructuredValue {
        switch names {
        case .string(let name): return try await content(of: name, includedBy: location, chain: chain)
        case .array(let items):
            var result: [StructuredValue] = []
            for item in items { result.append(try await included(item, location: location, chain: chain)) }
            return .array(result)
        case .object(let mapping):
            var result = StructuredMapping()
            for (key, name) in mapping.pairs {
                result[key] = try await included(name, location: location, chain: chain)
            }
            return .object(result)
        default:
            throw ConfigurationError.wrongType(
                location: location?.description ?? "the given configuration", key: "!include",
                expected: "a file name, or a list or mapping of file names", found: names.kindName)
        }
    }

    private func content(
        of name: String, includedBy location: ConfigurationLocation?, chain: [ConfigurationLocation]
    ) async throws -> StructuredValue {
        let target = ConfigurationLocation(name, environment: environment, relativeTo: location?.directory)
        let chain = try extended(chain, with: target)
        guard let bytes = try await reader.contents(of: target) else {
            throw ConfigurationError.includeNotFound(
                name: name, location: location?.description ?? "the given configuration",
                searched: [target.directory.description])
        }
        return try await value(of: bytes, location: target, isJSON: false, chain: chain)
    }

    // MARK: includeConfigs

    private func resolveIncludeConfigs(
        in document: inout ConfigurationDocument, chain: [ConfigurationLocation]
    ) async throws {
        // All places first, in document order: what an outer include brings in is resolved already.
        var places: [[ConfigurationPathStep]] = []
        Self.collectPlaces(of: .object(document.values), at: [], into: &places)
        for place in places {
            let root = StructuredValue.object(document.values)
            guard var explicit = root[place]?.objectValue,
                let names = explicit[Self.includeConfigsKey]
            else { continue }
            explicit[Self.includeConfigsKey] = nil
            var merged = StructuredMapping()
            for name in names.arrayValue ?? [names] {
                guard let name = name.stringValue else {
                    throw ConfigurationError.wrongType(
                        location: document.name, key: Self.includeConfigsKey,
                        expected: "a file name or a list of file names",
                        found: name.kindName)
                }
                merged.merge(try await mergedFile(name, for: document, chain: chain))
            }
            merged.merge(explicit)
            if let replaced = root.replacing(place, with: .object(merged)).objectValue { document.values = replaced }
        }
    }

    private static func collectPlaces(
        of value: StructuredValue, at path: [ConfigurationPathStep], into places: inout [[ConfigurationPathStep]]
    ) {
        switch value {
        case .object(let mapping):
            for (key, member) in mapping.pairs {
                if key == includeConfigsKey { places.append(path) }
                collectPlaces(of: member, at: path + [.key(key)], into: &places)
            }
        case .array(let items):
            for (index, item) in items.enumerated() {
                collectPlaces(of: item, at: path + [.index(index)], into: &places)
            }
        default: break
        }
    }

    private func mergedFile(
        _ name: String, for document: ConfigurationDocument, chain: [ConfigurationLocation]
    ) async throws -> StructuredMapping {
        let name = environment.expandingVariables(in: name)
        var searched: [ConfigurationLocation] = []
        if ConfigurationLocation.addressScheme(of: name) != nil || name.hasPrefix("/") || name.hasPrefix("~") {
            searched = [ConfigurationLocation(name, environment: environment)]
        } else {
            let current = ConfigurationLocation.local(path: environment.currentDirectory)
            for directory in [current, document.location?.directory].compactMap({ $0 }) {
                let candidate = ConfigurationLocation(name, environment: environment, relativeTo: directory)
                if !searched.contains(candidate) { searched.append(candidate) }
            }
        }
        for candidate in searched {
            if let found = try await load(candidate, chain: chain) { return found.values }
        }
        throw ConfigurationError.includeNotFound(
            name: name, location: document.name, searched: searched.map(\.directory.description))
    }
}

/// One step down into a configuration.
enum ConfigurationPathStep: Hashable {
    case key(String)
    case index(Int)
}

extension StructuredValue {
    /// The value at the end of a path, `nil` if there is none.
    subscript(path: [ConfigurationPathStep]) -> StructuredValue? {
        var value = self
        for step in path {
            switch (step, value) {
            case (.key(let key), .object(let mapping)):
                guard let member = mapping[key] else { return nil }
                value = member
            case (.index(let index), .array(let items)) where items.indices.contains(index): value = items[index]
            default: return nil
            }
        }
        return value
    }

    /// This value with another one at the end of a path that exists.
    func replacing(_ path: [ConfigurationPathStep], with value: StructuredValue) -> StructuredValue {
        guard let step = path.first else { return value }
        let rest = Array(path.dropFirst())
        switch (step, self) {
        case (.key(let key), .object(var mapping)):
            guard let member = mapping[key] else { return self }
            mapping[key] = member.replacing(rest, with: value)
            return .object(mapping)
        case (.index(let index), .array(var items)) where items.indices.contains(index):
            items[index] = items[index].replacing(rest, with: value)
            return .array(items)
        default: return self
        }
    }
}
