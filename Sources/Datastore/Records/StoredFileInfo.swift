import ButlerModel
import ByteText
import ObjectStorage
import StructuredData

/// What a datastore records about one file of a dataset. Source: repository format reference, section 6.2.
public struct StoredFileInfo: Sendable, Hashable {
    /// Python class name of the formatter that wrote the file.
    public var formatter: String
    /// Relative to the root of the datastore, unquoted; or an absolute URI; a member of a zip archive is
    /// `<archive>#zip-path=<member>`.
    public var path: String
    /// Name of the storage class at the time of writing; for the file of a component, the component's.
    public var storageClass: String
    /// The component that the file holds; `nil` for a dataset in one file.
    public var component: String?
    /// BLAKE2b-512 of the file in lower-case hexadecimal digits, if it was computed.
    public var checksum: String?
    /// Bytes; −1 if it was not recorded.
    public var fileSize: Int64

    public init(
        formatter: String, path: String, storageClass: String, component: String? = nil, checksum: String? = nil,
        fileSize: Int64 = -1
    ) {
        self.formatter = formatter
        self.path = path
        self.storageClass = storageClass
        self.component = component
        self.checksum = checksum
        self.fileSize = fileSize
    }

    /// Whether the file is recorded by its absolute location, and so belongs to no datastore.
    /// - Throws: `ObjectStorageError` for a path that is no usable one.
    public var isOutside: Bool {
        get throws {
            if case .outside = try ArtifactLocation(recorded: path) { true } else { false }
        }
    }

    /// Where the file is below the root, without the member of an archive; `nil` for one that is elsewhere, and where the
    /// record does not say.
    public var pathBelowRoot: String? { ArtifactLocation.belowRoot(path)?.path.description }

    /// Why the recorded path leads nowhere: it is none, or leads out of the root. `nil` for one that can be followed.
    public var reasonUnusable: String? {
        do throws(ObjectStorageError) {
            guard case .outside(let uri, _) = try ArtifactLocation(recorded: path), let local = uri.localPath else {
                return nil
            }
            _ = try ObjectPath(local.withoutFirstSlashes)
            return nil
        } catch { return "\(error)" }
    }

    /// The member of an archive that the file is.
    /// - Throws: `ObjectStorageError` for a path that is no usable one.
    public var archiveMember: String? { get throws { try ArtifactLocation(recorded: path).member } }

    /// Whether a text can be the name of a formatter: a qualified Python name.
    public static func isClassName(_ text: String) -> Bool {
        let words = text.split(separator: ".", omittingEmptySubsequences: false)
        return words.count > 1 && words.allSatisfy { word in
            guard let first = word.utf8.first, !(0x30...0x39).contains(first) else { return false }
            return word.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x80...: true
                default: false
                }
            }
        }
    }

    /// What the `component` column holds for a dataset in one file.
    static let noComponent = "__NULL_STRING__"

    /// The component that a stored text stands for.
    static func component(stored text: String) -> String? { text.isEmpty || text == noComponent ? nil : text }
}

// MARK: - Wire form

extension StoredFileInfo {
    /// The form in which servers hand records out. An absolute URI loses scheme, host and leading slash, since the
    /// client gets another address; a fragment stays. Source: remote Butler protocol reference, section 4.9.
    public var wire: StructuredValue {
        var relative = path
        if path.hasByte(UInt8(ascii: ":")), let uri = try? ResourceURI(path), uri.isAbsolute {
            relative = uri.path.withoutFirstSlashes + (uri.fragment.isEmpty ? "" : "#" + uri.fragment)
        }
        return .object([
            "formatter": .string(formatter),
            "path": .string(relative),
            "storage_class": .string(storageClass),
            "component": component.map { .string($0) } ?? .null,
            "checksum": checksum.map { .string($0) } ?? .null,
            "file_size": .int(fileSize),
        ])
    }

    /// - Throws: `ButlerError` of kind `malformedModel` that names the member.
    public init(wire reader: DocumentReader) throws(ButlerError) {
        self.init(
            formatter: try reader.required("formatter").string(),
            path: try reader.required("path").string(),
            storageClass: try reader.required("storage_class").string(),
            component: (try reader.optional("component")?.string()).flatMap { Self.component(stored: $0) },
            checksum: try reader.optional("checksum")?.string(),
            fileSize: try reader.required("file_size").int64())
    }
}
