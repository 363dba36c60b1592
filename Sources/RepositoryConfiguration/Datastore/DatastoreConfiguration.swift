import StructuredData

/// The kinds of datastore that configurations name by their Python class.
enum DatastoreClass: String, CaseIterable {
    case file = "lsst.daf.butler.datastores.fileDatastore.FileDatastore"
    case chained = "lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore"
    case inMemory = "lsst.daf.butler.datastores.inMemoryDatastore.InMemoryDatastore"

    /// The last part of the class name.
    var shortName: String {
        switch self {
        case .file: "FileDatastore"
        case .chained: "ChainedDatastore"
        case .inMemory: "InMemoryDatastore"
        }
    }

    init(_ value: StructuredValue?, location: String) throws {
        guard let value, !value.isNull else {
            throw ConfigurationError.missingKey(location: location, key: "datastore.cls")
        }
        guard let name = value.stringValue else {
            throw ConfigurationError.wrongType(
                location: location, key: "datastore.cls", expected: "a class name", found: value.kindName)
        }
        guard let known = Self.allCases.first(where: { $0.rawValue == name }) else {
            throw ConfigurationError.unknownClass(
                location: location, key: "datastore.cls", name: name, known: Self.allCases.map(\.rawValue))
        }
        self = known
    }
}

/// The `datastore` section, or one member of a chain.
public indirect enum DatastoreConfiguration: Sendable {
    case file(FileDatastoreConfiguration)
    /// Members in order; a dataset goes to each one whose own constraints and whose constraints here accept it.
    case chained(members: [Member], constraints: DatasetConstraints)
    /// Kept in one process only; other processes skip it.
    case inMemory(constraints: DatasetConstraints)

    public struct Member: Sendable {
        public var datastore: DatastoreConfiguration
        /// From the chain's `datastore_constraints`; accepts everything if there are none.
        public var constraints: DatasetConstraints
    }

    /// The name under which dataset locations are stored; `nil` for a datastore that stores none itself.
    public var name: String? {
        guard case .file(let configuration) = self else { return nil }
        return configuration.name
    }

    /// All file datastores, in order.
    public var files: [FileDatastoreConfiguration] {
        switch self {
        case .file(let configuration): [configuration]
        case .chained(let members, _): members.flatMap(\.datastore.files)
        case .inMemory: []
        }
    }

    /// The same with the dimension groups of all keys completed, which must be done once before anything is looked up.
    public func conformed(by conform: LookupKey.DimensionConformer) -> DatastoreConfiguration {
        switch self {
        case .file(let configuration): .file(configuration.conformed(by: conform))
        case .inMemory(let constraints): .inMemory(constraints: constraints.conformed(by: conform))
        case .chained(let members, let constraints):
            .chained(
                members: members.map {
                    Member(
                        datastore: $0.datastore.conformed(by: conform),
                        constraints: $0.constraints.conformed(by: conform))
                },
                constraints: constraints.conformed(by: conform))
        }
    }

    init(_ section: ConfigurationSection, root: ConfigurationLocation?, environment: ConfigurationEnvironment) throws {
        let constraints = try DatasetConstraints(try section.section("constraints"))
        switch try DatastoreClass(section["cls"], location: section.location) {
        case .file:
            self = .file(
                try FileDatastoreConfiguration(section, constraints: constraints, root: root, environment: environment))
        case .inMemory: self = .inMemory(constraints: constraints)
        case .chained:
            let members = try Self.mappings(try section.list("datastores"), key: "datastores", in: section)
            let overrides = try section.list("datastore_constraints")
                .map { try Self.mappings($0, key: "datastore_constraints", in: section) }
            if let overrides, overrides.count != members.count {
                throw ConfigurationError.invalidValue(
                    location: section.location, key: section.keyPath("datastore_constraints"),
                    value: "\(overrides.count) entries",
                    remedy: "give one entry for each of the \(members.count) datastores")
            }
            self = .chained(
                members: try members.enumerated().map { index, member in
                    Member(
                        datastore: try DatastoreConfiguration(member, root: root, environment: environment),
                        constraints: try DatasetConstraints(try overrides?[index].section("constraints")))
                },
                constraints: constraints)
        }
    }

    private static func mappings(
        _ items: [StructuredValue]?, key: String, in section: ConfigurationSection
    ) throws -> [ConfigurationSection] {
        guard let items else {
            throw ConfigurationError.missingKey(location: section.location, key: section.keyPath(key))
        }
        return try items.enumerated().map { index, item in
            let path = "\(section.keyPath(key))[\(index)]"
            guard let values = item.objectValue else {
                throw ConfigurationError.wrongType(
                    location: section.location, key: path, expected: "a mapping", found: item.kindName)
            }
            return ConfigurationSection(values: values, path: path, location: section.location)
        }
    }
}
