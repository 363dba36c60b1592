import ByteText
import StructuredData

/// What is known about a collection.
public struct CollectionInfo: Hashable, Sendable {
    public let name: String
    public let type: CollectionType
    public let documentation: String
    /// Child collections in search order; empty unless this is a chain.
    public let children: [String]
    /// The chains that hold this collection directly; `nil` when not asked for.
    public let parents: Set<ExactName>?
    /// Dataset types that this collection may hold; `nil` when not asked for.
    public let datasetTypes: Set<String>?

    public init(
        name: String, type: CollectionType, documentation: String = "", children: [String] = [],
        parents: Set<ExactName>? = nil, datasetTypes: Set<String>? = nil
    ) {
        self.name = name
        self.type = type
        self.documentation = documentation
        self.children = children
        self.parents = parents
        self.datasetTypes = datasetTypes
    }

    public var wire: StructuredValue {
        func list(_ names: [String]?) -> StructuredValue { names.map { .array($0.map { .string($0) }) } ?? .null }
        return .object([
            "name": .string(name),
            "type": .int(Int64(type.rawValue)),
            "doc": .string(documentation),
            "children": .array(children.map { .string($0) }),
            "parents": list(parents?.sortedTexts()),
            "dataset_types": list(datasetTypes?.sorted()),
        ])
    }
}

/// What a collection may hold: an upper bound that searches use to skip collections.
public struct CollectionSummary: Sendable {
    /// Names of the dataset types.
    public var datasetTypes: Set<String>
    /// Values of governor dimensions, by the dimension's name; governors without any value are absent.
    public var governors: [String: Set<ExactName>]

    public init(datasetTypes: Set<String> = [], governors: [String: Set<ExactName>] = [:]) {
        self.datasetTypes = datasetTypes
        self.governors = governors
    }

    public mutating func formUnion(_ other: CollectionSummary) {
        datasetTypes.formUnion(other.datasetTypes)
        governors.merge(other.governors) { $0.union($1) }
    }

    /// Whether a search for this dataset type and these governor values can find anything here. A governor without
    /// any recorded value is not filtered on.
    public func mayContain(datasetType: String, governors wanted: [String: String]) -> Bool {
        datasetTypes.contains(datasetType)
            && wanted.allSatisfy { name, value in governors[name]?.contains(value) ?? true }
    }
}
