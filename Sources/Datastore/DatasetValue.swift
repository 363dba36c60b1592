import ByteText
import FITS
import ObjectStorage
import StructuredData
import Tables

/// A dataset in memory, as far as this software understands its file.
public enum DatasetValue: Sendable {
    /// What JSON, YAML, log and package-version files hold.
    case structured(StructuredValue)
    /// A text file.
    case text(String)
    /// What ECSV and Parquet files hold.
    case table(Table)
    /// A FITS file as it is.
    case fits(FITSFile)
    /// An image to be written under the write recipe of its datastore. Reading gives ``fits(_:)``.
    case image(any ImageContent)
    /// A composite by the names of its components.
    case composite([String: DatasetValue])
    /// A file of a format that only its own software understands.
    case opaque(OpaqueDataset)

    var kindName: String {
        switch self {
        case .structured(let value): value.kindName
        case .text: "text"
        case .table: "a table"
        case .fits: "a FITS file"
        case .image(let content): type(of: content).kindName
        case .composite: "a composite"
        case .opaque: "a file"
        }
    }

    /// This value as structured data; a composite of structured components is a mapping.
    var structured: StructuredValue? {
        switch self {
        case .structured(let value): return value
        case .composite(let components):
            var mapping = StructuredMapping()
            for (name, component) in components.sorted(by: { $0.key < $1.key }) {
                guard let value = component.structured else { return nil }
                mapping[name] = value
            }
            return .object(mapping)
        case .text, .table, .fits, .image, .opaque: return nil
        }
    }
}

/// The bytes of a file whose format is not looked at.
public struct OpaqueDataset: Sendable {
    enum Content: Sendable {
        case memory([UInt8])
        case file(String)
    }

    let content: Content
    /// The extension with its dot; empty if there is none.
    public let pathExtension: String

    public init(bytes: [UInt8], pathExtension: String) {
        content = .memory(bytes)
        self.pathExtension = pathExtension
    }

    /// A file of this machine (absolute path), which is not read before it is needed.
    public init(localPath: String) throws(ObjectStorageError) {
        content = .file(localPath)
        pathExtension = try ResourceURI(localPath: localPath).pathExtension
    }

    /// Where the file is on this machine; `nil` for a member of an archive and for bytes in memory.
    public var localPath: String? { if case .file(let path) = content { path } else { nil } }

    /// The whole content. Memory: its size.
    public func bytes() async throws -> [UInt8] {
        switch content {
        case .memory(let bytes): return bytes
        case .file(let path):
            let store = try POSIXObjectStore(root: try ResourceURI(localPath: "/"))
            return try await store.read(try ObjectPath(path.withoutFirstSlashes))
        }
    }
}
