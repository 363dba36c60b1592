import StructuredData

/// A kind of dataset: its name, the dimensions that identify one, and the storage class of its in-memory form.
public struct DatasetType: Sendable {
    /// One reference, since a type is copied with each of its datasets.
    private let parts: Parts

    private final class Parts: Sendable {
        let name: String
        let dimensions: DimensionGroup
        let storageClass: String
        let parentStorageClass: String?
        let isCalibration: Bool

        init(
            _ name: String, _ dimensions: DimensionGroup, _ storageClass: String, _ parentStorageClass: String?,
            _ isCalibration: Bool
        ) {
            self.name = name
            self.dimensions = dimensions
            self.storageClass = storageClass
            self.parentStorageClass = parentStorageClass
            self.isCalibration = isCalibration
        }
    }

    /// For a component, `parent.component`.
    public var name: String { parts.name }
    public var dimensions: DimensionGroup { parts.dimensions }
    public var storageClass: String { parts.storageClass }
    /// The storage class of the whole; set only for components.
    public var parentStorageClass: String? { parts.parentStorageClass }
    /// Whether datasets can be certified with a validity range in CALIBRATION collections.
    public var isCalibration: Bool { parts.isCalibration }

    /// - Throws: ``ButlerError`` of kind `datasetTypeExpression` when the name is not a legal one.
    public init(
        name: String, dimensions: DimensionGroup, storageClass: String, parentStorageClass: String? = nil,
        isCalibration: Bool = false
    ) throws(ButlerError) {
        try Self.checkName(name)
        parts = Parts(name, dimensions, storageClass, parentStorageClass, isCalibration)
    }

    public var isComponent: Bool { name.contains(".") }

    /// The name of the whole and of the component, if any.
    public var nameAndComponent: (parent: String, component: String?) { Self.split(name) }

    /// Splits `parent.component` at the first dot.
    public static func split(_ name: String) -> (parent: String, component: String?) {
        guard let dot = name.firstIndex(of: ".") else { return (name, nil) }
        return (String(name[..<dot]), String(name[name.index(after: dot)...]))
    }

    /// Names are dot-separated words of ASCII letters, digits and underscores that do not start with a digit.
    public static func checkName(_ name: String) throws(ButlerError) {
        let isLegal = name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { word in
            guard let first = word.utf8.first, !(0x30...0x39).contains(first) else { return false }
            return word.utf8.allSatisfy { character in
                switch character {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
                default: false
                }
            }
        }
        guard isLegal else {
            throw ButlerError(
                .datasetTypeExpression,
                "'\(name)' does not look like a valid dataset type name: use letters, digits and underscores, not a digit first.")
        }
    }
}

extension DatasetType: Hashable {
    public static func == (a: DatasetType, b: DatasetType) -> Bool {
        a.parts === b.parts
            || (a.name == b.name && a.dimensions == b.dimensions && a.storageClass == b.storageClass
                && a.parentStorageClass == b.parentStorageClass && a.isCalibration == b.isCalibration)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

// MARK: - Wire form

extension DatasetType {
    /// The dimensions of a dataset type travel as the required ones only.
    public var wire: StructuredValue {
        .object([
            "name": .string(name),
            "storageClass": .string(storageClass),
            "dimensions": .array(dimensions.requiredNames.map { .string($0) }),
            "parentStorageClass": parentStorageClass.map { .string($0) } ?? .null,
            "isCalibration": .bool(isCalibration),
        ])
    }

    public init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        try self.init(
            name: try reader.required("name").string(),
            dimensions: try universe.group(try reader.required("dimensions").strings()),
            storageClass: try reader.required("storageClass").string(),
            parentStorageClass: try reader.optional("parentStorageClass")?.string(),
            isCalibration: try reader.optional("isCalibration")?.bool() ?? false)
    }
}
