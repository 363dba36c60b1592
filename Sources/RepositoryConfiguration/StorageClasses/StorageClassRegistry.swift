import StructuredData

/// All storage classes that a client knows, by name.
public struct StorageClassRegistry: Sendable {
    private var definitions: [String: StorageClassDefinition]
    /// Names in the order of the configuration.
    public private(set) var names: [String]

    /// The classes that every repository knows. First call in a process: about a millisecond.
    public static func standard() throws -> StorageClassRegistry {
        try StorageClassRegistry(
            definitions: ComponentDefaults().expanded(.storageClasses, with: ConfigurationDocument(values: [:])),
            location: "the default storage classes")
    }

    /// - Parameters:
    ///   - definitions: the content of a `storageClasses` section.
    ///   - location: what messages call its source.
    /// - Throws: ``ConfigurationError`` for anything malformed, for unknown classes and circles.
    public init(definitions: StructuredMapping, location: String) throws {
        self.definitions = [:]
        names = []
        try add(definitions: definitions, location: location)
    }

    /// Adds the classes of another `storageClasses` section, which may refer to those already known.
    ///
    /// A class that is known already must mean the same (type, delegate, components, parameters); the first
    /// definition stays.
    public mutating func add(definitions section: StructuredMapping, location: String) throws {
        var resolver = StorageClassResolver(
            section: ConfigurationSection(values: section, path: "storageClasses", location: location),
            known: definitions)
        for name in section.keys {
            let new = try resolver.definition(of: name, usedBy: location)
            guard let existing = definitions[name] else {
                definitions[name] = new
                names.append(name)
                continue
            }
            let differences = new.differences(from: existing)
            guard differences.isEmpty else {
                throw ConfigurationError.storageClassConflict(name: name, location: location, differences: differences)
            }
        }
    }

    /// The definition of a name, `nil` if there is none. Cost: O(1).
    public subscript(name: String) -> StorageClassDefinition? { definitions[name] }

    /// The definition of a name.
    ///
    /// - Throws: ``ConfigurationError/unknownStorageClass(name:usedBy:)``.
    public func definition(named name: String, usedBy: String) throws -> StorageClassDefinition {
        guard let definition = definitions[name] else {
            throw ConfigurationError.unknownStorageClass(name: name, usedBy: usedBy)
        }
        return definition
    }

    /// The definition of a component's class, `nil` if the class has no such component.
    public func component(_ component: String, of name: String) -> StorageClassDefinition? {
        definitions[name]?.component(named: component).flatMap { definitions[$0] }
    }

    /// Names of all read parameters: the class's own and those of its components.
    public func knownParameters(of name: String) -> Set<String> {
        guard let definition = definitions[name] else { return [] }
        return definition.components.reduce(into: definition.parameters) { known, component in
            known.formUnion(knownParameters(of: component.storageClass))
        }
    }

    /// Whether an object of class `source` can be handed out as class `target`: the same class; the same Python type
    /// or a subtype; or a converter from the source's type or one of its supertypes.
    ///
    /// Types are compared by name. Python compares the types themselves, and answers no where it cannot import one.
    /// Subtypes are known from `inheritsFrom` and from a short table of common packages.
    public func canConvert(_ source: String, to target: String) -> Bool {
        if source == target { return definitions[source] != nil }
        guard let source = definitions[source], let target = definitions[target] else { return false }
        let types = supertypes(of: source)
        return types.contains(PythonType.canonicalName(target.pytype))
            || target.converters.contains { types.contains(PythonType.canonicalName($0.source)) }
    }

    /// The converter that turns an object of class `source` into class `target`, `nil` if none is needed or possible.
    public func converter(from source: String, to target: String) -> StorageClassDefinition.Converter? {
        guard let source = definitions[source], let target = definitions[target], source.name != target.name else {
            return nil
        }
        let types = supertypes(of: source)
        guard !types.contains(PythonType.canonicalName(target.pytype)) else { return nil }
        return target.converters.first { types.contains(PythonType.canonicalName($0.source)) }
    }

    /// The type of a class and everything it is known to be a subtype of.
    private func supertypes(of definition: StorageClassDefinition) -> Set<String> {
        var types = PythonType.supertypes(of: definition.pytype)
        var current = definition
        while let base = current.inheritsFrom.flatMap({ definitions[$0] }) {
            types.formUnion(PythonType.supertypes(of: base.pytype))
            current = base
        }
        return types
    }
}

/// Works out inheritance within one section.
private struct StorageClassResolver {
    let section: ConfigurationSection
    let known: [String: StorageClassDefinition]
    private var resolved: [String: StorageClassDefinition] = [:]
    private var inProgress: [String] = []

    init(section: ConfigurationSection, known: [String: StorageClassDefinition]) {
        self.section = section
        self.known = known
    }

    private static let genericDelegate = "lsst.daf.butler.StorageClassDelegate"

    mutating func definition(of name: String, usedBy: String) throws -> StorageClassDefinition {
        if let definition = resolved[name] { return definition }
        guard let own = try section.section(name) else {
            guard let definition = known[name] else {
                throw ConfigurationError.unknownStorageClass(name: name, usedBy: usedBy)
            }
            return definition
        }
        guard !inProgress.contains(name) else { throw ConfigurationError.storageClassCycle(inProgress + [name]) }
        inProgress.append(name)
        defer { inProgress.removeLast() }

        var result = StorageClassDefinition(name: name, pytype: "")
        if let base = try own.string("inheritsFrom") {
            result = try definition(of: base, usedBy: "the base of \(name)")
            result.name = name
            result.inheritsFrom = base
        }
        guard let pytype = try own.string("pytype") ?? (result.inheritsFrom == nil ? nil : result.pytype) else {
            throw ConfigurationError.missingKey(location: section.location, key: own.keyPath("pytype"))
        }
        result.pytype = pytype
        try merge(try own.strings("components"), into: &result.components, of: name)
        try merge(try own.strings("derivedComponents"), into: &result.derivedComponents, of: name)
        if result.components.count == 1 {
            throw ConfigurationError.invalidValue(
                location: section.location, key: own.keyPath("components"), value: result.components[0].name,
                remedy: "a composite has at least two components; make a single one a derived component")
        }
        for parameter in try own.list("parameters") ?? [] {
            guard let text = parameter.stringValue else {
                throw own.wrongType("parameters", expected: "a list of names", found: parameter)
            }
            result.parameters.insert(text)
        }
        if let delegate = try own.string("delegate") {
            result.delegate = delegate == Self.genericDelegate ? nil : delegate
        }
        for (source, function) in try own.strings("converters") {
            let converter = StorageClassDefinition.Converter(source: source, function: function)
            if let position = result.converters.firstIndex(where: { $0.source == source }) {
                result.converters[position] = converter
            } else {
                result.converters.append(converter)
            }
        }
        resolved[name] = result
        return result
    }

    private mutating func merge(
        _ own: [(key: String, value: String)], into components: inout [StorageClassDefinition.Component],
        of name: String
    ) throws {
        for (component, storageClass) in own {
            _ = try definition(of: storageClass, usedBy: "component \(component) of \(name)")
            let entry = StorageClassDefinition.Component(name: component, storageClass: storageClass)
            if let position = components.firstIndex(where: { $0.name == component }) {
                components[position] = entry
            } else {
                components.append(entry)
            }
        }
    }
}
