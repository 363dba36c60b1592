import RepositoryConfiguration
import StructuredData

/// JSON as Python's `json.dumps(value, ensure_ascii=False)` writes it.
struct JSONDatasetFormatter: DatasetFormatter {
    func read(_ artifact: Artifact) throws -> DatasetValue {
        do {
            return .structured(try StructuredValue(json: try artifact.bytes(), options: .allowNaN))
        } catch let error as JSONError {
            throw artifact.failure("\(error)")
        }
    }

    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        let content = try target.structured(value)
        var writer = JSONWriter(options: .init(style: .spaced, nan: .python))
        writer.value(content)
        return EncodedArtifact(writer.bytes, ".json")
    }
}

/// YAML as PyYAML's `safe_dump(value, sort_keys=False)` writes it. Tags of Python classes are read as if they were not
/// there.
struct YAMLDatasetFormatter: DatasetFormatter {
    func read(_ artifact: Artifact) throws -> DatasetValue {
        do {
            return .structured(try StructuredValue(yaml: try artifact.bytes(), tagHandler: { _, value, _ in value }))
        } catch let error as YAMLError {
            throw artifact.failure("\(error)")
        }
    }

    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        EncodedArtifact(Array(YAMLWriter.text(try target.structured(value)).utf8), ".yaml")
    }
}

/// Versions of software by package name: a mapping, in a YAML file with a tag of its own, or in JSON.
struct PackagesFormatter: DatasetFormatter {
    private static let tag = "lsst.utils.packages.Packages"

    func read(_ artifact: Artifact) throws -> DatasetValue {
        switch artifact.pathExtension {
        case ".yaml": return try YAMLDatasetFormatter().read(artifact)
        case ".json": return try JSONDatasetFormatter().read(artifact)
        default: return try OpaqueFormatter().read(artifact)
        }
    }

    /// The extension that the configured format has.
    static func pathExtension(_ formatter: FormatterConfiguration) -> String? {
        switch formatter.parameters["format"]?.stringValue ?? "yaml" {
        case "yaml": ".yaml"
        case "json": ".json"
        case "pickle", "pkl": ".pickle"
        default: nil
        }
    }

    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        guard case .object(let packages)? = value.structured,
            packages.pairs.allSatisfy({ $0.value.stringValue != nil })
        else { throw target.failure("the value must be a mapping from package names to versions") }
        switch target.formatter.parameters["format"]?.stringValue ?? "yaml" {
        case "yaml":
            // As PyYAML's dump() does, by name; Python orders text by code points, which is the order of UTF-8 bytes.
            let sorted = StructuredMapping(
                packages.pairs.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ($0.key, $0.value) })
            var node = YAMLNode(.object(sorted))
            node.tag = Self.tag
            return EncodedArtifact(Array(YAMLWriter.text(node).utf8), ".yaml")
        case "json":
            var writer = JSONWriter(options: .init(style: .spaced, nan: .python, escapesNonASCII: true))
            writer.value(packages)
            return EncodedArtifact(writer.bytes, ".json")
        case let format:
            throw target.failure("format '\(format)' cannot be written; configure the format yaml or json")
        }
    }
}

extension WriteTarget {
    /// The structured form of a value, which must be what the Python type of the storage class holds.
    func structured(_ value: DatasetValue) throws -> StructuredValue {
        guard let content = value.structured else {
            throw failure("the value is \(value.kindName); this format holds structured data")
        }
        if let wanted = storageClass.mismatch(content) {
            throw failure("storage class '\(storageClass.name)' needs \(wanted), not \(content.kindName)")
        }
        return content
    }
}

extension StorageClassDefinition {
    /// What structured data of this class must be, where the given one is something else; `nil` where it fits.
    func mismatch(_ content: StructuredValue) -> String? {
        let fits: Bool
        let wanted: String
        switch pytype {
        case "int": (fits, wanted) = (content.intValue != nil, "an integer")
        case "float": (fits, wanted) = (content.numberValue != nil, "a number")
        case "str": (fits, wanted) = (content.stringValue != nil, "a string")
        case "bool": (fits, wanted) = (content.boolValue != nil, "a boolean")
        case "list": (fits, wanted) = (content.arrayValue != nil, "a list")
        case "dict": (fits, wanted) = (content.objectValue != nil, "a mapping")
        case "lsst.daf.butler.Timespan":
            let bounds = content.arrayValue?.compactMap(\.intValue) ?? []
            (fits, wanted) = (bounds.count == 2 && content.arrayValue?.count == 2, "a pair of TAI nanosecond counts")
        // In a file, a composite is a mapping with its components.
        default:
            (fits, wanted) = isComposite ? (content.objectValue != nil, "a mapping") : (!content.isNull, "a value")
        }
        return fits ? nil : wanted
    }
}
