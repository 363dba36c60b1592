import ObjectStorage
import StructuredData

extension ServedFile {
    /// `SerializedStoredFileInfo`: see the remote Butler protocol reference, section 4.9.
    var wire: StructuredValue {
        .object([
            "formatter": .string(formatter),
            "path": .string(wirePath),
            "storage_class": .string(storageClass),
            "component": .text(component),
            "checksum": .text(checksum),
            "file_size": .int(size),
        ])
    }

    /// Relative in any case: an absolute URI loses scheme, host and leading slash, and keeps its fragment.
    private var wirePath: String {
        guard let uri = try? ResourceURI(path), uri.isAbsolute else { return path }
        let relative = uri.path.drop { $0 == "/" }
        return uri.fragment.isEmpty ? String(relative) : "\(relative)#\(uri.fragment)"
    }
}
