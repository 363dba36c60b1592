import ByteText
import ObjectStorage

/// Looks whether members of zip archives can be read.
///
/// Memory: the indexes of some archives that were looked into last.
public struct CheckedArchives {
    private enum Opened {
        case archive(ZipArchive)
        case damaged(String)
    }

    private var opened: [ExactName: Opened] = [:]
    /// Services that have not answered, with what they failed with.
    private var silences: [ExactName: String] = [:]
    private static let limit = 64

    public init() {}

    /// - Parameters:
    ///   - recordedSize: bytes of the member once unpacked; negative if not known.
    ///   - store: where the archive is.
    ///   - unpacks: whether the member is read whole and compared with its checksum.
    mutating func fault(
        ofMember member: String, recordedSize: Int64, in store: any ObjectStore, _ archive: ObjectPath,
        _ unpacks: Bool
    ) async throws -> FileDatastore.FileFault? {
        let zip: ZipArchive
        switch try await open(store, archive) {
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

    private mutating func open(_ store: any ObjectStore, _ path: ObjectPath) async throws -> Opened {
        let name = store.localPath(path) ?? store.root.description + path.description
        if let known = opened[name] { return known }
        if opened.count >= Self.limit { opened.removeAll() }
        let result: Opened
        do {
            guard let source = try await ByteSource(store, path, name: name) else {
                return .damaged("it is not there any more")
            }
            result = .archive(try await ZipArchive(source))
        } catch DatastoreError.malformedZip(_, let reason) { result = .damaged(reason) }
        opened[name] = result
        return result
    }

    /// Why a service was silent before; it is not asked again for each file.
    func silence(of store: any ObjectStore) -> String? {
        silences.isEmpty ? nil : silences[Self.service(store)]
    }

    mutating func remember(silence: String, of store: any ObjectStore) { silences[Self.service(store)] = silence }

    private static func service(_ store: any ObjectStore) -> String { "\(store.root.scheme)://\(store.root.authority)" }
}
