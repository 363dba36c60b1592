import StructuredData

/// The configuration of a repository about to be created: what its `butler.yaml` will hold, and where that goes.
///
/// Nothing is written here; a caller writes ``text`` to ``file`` once it has checked that nothing is there.
public struct NewRepositoryConfiguration: Sendable {
    public struct Options: Sendable {
        /// Values to start from (`--seed-config`).
        public var seed: ConfigurationDocument
        /// Write every default into the file (`--standalone`).
        public var isStandalone: Bool
        /// Let the seed's `root` and `db` survive (`--override`).
        public var keepsSeedRoots: Bool
        /// Another place for the file (`--outfile`): a file or a directory.
        public var outfile: String?
        /// Directories with defaults above those of `DAF_BUTLER_CONFIG_PATH`.
        public var searchPaths: [String]

        public init(
            seed: ConfigurationDocument = ConfigurationDocument(values: [:]), isStandalone: Bool = false,
            keepsSeedRoots: Bool = false, outfile: String? = nil, searchPaths: [String] = []
        ) {
            self.seed = seed
            self.isStandalone = isStandalone
            self.keepsSeedRoots = keepsSeedRoots
            self.outfile = outfile
            self.searchPaths = searchPaths
        }
    }

    /// The repository's root directory.
    public let root: ConfigurationLocation
    /// Where the configuration file goes.
    public let file: ConfigurationLocation
    /// What the file holds. An `obscore` manager's `config` is left out: it belongs into the database.
    public let values: StructuredMapping
    /// The configuration with which to make the database, `obscore` settings included.
    public let configuration: DirectButlerConfiguration
    /// Whether an `obscore` manager was dropped because the seed gives it no `config`.
    public let droppedObscoreManager: Bool

    /// - Parameter root: directory of the new repository, a path or URL.
    /// - Throws: ``ConfigurationError``.
    public static func make(
        root: String, options: Options = Options(), environment: ConfigurationEnvironment,
        remote: (any RemoteConfigurationReader)? = nil
    ) async throws -> NewRepositoryConfiguration {
        let loader = ConfigurationLoader(reader: ConfigurationReader(remote: remote), environment: environment)
        let defaults = try await ComponentDefaults(searchPaths: options.searchPaths, loader: loader)
        return try NewRepositoryConfiguration(
            root: ConfigurationLocation(root, environment: environment).asDirectory, options: options,
            defaults: defaults, loader: loader)
    }

    private init(
        root: ConfigurationLocation, options: Options, defaults: ComponentDefaults, loader: ConfigurationLoader
    ) throws {
        var seed = options.seed
        seed.values["root"] = nil
        let full = DirectButlerConfiguration(
            document: seed, root: root, defaults: defaults, environment: loader.environment)
        let forces = !options.keepsSeedRoots
        var values = seed.values

        let fullDatastore = try defaults.expanded(.datastore, with: seed)
        let ownDatastore = try ComponentDefaults.section("datastore", of: seed.values, location: seed.name)
        values["datastore"] = .object(
            try Self.datastore(
                own: ownDatastore ?? [:], full: fullDatastore, root: ButlerRoot.tag, forces: forces, location: seed.name
            ))

        let fullRegistry = try defaults.expanded(.registry, with: seed)
        let ownRegistry = try ComponentDefaults.section("registry", of: seed.values, location: seed.name)
        var registry = Self.registry(own: ownRegistry ?? [:], full: fullRegistry, forces: forces)
        if !options.isStandalone {
            // The schema is made for these managers, so later defaults must not change them.
            let managers = fullRegistry["managers"]?.objectValue ?? [:]
            registry["managers"] = .object(managers.merging(registry["managers"]?.objectValue ?? [:]))
        }
        values["registry"] = .object(registry)
        if options.isStandalone { values = try full.expanded().merging(values) }

        droppedObscoreManager = Self.dropObscoreWithoutConfiguration(from: &values)
        var written = Self.withoutObscoreConfiguration(values)
        if let outfile = options.outfile {
            // Away from the root, the file must say where the root is.
            written["root"] = .string(root.url)
            values["root"] = .string(root.url)
            var location = ConfigurationLocation(outfile, environment: loader.environment)
            if location.fileExtension.isEmpty {
                let directory = loader.reader.isDirectory(location) ? location.asDirectory : location.directory
                location = ConfigurationLocation(
                    "butler.yaml", environment: loader.environment, relativeTo: directory)
            }
            guard [".yaml", ".json"].contains(location.fileExtension) else {
                throw ConfigurationError.unsupportedExtension(location: location.description)
            }
            file = location
        } else {
            file = ConfigurationLocation("butler.yaml", environment: loader.environment, relativeTo: root)
        }
        self.root = root
        self.values = written
        configuration = DirectButlerConfiguration(
            document: ConfigurationDocument(values: values, location: file), root: root, defaults: defaults,
            environment: loader.environment)
    }

    /// The file's content: YAML with sorted keys, or JSON for a `.json` file.
    public var text: String {
        if file.fileExtension == ".json" {
            var writer = JSONWriter(options: JSONWriter.Options(style: .spaced, nan: .python))
            writer.value(values)
            return writer.text
        }
        return YAMLWriter.text(StructuredValue.object(values).sortedByKey())
    }

    // MARK: Sections

    private static func datastore(
        own: StructuredMapping, full: StructuredMapping, root: String, forces: Bool, location: String
    ) throws -> StructuredMapping {
        var result = own
        switch try DatastoreClass(full["cls"], location: location) {
        case .inMemory: break
        case .file:
            if forces || result["root"] == nil { result["root"] = .string(root) }
            if forces || result["cls"] == nil { result["cls"] = full["cls"] }
            var records = result["records"]?.objectValue ?? [:]
            if forces || records["table"] == nil { records["table"] = full["records"]?["table"] }
            result["records"] = .object(records)
        case .chained:
            // Members are written with all their defaults, whatever the options say.
            let members = full["datastores"]?.arrayValue ?? []
            result["datastores"] = .array(
                try members.enumerated().map { index, member in
                    let expanded = member.objectValue ?? [:]
                    let name = try DatastoreClass(expanded["cls"], location: location).shortName
                    return .object(
                        try datastore(
                            own: expanded, full: expanded, root: "\(root)/\(name)_\(index)", forces: forces,
                            location: location))
                })
        }
        return result
    }

    private static func registry(own: StructuredMapping, full: StructuredMapping, forces: Bool) -> StructuredMapping {
        var result = own
        let database = full["db"]?.stringValue ?? ""
        if forces || result["db"] == nil {
            let isSQLite = database.prefix { $0 != ":" && $0 != "+" } == "sqlite"
            result["db"] = .string(isSQLite ? "sqlite:///\(ButlerRoot.tag)/gen3.sqlite3" : database)
        }
        return result
    }

    // MARK: ObsCore

    private static let obscorePath: [ConfigurationPathStep] = [.key("registry"), .key("managers")]

    /// A declared `obscore` manager without settings usually comes from a copied file; it is removed.
    private static func dropObscoreWithoutConfiguration(from values: inout StructuredMapping) -> Bool {
        let root = StructuredValue.object(values)
        guard var managers = root[obscorePath]?.objectValue, let obscore = managers["obscore"],
            obscore["config"]?.objectValue?.isEmpty ?? true
        else { return false }
        managers["obscore"] = nil
        values = root.replacing(obscorePath, with: .object(managers)).objectValue ?? values
        return true
    }

    private static func withoutObscoreConfiguration(_ values: StructuredMapping) -> StructuredMapping {
        let root = StructuredValue.object(values)
        let path = obscorePath + [.key("obscore")]
        guard var obscore = root[path]?.objectValue else { return values }
        obscore["config"] = nil
        return root.replacing(path, with: .object(obscore)).objectValue ?? values
    }
}

extension StructuredValue {
    /// The same with the keys of all mappings sorted by code point, as PyYAML's `sort_keys` does.
    func sortedByKey() -> StructuredValue {
        switch self {
        case .array(let items): .array(items.map { $0.sortedByKey() })
        case .object(let mapping):
            .object(
                StructuredMapping(
                    mapping.pairs.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
                        .map { ($0.key, $0.value.sortedByKey()) }))
        default: self
        }
    }
}
