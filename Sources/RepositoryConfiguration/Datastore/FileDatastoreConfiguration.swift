import StructuredData

/// A datastore that keeps datasets as files below a root.
public struct FileDatastoreConfiguration: Sendable {
    /// The name that the registry's location table stores: `FileDatastore@` and the root as written, place-holder and
    /// all, so that a repository can move; or the `name` that the configuration gives.
    public var name: String
    /// The root as written in the configuration.
    public var unexpandedRoot: String
    /// The root as an absolute path or URL, a directory.
    public var root: ConfigurationLocation
    /// Table of the registry database that describes the files.
    public var recordsTable: String
    /// Whether to make the root directory if it does not exist.
    public var createsRoot: Bool
    /// Whether to compute a checksum of each file written.
    public var usesChecksum: Bool
    /// Whether a file without a record may be found by its template.
    public var trustsGetRequests: Bool
    /// Template text by key, without the default.
    public var templates: LookupTable<String>
    /// Template for datasets that no key matches; `nil` refuses them.
    public var defaultTemplate: String?
    public var formatters: LookupTable<FormatterConfiguration>
    public var composites: CompositesConfiguration
    public var constraints: DatasetConstraints
    /// `nil` if nothing is ever cached.
    public var cache: CacheConfiguration?

    init(
        _ section: ConfigurationSection, constraints: DatasetConstraints, root butlerRoot: ConfigurationLocation?,
        environment: ConfigurationEnvironment
    ) throws {
        unexpandedRoot = try section.requiredString("root")
        name = try section.string("name") ?? "FileDatastore@" + unexpandedRoot
        let expanded = try ButlerRoot.replace(in: unexpandedRoot, with: butlerRoot, key: section.keyPath("root"))
        root = ConfigurationLocation(expanded, environment: environment).asDirectory
        guard let records = try section.section("records") else {
            throw ConfigurationError.missingKey(location: section.location, key: section.keyPath("records"))
        }
        recordsTable = try records.requiredString("table")
        createsRoot = try section.bool("create") ?? false
        usesChecksum = try section.bool("checksum") ?? false
        trustsGetRequests = try section.bool("trust_get_request") ?? false
        (templates, defaultTemplate) = try Self.templates(section)
        formatters = try FormatterConfiguration.table(try section.section("formatters"))
        composites = try CompositesConfiguration(try section.section("composites"))
        self.constraints = constraints
        cache = try section.section("cached").flatMap { try CacheConfiguration($0, environment: environment) }
    }

    /// The same with the dimension groups of all keys completed.
    public func conformed(by conform: LookupKey.DimensionConformer) -> FileDatastoreConfiguration {
        var result = self
        result.templates = templates.conformed(by: conform)
        result.formatters = formatters.conformed(by: conform)
        result.composites.disassembled = composites.disassembled.conformed(by: conform)
        result.constraints = constraints.conformed(by: conform)
        result.cache?.cacheable = (cache?.cacheable ?? LookupTable(entries: [])).conformed(by: conform)
        return result
    }

    /// Template texts; `default: false` or null refuses what no key matches.
    private static func templates(_ section: ConfigurationSection) throws -> (LookupTable<String>, String?) {
        guard let section = try section.section("templates") else {
            throw ConfigurationError.missingKey(location: section.location, key: section.keyPath("templates"))
        }
        var fallback: String?
        switch section["default"] {
        case nil, .bool(false): break
        case .string(let text): fallback = text.isEmpty ? nil : text
        case let other?: throw section.wrongType("default", expected: "a template or false", found: other)
        }
        let table = try LookupTable(section, except: ["default"]) { value, key in
            guard let text = value.stringValue else {
                throw ConfigurationError.wrongType(
                    location: section.location, key: key, expected: "a template", found: value.kindName)
            }
            return text
        }
        return (table, fallback)
    }
}

/// Which composites are taken apart into one file for each component.
public struct CompositesConfiguration: Sendable {
    public var disassembled: LookupTable<Bool>
    /// What happens to composites that no key matches.
    public var fallback: Bool

    public init(disassembled: LookupTable<Bool>, fallback: Bool) {
        self.disassembled = disassembled
        self.fallback = fallback
    }

    init(_ section: ConfigurationSection?) throws {
        fallback = try section?.bool("default") ?? false
        guard let keys = try section?.section("disassembled") else {
            disassembled = LookupTable(entries: [])
            return
        }
        // Keys that begin with two underscores are place-holders.
        disassembled = try LookupTable(keys, except: keys.values.keys.filter { $0.hasPrefix("__") }) { value, key in
            guard let flag = value.boolValue else {
                throw ConfigurationError.wrongType(
                    location: keys.location, key: key, expected: "true or false", found: value.kindName)
            }
            return flag
        }
    }

    /// Whether a dataset whose storage class is composite is taken apart.
    public func disassembles(_ subject: LookupSubject) -> Bool { disassembled.match(subject)?.value ?? fallback }
}

/// The formatter that writes the datasets of one key.
public struct FormatterConfiguration: Sendable, Equatable {
    /// Python class name, as file records hold it.
    public var className: String
    /// Write parameters: the class's defaults with the entry's over them.
    public var parameters: StructuredMapping
    /// Named sets of write options of this class, by name; a set may be null.
    public var recipes: StructuredMapping

    public init(className: String, parameters: StructuredMapping = [:], recipes: StructuredMapping = [:]) {
        self.className = className
        self.parameters = parameters
        self.recipes = recipes
    }

    /// Reads the `formatters` section: keys to a class name or `{formatter, parameters}`, besides `default` (write
    /// parameters by class) and `write_recipes` (recipes by class).
    static func table(_ section: ConfigurationSection?) throws -> LookupTable<FormatterConfiguration> {
        guard let section else { return LookupTable(entries: []) }
        let defaults = try section.section("default")
        let recipes = try section.section("write_recipes")
        return try LookupTable(section, except: ["default", "write_recipes"], allowsHierarchy: true) { value, key in
            let className: String
            var own = StructuredMapping()
            switch value {
            case .string(let name): className = name
            case .object(let values):
                let entry = ConfigurationSection(values: values, path: key, location: section.location)
                try entry.allow(only: ["formatter", "parameters"])
                className = try entry.requiredString("formatter")
                own = try entry.section("parameters")?.values ?? [:]
            default:
                throw ConfigurationError.wrongType(
                    location: section.location, key: key,
                    expected: "a class name or a mapping with formatter and parameters",
                    found: value.kindName)
            }
            var parameters = try defaults?.section(className)?.values ?? [:]
            // The entry's parameters replace whole values; they are not merged into them.
            for (name, parameter) in own.pairs { parameters[name] = parameter }
            return FormatterConfiguration(
                className: className, parameters: parameters, recipes: try recipes?.section(className)?.values ?? [:])
        }
    }
}
