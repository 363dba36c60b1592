import ByteText
import ObjectStorage

/// A zip file on this machine, to look into.
public struct LocalZipFile: Sendable {
    public struct Member: Sendable, Hashable {
        public let name: String
        /// Bytes, once unpacked.
        public let size: UInt64
    }

    /// By name. Folders are not among them.
    public let members: [Member]
    private let archive: ZipArchive

    /// Reads the index of the file; cost O(members).
    ///
    /// - Parameter name: what messages call the file.
    /// - Returns: `nil` when there is no such file.
    /// - Throws: ``DatastoreError/malformedZip(path:reason:)``, `ObjectStorageError`.
    public init?(path: String, name: String) async throws {
        let store = try POSIXObjectStore(root: try ResourceURI(localPath: "/"))
        guard let source = try await ByteSource(store, try ObjectPath(path.withoutFirstSlashes), name: name) else {
            return nil
        }
        archive = try await ZipArchive(source)
        members = archive.members.filter { !$0.key.text.endsWithSlash }
            .sorted { $0.key < $1.key }.map { Member(name: $0.key.text, size: $0.value.size) }
    }

    /// The bytes of a member. Memory: its packed and unpacked size.
    ///
    /// - Throws: ``DatastoreError/malformedZip(path:reason:)`` for an unknown or damaged member.
    public func read(_ member: Member) async throws -> [UInt8] { try await archive.read(member.name) }
}
