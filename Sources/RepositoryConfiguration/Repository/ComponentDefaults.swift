import StructuredData

/// Everything that lies below a repository's own configuration: the built-in defaults, and above them the files of
/// the same names in the directories of `DAF_BUTLER_CONFIG_PATH` and of the caller.
struct ComponentDefaults: Sendable {
    enum Component: String, CaseIterable, Sendable {
        case registry
        case storageClasses
        case datastore
        case transferFormats = "repo_transfer_formats"

        var fileName: String { rawValue + ".yaml" }
    }

    static let searchPathVariable = "DAF_BUTLER_CONFIG_PATH"
    static let fileDatastoreFile = "datastores/fileDatastore.yaml"

    /// Files found on the search path, lowest priority first, by file name.
    private var found: [String: [ConfigurationDocument]] = [:]

    /// The built-in defaults alone.
    init() {}

    /// Reads the search path. Without one, this reads nothing.
    ///
    /// - Parameter searchPaths: directories above those of `DAF_BUTLER_CONFIG_PATH`, highest priority first.
    init(searchPaths: [String], loader: ConfigurationLoader) async throws {
        var directories = searchPaths.map { ConfigurationLocation($0, environment: loader.environment) }
        for path in loader.environment[Self.searchPathVariable]?.split(separator: ":") ?? [] {
            directories.append(ConfigurationLocation(String(path), environment: loader.environment))
        }
        guard !directories.isEmpty else { return }
        for name in Component.allCases.map(\.fileName) + [Self.fileDatastoreFile] {
            for directory in directories.reversed() {
                let location = ConfigurationLocation(name, environment: loader.environment, relativeTo: directory)
                if let document = try await loader.load(location) { found[name, default: []].append(document) }
            }
        }
    }

    /// The defaults of one file merged over `base`. A file may hold its component's key or only what is below it.
    func merge(_ fileName: String, of component: Component, into base: inout StructuredMapping) throws {
        var documents = found[fileName] ?? []
        if let builtIn = try PackagedDefaults.file(named: fileName) {
            documents.insert(ConfigurationDocument(values: builtIn), at: 0)
        }
        for document in documents {
            base.merge(
                try Self.section(component.rawValue, of: document.values, location: document.name) ?? document.values)
        }
    }

    /// A component with the repository's own section over the defaults. For `datastore` see ``DatastoreExpansion``.
    func expanded(_ component: Component, with document: ConfigurationDocument) throws -> StructuredMapping {
        if component == .datastore {
            let own = try Self.section(component.rawValue, of: document.values, location: document.name)
            return try DatastoreExpansion(defaults: self, location: document.name).expanded(own ?? [:])
        }
        var result = StructuredMapping()
        try merge(component.fileName, of: component, into: &result)
        if let own = try Self.section(component.rawValue, of: document.values, location: document.name) {
            result.merge(own)
        }
        return result
    }

    static func section(_ key: String, of values: StructuredMapping, location: String) throws -> StructuredMapping? {
        guard let section = values.section(key), !section.isNull else { return nil }
        guard let mapping = section.objectValue else {
            throw ConfigurationError.wrongType(
                location: location, key: key, expected: "a mapping", found: section.kindName)
        }
        return mapping
    }
}

/// Lays a datastore's section over its defaults: `datastore.yaml`, then the file of its class, then the section; each
/// member of a chain is expanded in the same way on its own.
struct DatastoreExpansion {
    let defaults: ComponentDefaults
    let location: String

    func expanded(_ own: StructuredMapping) throws -> StructuredMapping {
        var result = StructuredMapping()
        try defaults.merge("datastore.yaml", of: .datastore, into: &result)
        let name = own["cls"] ?? result["cls"]
        let datastoreClass = try DatastoreClass(name, location: location)
        if datastoreClass == .file {
            try defaults.merge(ComponentDefaults.fileDatastoreFile, of: .datastore, into: &result)
        }
        result.merge(own)
        guard datastoreClass == .chained, let members = result["datastores"] else { return result }
        guard let members = members.arrayValue else {
            throw ConfigurationError.wrongType(
                location: location, key: "datastore.datastores", expected: "a list", found: members.kindName)
        }
        result["datastores"] = .array(
            try members.enumerated().map { index, member in
                guard let mapping = member.objectValue else {
                    throw ConfigurationError.wrongType(
                        location: location, key: "datastore.datastores[\(index)]", expected: "a mapping",
                        found: member.kindName)
                }
                let own = try ComponentDefaults.section("datastore", of: mapping, location: location)
                return .object(try expanded(own ?? mapping))
            })
        return result
    }
}
