import StructuredData

/// The configuration of a repository that is opened without a server: its own file over the defaults.
///
/// Sections are expanded when asked for, so that a caller pays only for those it needs. Keep the results.
public struct DirectButlerConfiguration: Sendable {
    static let className = "lsst.daf.butler.direct_butler.DirectButler"

    /// The repository's own configuration, includes resolved, without defaults.
    public let document: ConfigurationDocument
    /// The repository's root; `nil` if the configuration came from no file and names none.
    public let root: ConfigurationLocation?
    let defaults: ComponentDefaults
    package let environment: ConfigurationEnvironment

    /// The registry section over its defaults.
    public func registry() throws -> RegistryConfiguration {
        let section = ConfigurationSection(
            values: try defaults.expanded(.registry, with: document), path: "registry", location: document.name)
        return try RegistryConfiguration(section, root: root)
    }

    /// The datastore section over its defaults.
    ///
    /// - Throws: ``ConfigurationError``, also for a class that is none of the three known kinds.
    public func datastore() throws -> DatastoreConfiguration {
        let section = ConfigurationSection(
            values: try defaults.expanded(.datastore, with: document), path: "datastore", location: document.name)
        return try DatastoreConfiguration(section, root: root, environment: environment)
    }

    /// The storage classes of the defaults and of this repository.
    ///
    /// - Throws: ``ConfigurationError`` if the repository redefines a known class differently.
    /// - Complexity: parses the built-in table on first use in the process.
    public func storageClasses() throws -> StorageClassRegistry {
        var registry = try StorageClassRegistry(
            definitions: try defaults.expanded(.storageClasses, with: ConfigurationDocument(values: [:])),
            location: "the default storage classes")
        if document.values[ComponentDefaults.Component.storageClasses.rawValue] != nil {
            try registry.add(
                definitions: try defaults.expanded(.storageClasses, with: document), location: document.name)
        }
        return registry
    }

    /// Names of formats for partial exports, with the classes that read and write each.
    public func transferFormats() throws -> StructuredMapping {
        try defaults.expanded(.transferFormats, with: document)
    }

    /// The whole configuration with every default in place, as `butler create --standalone` writes it and
    /// `butler config-dump` shows it.
    public func expanded() throws -> StructuredMapping {
        var result = StructuredMapping()
        for component in ComponentDefaults.Component.allCases {
            result[component.rawValue] = .object(try defaults.expanded(component, with: document))
        }
        for (key, value) in document.values.pairs where ComponentDefaults.Component(rawValue: key) == nil {
            result[key] = value
        }
        return result
    }
}
