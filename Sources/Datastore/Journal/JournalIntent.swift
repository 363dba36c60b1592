import ButlerModel
import ByteText
import ObjectStorage
import StructuredData

/// What an operation is about to do to the files of one datastore, written down before it does.
///
/// As text: one JSON object a line, the first of which says what kind of intent it is.
struct JournalIntent: Sendable, Equatable {
    /// A file that gets its name in the transaction that records it.
    struct NewFile: Sendable, Equatable {
        /// Relative to the root of the datastore.
        var path: String
        var identity: FileIdentity
        /// What goes away once the file is recorded.
        var source: MovedSource?
    }

    /// An object at a root on another machine, which gets its name before the transaction that records it.
    struct NewObject: Sendable, Equatable {
        /// Relative to the root of the datastore.
        var path: String
        var digest: ContentDigest
        /// What goes away once the object is recorded.
        var source: MovedSource?
    }

    /// The file that a dataset was made from, by its absolute path, or by its URI on another machine; such a one has no
    /// inode.
    struct MovedSource: Sendable, Equatable {
        var path: String
        var identity: FileIdentity
    }

    enum Content: Sendable, Equatable {
        case write([NewFile])
        case upload([NewObject])
        /// Files of datasets that a transaction puts in the trash, or lets the registry forget, are deleted after it.
        case delete([DatasetID])
        /// Files of datasets that a transaction puts in the trash are to wait there: a piece of ``KeptTrash``, by its name,
        /// which says nothing if the transaction does not come.
        case keep(String)
    }

    var content: Content
    /// Of a deletion: whether the registry is to forget the datasets. One that it knows again then came back. Of files and
    /// objects: whether they are old ones, whose records are to go.
    var forgets: Bool
    /// Folders, relative to the root, that were missing when it was written, and that the files need.
    var folders: [String]

    init(_ content: Content, forgets: Bool = false, folders: [String] = []) {
        self.content = content
        self.forgets = forgets
        self.folders = folders
    }

    /// The same without what would go once its files or objects are recorded.
    var withoutSources: JournalIntent {
        switch content {
        case .write(let files):
            JournalIntent(.write(files.map { NewFile(path: $0.path, identity: $0.identity) }), forgets: forgets)
        case .upload(let objects):
            JournalIntent(.upload(objects.map { NewObject(path: $0.path, digest: $0.digest) }), forgets: forgets)
        case .delete, .keep: self
        }
    }

    /// The files or datasets that it names.
    var count: Int {
        switch content {
        case .write(let files): files.count
        case .upload(let objects): objects.count
        case .delete(let ids): ids.count
        case .keep: 1
        }
    }

    // MARK: Text

    private static let version: Int64 = 1

    var text: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("version")
        writer.value(Self.version)
        writer.key("kind")
        writer.value(kind)
        // One that lacks its end is known by it.
        writer.key("count")
        writer.value(Int64(count))
        writeForgets(&writer)
        writeFolders(&writer)
        writer.endObject()
        writer.endLine()
        switch content {
        case .write(let files):
            for file in files {
                writer.beginObject()
                writer.key("path")
                writer.value(file.path)
                Self.write(file.identity, "", &writer)
                Self.write(file.source, &writer)
                writer.endObject()
                writer.endLine()
            }
        case .upload(let objects):
            for object in objects {
                writer.beginObject()
                writer.key("path")
                writer.value(object.path)
                writer.key("size")
                writer.value(object.digest.size)
                writer.key("md5")
                writer.value(object.digest.md5)
                Self.write(object.source, &writer)
                writer.endObject()
                writer.endLine()
            }
        case .delete(let ids):
            for id in ids {
                writer.beginObject()
                writer.key("dataset")
                writer.value(id.description)
                writer.endObject()
                writer.endLine()
            }
        case .keep(let piece):
            writer.beginObject()
            writer.key("piece")
            writer.value(piece)
            writer.endObject()
            writer.endLine()
        }
        return writer.bytes
    }

    private func writeForgets(_ writer: inout JSONWriter) {
        guard forgets else { return }
        writer.key("forgets")
        writer.value(true)
    }

    private func writeFolders(_ writer: inout JSONWriter) {
        guard !folders.isEmpty else { return }
        writer.key("folders")
        writer.value(.array(folders.map { .string($0) }))
    }

    private var kind: String {
        switch content {
        case .write: "write"
        case .upload: "upload"
        case .delete: "delete"
        case .keep: "keep"
        }
    }

    private static func write(_ source: MovedSource?, _ writer: inout JSONWriter) {
        guard let source else { return }
        writer.key("source")
        writer.value(source.path)
        write(source.identity, "source_", &writer)
    }

    private static func write(_ identity: FileIdentity, _ prefix: String, _ writer: inout JSONWriter) {
        writer.key(prefix + "inode")
        writer.value(Int64(bitPattern: identity.inode))
        writer.key(prefix + "size")
        writer.value(identity.size)
        writer.key(prefix + "modified")
        writer.value(identity.modified)
    }

    /// - Throws: ``DatastoreError/malformedJournal(path:reason:)``.
    init(text: [UInt8], path: String) throws {
        func malformed(_ reason: String) -> DatastoreError { .malformedJournal(path: path, reason: reason) }
        func identity(_ line: StructuredValue, _ prefix: String) throws -> FileIdentity {
            guard let inode = line[prefix + "inode"]?.intValue, let size = line[prefix + "size"]?.intValue,
                let modified = line[prefix + "modified"]?.intValue
            else { throw malformed("a line does not tell a file from others") }
            return FileIdentity(inode: UInt64(bitPattern: inode), size: size, modified: modified)
        }
        var kind = ""
        var forgets = false
        var needed: [String] = []
        func source(_ line: StructuredValue) throws -> MovedSource? {
            try line["source"]?.stringValue.map { MovedSource(path: $0, identity: try identity(line, "source_")) }
        }
        var files: [NewFile] = []
        var objects: [NewObject] = []
        var ids: [DatasetID] = []
        var kept: String?
        var count: Int64?
        for piece in text.split(separator: UInt8(ascii: "\n")) {
            let line: StructuredValue
            do {
                line = try StructuredValue(json: String(decoding: piece, as: UTF8.self))
            } catch { throw malformed("\(error)") }
            switch kind {
            case "write":
                guard let name = line["path"]?.stringValue else { throw malformed("a line names no file") }
                files.append(NewFile(path: name, identity: try identity(line, ""), source: try source(line)))
            case "upload":
                guard let name = line["path"]?.stringValue, let size = line["size"]?.intValue,
                    let md5 = line["md5"]?.stringValue
                else { throw malformed("a line does not tell an object from others") }
                objects.append(
                    NewObject(path: name, digest: ContentDigest(size: size, md5: md5), source: try source(line)))
            case "delete":
                guard let id = line["dataset"]?.stringValue.flatMap({ DatasetID($0) }) else {
                    throw malformed("a line names no dataset")
                }
                ids.append(id)
            case "keep":
                guard let name = line["piece"]?.stringValue, !name.hasByte(UInt8(ascii: "/")) else {
                    throw malformed("a line names no piece of the trash")
                }
                kept = name
            default:
                guard line["version"]?.intValue == Self.version, let named = line["kind"]?.stringValue,
                    ["write", "upload", "delete", "keep"].contains(named)
                else { throw malformed("its kind or version is unknown") }
                kind = named
                // Earlier versions did not say.
                count = line["count"]?.intValue
                forgets = line["forgets"]?.boolValue ?? false
                needed = try (line["folders"]?.arrayValue ?? []).map { folder in
                    guard let name = folder.stringValue, (try? ObjectPath(name)) != nil else {
                        throw malformed("it names a folder that can be none")
                    }
                    return name
                }
            }
        }
        guard !kind.isEmpty else { throw malformed("it is empty") }
        switch kind {
        case "write": content = .write(files)
        case "upload": content = .upload(objects)
        case "keep":
            guard let kept else { throw malformed("it names no piece of the trash") }
            content = .keep(kept)
        default: content = .delete(ids)
        }
        self.forgets = forgets
        folders = needed
        guard count == nil || count == Int64(self.count) else { throw malformed("its end is missing") }
    }
}
