import StructuredData

/// The configuration of a dimension universe, as repositories store it and servers send it.
///
/// Unknown keys are ignored, as upstream does. Source: repository format reference, section 3.1.
public struct DimensionConfiguration: Sendable {
    public struct SkypixSystem: Sendable {
        public let name: String
        public let className: String
        public let minimumLevel: Int
        public let maximumLevel: Int
    }

    public struct Element: Sendable {
        public let name: String
        public let documentation: String
        public let keys: [KeyColumn]
        public let requires: [String]
        public let implies: [String]
        public let metadata: [KeyColumn]
        public let isGovernor: Bool
        public let isCached: Bool
        public let alwaysJoin: Bool
        public let populatedBy: String?
        public let impliedUnionTarget: String?
    }

    public struct TopologicalFamily: Sendable {
        public let name: String
        /// Element names, finest first.
        public let members: [String]
    }

    public let version: Int
    public let namespace: String
    public let commonSkypix: String
    public let skypixSystems: [SkypixSystem]
    public let elements: [Element]
    public let spatialFamilies: [TopologicalFamily]
    public let temporalFamilies: [TopologicalFamily]
    /// The document that this configuration was read from.
    public let source: StructuredValue

    /// - Throws: ``ButlerError`` of kind `malformedModel` that names the offending key.
    public init(_ document: StructuredValue) throws(ButlerError) {
        source = document
        let root = DocumentReader(document, path: "dimensions")
        guard document.objectValue != nil else { throw root.failure("must be a mapping") }
        version = try root.optional("version")?.int() ?? 0
        namespace = try root.optional("namespace")?.string() ?? "daf_butler"

        let skypix = try root.required("skypix")
        commonSkypix = try skypix.required("common").string()
        var systems: [SkypixSystem] = []
        // Servers nest the systems one level deeper than repositories do.
        let holder = try skypix.optional("systems") ?? skypix
        for (name, entry) in try holder.members() where name != "common" && name != "systems" {
            let className = try entry.required("class").string()
            let maximum: Int
            if let stated = try entry.optional("max_level")?.int() {
                maximum = stated
            } else {
                maximum = try Self.maximumLevel(ofClass: className, at: entry)
            }
            systems.append(
                SkypixSystem(
                    name: name, className: className, minimumLevel: try entry.optional("min_level")?.int() ?? 1,
                    maximumLevel: maximum))
        }
        skypixSystems = systems

        var parsed: [Element] = []
        for (name, entry) in try root.required("elements").members() {
            parsed.append(try Self.element(name, entry))
        }
        elements = parsed

        let topology = try root.optional("topology")
        spatialFamilies = try Self.families(topology?.optional("spatial"))
        temporalFamilies = try Self.families(topology?.optional("temporal"))
    }

    private static func maximumLevel(
        ofClass className: String, at entry: DocumentReader
    ) throws(ButlerError) -> Int {
        switch className {
        case "lsst.sphgeom.HtmPixelization": 24
        case "lsst.sphgeom.HealpixPixelization": 17
        case "lsst.sphgeom.Q3cPixelization", "lsst.sphgeom.Mq3cPixelization": 30
        default: throw entry.failure("names the unknown pixelization class '\(className)'")
        }
    }

    private static func families(_ reader: DocumentReader?) throws(ButlerError) -> [TopologicalFamily] {
        guard let reader else { return [] }
        var families: [TopologicalFamily] = []
        for (name, entry) in try reader.members() {
            families.append(TopologicalFamily(name: name, members: try entry.strings()))
        }
        return families
    }

    private static func element(_ name: String, _ reader: DocumentReader) throws(ButlerError) -> Element {
        let keys = try columns(reader.optional("keys"), nullableByDefault: false)
        // The legacy `storage` entry of older universes overrides the flags.
        var isCached = try reader.optional("is_cached")?.bool() ?? false
        var target = try reader.optional("implied_union_target")?.string()
        let isGovernor = try reader.optional("governor")?.bool() ?? false
        if let storage = try reader.optional("storage") {
            let className = try storage.optional("cls")?.string() ?? ""
            if className.hasSuffix("BasicGovernorDimensionRecordStorage") {
                isCached = true
            } else if className.hasSuffix("CachingDimensionRecordStorage") {
                isCached = true
            } else if className.hasSuffix("QueryDimensionRecordStorage") {
                target = try storage.optional("view_of")?.string() ?? target
                isCached = true
            }
            if let nested = try storage.optional("nested"), let view = try nested.optional("view_of")?.string() {
                target = view
            }
        }
        return Element(
            name: name,
            documentation: try reader.optional("doc")?.string() ?? "",
            keys: keys,
            requires: try reader.optional("requires")?.strings() ?? [],
            implies: try reader.optional("implies")?.strings() ?? [],
            metadata: try columns(reader.optional("metadata"), nullableByDefault: true),
            isGovernor: isGovernor,
            isCached: isCached || isGovernor,
            alwaysJoin: try reader.optional("always_join")?.bool() ?? false,
            populatedBy: try reader.optional("populated_by")?.string(),
            impliedUnionTarget: target)
    }

    private static func columns(
        _ reader: DocumentReader?, nullableByDefault: Bool
    ) throws(ButlerError) -> [KeyColumn] {
        guard let reader else { return [] }
        var columns: [KeyColumn] = []
        for entry in try reader.items() {
            let type: ElementColumnType
            switch try entry.required("type").string() {
            case "int": type = .int
            case "string":
                type = .string(length: try entry.required("length").int())
            case "float": type = .float
            case "bool": type = .bool
            case "hash": type = .hash(byteCount: try entry.required("nbytes").int())
            case "uuid": type = .uuid
            case "region": type = .region
            case "timespan": type = .timespan
            case "datetime": type = .datetime
            case let other: throw entry.failure("has the unknown column type '\(other)'")
            }
            columns.append(
                KeyColumn(
                    name: try entry.required("name").string(), type: type,
                    isNullable: nullableByDefault ? try entry.optional("nullable")?.bool() ?? true : false,
                    documentation: try entry.optional("doc")?.string() ?? ""))
        }
        return columns
    }
}
