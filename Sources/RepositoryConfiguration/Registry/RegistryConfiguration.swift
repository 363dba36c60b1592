import StructuredData

/// The `registry` section: which database, which schema, which managers.
public struct RegistryConfiguration: Sendable, Equatable {
    /// One of the classes that own parts of the schema.
    public struct Manager: Sendable, Equatable {
        /// Python class name, as the `butler_attributes` table records it.
        public var className: String
        /// Options of this manager; empty if there are none.
        public var configuration: StructuredMapping
        /// The schema version to create, `major.minor.patch`; `nil` for the newest.
        public var schemaVersion: String?

        public init(className: String, configuration: StructuredMapping = [:], schemaVersion: String? = nil) {
            self.className = className
            self.configuration = configuration
            self.schemaVersion = schemaVersion
        }
    }

    /// SQLAlchemy URL with the repository's root in place.
    public var database: String
    /// PostgreSQL schema; `nil` for the connection's own.
    public var namespace: String?
    /// Whether temporary tables may be made; false for read-only replicas.
    public var allowsTemporaryTables: Bool
    /// Whether what many new rows refer to is looked up for all of them at once, on PostgreSQL. A key of Steward's own,
    /// which Python ignores.
    public var checksReferencesTogether: Bool
    /// Parts of the connection that fill gaps of ``database``.
    public var connection: ConnectionDefaults
    /// Managers by role (`attributes`, `collections`, `datasets`, `datastores`, `dimensions`, `opaque`, `obscore`).
    public var managers: [String: Manager]
    /// Database class by SQL dialect.
    public var engines: [String: String]
    /// Servers that follow the database's, from which a server of the repository may read; none unless set. A key of
    /// Steward's own, which Python ignores.
    public var replicas: Replicas?

    public struct Replicas: Sendable, Equatable {
        /// SQLAlchemy URLs.
        public var databases: [String]
        /// How old what is read there may be, in seconds.
        public var staleness: Double
    }

    /// Values for parts that a database URL leaves out.
    public struct ConnectionDefaults: Sendable, Equatable {
        public var username: String?
        public var password: String?
        public var host: String?
        public var port: Int?
        public var database: String?
    }

    /// The roles every repository has a manager for.
    static let requiredManagers = ["attributes", "collections", "datasets", "datastores", "dimensions", "opaque"]

    init(_ section: ConfigurationSection, root: ConfigurationLocation?) throws {
        database = try ButlerRoot.replace(
            in: try section.requiredString("db"), with: root, key: section.keyPath("db"))
        namespace = try section.string("namespace")
        allowsTemporaryTables = try section.bool("temporary_tables") ?? true
        checksReferencesTogether = try section.bool("references_together") ?? false
        connection = ConnectionDefaults(
            username: try section.string("username"), password: try section.string("password"),
            host: try section.string("host"), port: try Self.port(section), database: try section.string("database"))
        engines = Dictionary(try section.strings("engines").map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        replicas = try Self.replicas(section)
        managers = [:]
        guard let named = try section.section("managers") else {
            throw ConfigurationError.missingKey(location: section.location, key: section.keyPath("managers"))
        }
        for (name, value) in named.values.pairs where !value.isNull {
            managers[name] = try Self.manager(name, in: named)
        }
        for role in Self.requiredManagers where managers[role] == nil {
            throw ConfigurationError.missingKey(location: section.location, key: named.keyPath(role))
        }
    }

    private static func replicas(_ section: ConfigurationSection) throws -> Replicas? {
        guard let options = try section.section("replicas") else { return nil }
        try options.allow(only: ["databases", "staleness"])
        var databases: [String] = []
        for item in try options.list("databases") ?? [] {
            guard let text = item.stringValue else {
                throw options.wrongType("databases", expected: "a list of database URLs", found: item)
            }
            databases.append(text)
        }
        let staleness = options["staleness"].map { $0.numberValue ?? .nan } ?? 5
        guard !databases.isEmpty else {
            throw ConfigurationError.missingKey(location: options.location, key: options.keyPath("databases"))
        }
        guard staleness > 0, staleness <= 86400 else {
            throw options.wrongType(
                "staleness", expected: "a number of seconds above 0, up to 86400", found: options["staleness"] ?? .null)
        }
        return Replicas(databases: databases, staleness: staleness)
    }

    private static func port(_ section: ConfigurationSection) throws -> Int? {
        if case .string(let text)? = section["port"], let number = Int(text) { return number }
        return try section.int("port").map(Int.init)
    }

    private static func manager(_ name: String, in section: ConfigurationSection) throws -> Manager {
        if case .string(let className)? = section[name] { return Manager(className: className) }
        guard case .object? = section[name], let options = try section.section(name) else {
            throw section.wrongType(
                name, expected: "a class name or a mapping with cls, config and schema_version",
                found: section[name] ?? .null)
        }
        try options.allow(only: ["cls", "config", "schema_version"])
        return Manager(
            className: try options.requiredString("cls"),
            configuration: try options.section("config")?.values ?? [:],
            schemaVersion: try options.string("schema_version"))
    }
}
