/// What a storage class name means: the Python type of a dataset in memory, its components, and how else it can be
/// read. Inheritance is resolved.
public struct StorageClassDefinition: Sendable, Hashable {
    /// A component and the name of its storage class.
    public struct Component: Sendable, Hashable {
        public var name: String
        public var storageClass: String

        public init(name: String, storageClass: String) {
            self.name = name
            self.storageClass = storageClass
        }
    }

    /// A Python type that can be turned into this class's type, and the function that does it.
    public struct Converter: Sendable, Hashable {
        public var source: String
        public var function: String

        public init(source: String, function: String) {
            self.source = source
            self.function = function
        }
    }

    public var name: String
    /// Python type name.
    public var pytype: String
    /// The storage class it takes over from, if any.
    public var inheritsFrom: String?
    /// Components that can be written and read. With any, the class is a composite.
    public var components: [Component]
    /// Components that can only be read.
    public var derivedComponents: [Component]
    /// Names of read parameters of its own.
    public var parameters: Set<String>
    /// Python class that takes composites apart and reads parameters; `nil` for the generic one.
    public var delegate: String?
    /// In the order in which they are tried.
    public var converters: [Converter]

    public init(
        name: String, pytype: String, inheritsFrom: String? = nil, components: [Component] = [],
        derivedComponents: [Component] = [], parameters: Set<String> = [], delegate: String? = nil,
        converters: [Converter] = []
    ) {
        self.name = name
        self.pytype = pytype
        self.inheritsFrom = inheritsFrom
        self.components = components
        self.derivedComponents = derivedComponents
        self.parameters = parameters
        self.delegate = delegate
        self.converters = converters
    }

    public var isComposite: Bool { !components.isEmpty }

    /// The storage class of a component, derived or not.
    public func component(named name: String) -> String? {
        (components.first { $0.name == name } ?? derivedComponents.first { $0.name == name })?.storageClass
    }

    /// What sets two definitions of one name apart, as words for a message; empty if they mean the same. Derived
    /// components and converters do not count, as upstream.
    func differences(from other: StorageClassDefinition) -> [String] {
        var differences: [String] = []
        if pytype != other.pytype { differences.append("pytype") }
        if delegate != other.delegate { differences.append("delegate") }
        if Set(components) != Set(other.components) { differences.append("components") }
        if parameters != other.parameters { differences.append("parameters") }
        return differences
    }
}
