import ButlerModel
import ObjectStorage
import RepositoryConfiguration

/// Turns files into values and back, in the way of one family of Python formatter classes.
///
/// Reading and encoding may block and use the processor: callers run them on ``FormatterCatalog/pool``.
protocol DatasetFormatter: Sendable {
    /// - Throws: ``DatastoreError/unreadable(path:formatter:reason:)``.
    func read(_ artifact: Artifact) throws -> DatasetValue

    /// - Throws: ``DatastoreError/unwritable(dataset:formatter:reason:)`` when the value has no form in this format.
    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact
}

/// A file that has been found, ready to be read.
struct Artifact: Sendable {
    enum Content: Sendable {
        case file(String)
        case memory([UInt8])
    }

    let content: Content
    /// What messages call it.
    let name: String
    let pathExtension: String
    /// Python class that wrote it.
    let formatter: String

    func failure(_ reason: String) -> DatastoreError { .unreadable(path: name, formatter: formatter, reason: reason) }

    /// The whole content. Blocks.
    func bytes() throws -> [UInt8] {
        switch content {
        case .memory(let bytes): return bytes
        case .file(let path): return try LocalFile.read(path)
        }
    }

    func text() throws -> String {
        guard let text = String(validating: try bytes(), as: UTF8.self) else { throw failure("it is not UTF-8 text") }
        return text
    }
}

/// What is known about the file to be written.
struct WriteTarget: Sendable {
    let ref: DatasetRef
    let storageClass: StorageClassDefinition
    let formatter: FormatterConfiguration
    var provenance: DatasetProvenance?

    /// What messages call the dataset.
    var dataset: String { ref.description }

    func failure(_ reason: String) -> DatastoreError {
        .unwritable(dataset: dataset, formatter: formatter.className, reason: reason)
    }
}

struct EncodedArtifact: Sendable {
    enum Content: Sendable {
        case memory([UInt8])
        /// A file to be copied.
        case file(String)
    }

    let content: Content
    /// With its dot; empty for none.
    let pathExtension: String

    init(_ bytes: [UInt8], _ pathExtension: String) {
        content = .memory(bytes)
        self.pathExtension = pathExtension
    }

    /// A file as it is.
    init(_ file: OpaqueDataset, fallback: String) {
        pathExtension = file.pathExtension.isEmpty ? fallback : file.pathExtension
        switch file.content {
        case .memory(let bytes): content = .memory(bytes)
        case .file(let path): content = .file(path)
        }
    }
}

/// Which formatter stands for which Python class.
enum FormatterCatalog {
    /// Threads for decoding and encoding.
    static let pool = BlockingPool(label: "datastore.formatters", width: 4)

    private static let prefix = "lsst.daf.butler.formatters."
    private static let astropyTable = prefix + "astropyTable.AstropyTableFormatter"
    private static let matplotlib = prefix + "matplotlib.MatplotlibFormatter"
    private static let taskConfiguration = "lsst.pipe.base.formatters.pexConfig.PexConfigFormatter"

    /// The formatter for a Python class name. Classes that are not known read FITS files as such, by their extension,
    /// and hand everything else out as it is.
    static func formatter(forClass name: String, pathExtension: String) -> any DatasetFormatter {
        switch name {
        case prefix + "json.JsonFormatter": return JSONDatasetFormatter()
        case prefix + "yaml.YamlFormatter": return YAMLDatasetFormatter()
        case prefix + "packages.PackagesFormatter", "lsst.obs.base.formatters.packages.PackagesFormatter":
            return PackagesFormatter()
        case prefix + "logs.ButlerLogRecordsFormatter": return LogRecordsFormatter()
        case astropyTable: return AstropyTableFormatter()
        case prefix + "parquet.ParquetFormatter": return ParquetTableFormatter()
        case Self.matplotlib: return FinishedFileFormatter(pathExtension: ".png")
        case Self.taskConfiguration: return TextFormatter(pathExtension: ".py")
        default:
            return FITSFormatter.extensions.contains(pathExtension) ? FITSFormatter() : OpaqueFormatter()
        }
    }

    /// The formatter that writes a value for a configured Python class.
    static func formatter(forClass name: String, writing value: DatasetValue) -> any DatasetFormatter {
        if case .opaque = value {
            return name == matplotlib ? formatter(forClass: name, pathExtension: "") : OpaqueFormatter()
        }
        // Of the classes in the Butler package itself, only the one for tables reads FITS.
        switch value {
        case .fits where !name.hasPrefix(prefix) || name == astropyTable: return FITSFormatter()
        case .image where !name.hasPrefix(prefix): return FITSFormatter()
        default: break
        }
        return formatter(forClass: name, pathExtension: "")
    }

    /// The extension of the files that a configured formatter writes, with its dot; `nil` for a class that is not known.
    static func writtenExtension(_ formatter: FormatterConfiguration) -> String? {
        switch formatter.className {
        case prefix + "json.JsonFormatter", prefix + "logs.ButlerLogRecordsFormatter": ".json"
        case prefix + "yaml.YamlFormatter": ".yaml"
        case prefix + "pickle.PickleFormatter": ".pickle"
        case prefix + "parquet.ParquetFormatter": ".parq"
        case astropyTable: ".ecsv"
        case matplotlib: ".png"
        case taskConfiguration: ".py"
        case prefix + "packages.PackagesFormatter", "lsst.obs.base.formatters.packages.PackagesFormatter":
            PackagesFormatter.pathExtension(formatter)
        case "lsst.images.formatters.GenericFormatter":
            formatter.parameters["format"]?.stringValue == "json" ? ".json" : ".fits"
        case let name where name.hasPrefix("lsst.obs.base.formatters.fits"): ".fits"
        default: nil
        }
    }
}
