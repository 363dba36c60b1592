import ObjectStorage

/// Looks whether members of zip archives can be read.
///
/// Memory: the indexes of some archives that were looked into last.
public struct CheckedArchives {
    private enum Opened {
        case archive(ZipArchive)
        case damaged(String)
    }

    private var opened: [String: Opened] = [:]
    private static let limit = 64

    public init() {}

    /// - Parameters:
    ///   - recordedSize: bytes of the member once unpacked; negative if not known.
    ///   - archive: path of the archive on this machine.
    ///   - unpacks: whether the member is read whole and compared with its checksum.
    mutating func fault(
        ofMember member: String, recordedSize: Int64, archive: String, _ unpacks: Bool
    ) async throws -> FileDatastore.FileFault? {
        let zip: ZipArchive
        switch try await open(archive) {
        case .damaged(let reason): return .archive(reason: reason)
        case .archive(let found): zip = found
        }
        do {
            let entry = try zip.member(member)
            guard recordedSize < 0 || UInt64(recordedSize) == entry.size else {
                return .size(found: Int64(clamping: entry.size))
            }
            if unpacks {
                _ = try await zip.read(member)
            } else {
                // The header, and the last byte: the archive reaches so far.
                let end = entry.compressedSize
                _ = try await zip.packed(entry, (end > 0 ? end - 1 : 0)..<end)
            }
            return nil
        } catch DatastoreError.malformedZip(_, let reason) { return .archive(reason: reason) }
    }

    private mutating func open(_ path: String) async throws -> Opened {
        if let known = opened[path] { return known }
        if opened.count >= Self.limit { opened.removeAll() }
        let result: Opened
        do {
            let store = try POSIXObjectStore(root: try ResourceURI(localPath: "/"))
            guard let source = try await ByteSource(store, try ObjectPath(String(path.drop { $0 == "/" })), name: path)
            else { return .damaged("it is not there any more") }
            result = .archive(try await ZipArchive(source))
        } catch DatastoreError.malformedZip(_, let reason) { result = .damaged(reason) }
        opened[path] = result
        return result
    }
}
