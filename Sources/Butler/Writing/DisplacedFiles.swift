import ByteText
import Datastore
import Registry

/// Files without record, among which those are looked for that records lack: somebody may have moved or renamed them.
struct DisplacedFiles {
    private struct Place: Hashable {
        let name: String
        let size: Int64
    }

    private var byName: [String: UnrecordedFiles.File] = [:]
    private var byNameAndSize: [Place: UnrecordedFiles.File] = [:]
    private var byFolderAndSize: [Place: UnrecordedFiles.File] = [:]
    private var bySize: [Int64: [UnrecordedFiles.File]] = [:]
    /// Of files of a size, by checksum; read when first needed.
    private var byChecksum: [Int64: [String: UnrecordedFiles.File]] = [:]
    private let unrecorded: UnrecordedFiles

    init(_ unrecorded: UnrecordedFiles) { self.unrecorded = unrecorded }

    mutating func insert(_ file: UnrecordedFiles.File) {
        // Texts are compared as people read them: a copy through another system may have changed the bytes.
        byName[file.path.nameInPath] = file
        byNameAndSize[Place(name: file.path.nameInPath, size: file.size)] = file
        byFolderAndSize[Place(name: file.path.folderInPath ?? "", size: file.size)] = file
        bySize[file.size, default: []].append(file)
    }

    /// Which file could be that of a record, said as a reason to keep the record; `nil` if there is none.
    ///
    /// It has the recorded size, and name or checksum; without a recorded checksum, it is enough to be in the same folder.
    mutating func likeness(of info: StoredFileInfo, _ datastore: FileDatastore) async throws -> String? {
        func reason(_ file: UnrecordedFiles.File, _ likeness: String) -> String {
            "'\(file.path)' could be it, by its \(likeness); give it back its name, or unstore the dataset with "
                + "prune-datasets"
        }
        guard let path = info.pathBelowRoot else { return nil }
        let size = info.fileSize
        guard size >= 0, try info.archiveMember == nil else {
            return byName[path.nameInPath].map { reason($0, "name") }
        }
        if let file = byNameAndSize[Place(name: path.nameInPath, size: size)] { return reason(file, "name and size") }
        guard let checksum = info.checksum, !checksum.isEmpty else {
            let place = Place(name: path.folderInPath ?? "", size: size)
            return byFolderAndSize[place].map { reason($0, "folder and size") }
        }
        if byChecksum[size] == nil {
            var found: [String: UnrecordedFiles.File] = [:]
            for file in bySize[size] ?? [] { found[try await unrecorded.checksum(of: file)] = file }
            byChecksum[size] = found
        }
        return byChecksum[size]?[checksum].map { reason($0, "size and checksum") }
    }
}

extension RepositoryCheck {
    func displacedFiles(_ unrecorded: UnrecordedFiles) async throws -> DisplacedFiles {
        var displaced = DisplacedFiles(unrecorded)
        try await unrecorded.visit { candidates in
            for file in try await registry.read({ try unrecorded.unrecorded(candidates, $0.connection) }) {
                displaced.insert(file)
            }
        }
        return displaced
    }
}
