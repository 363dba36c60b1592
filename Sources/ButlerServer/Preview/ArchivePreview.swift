import Datastore
import ObjectStorage
import Serving
import StructuredData

/// A look into a zip file: its members, or one of them.
struct ArchivePreview: Sendable {
    let path: String
    /// The name of the file, without folders.
    let name: String
    /// The one member that may be shown; `nil` for all.
    let only: String?

    /// Larger members are not unpacked.
    private static let largestMember: UInt64 = 128 << 20
    private static let mostMembers = 2000

    /// - Parameters:
    ///   - member: the member to show; `nil` for the list of all, unless there is but one.
    ///   - show: makes the preview of the bytes of a member with a name. Runs on a thread that may block.
    /// - Throws: ``HTTPFailure`` 404 for an unknown member.
    func document(
        _ member: String?, _ show: @escaping @Sendable ([UInt8], String) throws -> StructuredMapping
    ) async throws -> StructuredMapping {
        let zip: LocalZipFile
        do {
            guard let found = try await LocalZipFile(path: path, name: name) else {
                throw HTTPFailure(.notFound, "The file does not exist.")
            }
            zip = found
        } catch let error as DatastoreError {
            return ButlerRoutes.nothing("The file cannot be shown: \(error).")
        }
        let members = zip.members.filter { only == nil || $0.name == only }
        var answer = StructuredMapping()
        if let wanted = member ?? only ?? (members.count == 1 ? members[0].name : nil) {
            guard let chosen = members.first(where: { $0.name == wanted }) else {
                throw HTTPFailure(.notFound, "The zip file '\(name)' has no member '\(wanted)' to show.")
            }
            answer = try await preview(chosen, of: zip, show)
            answer["member"] = .string(chosen.name)
        } else {
            answer = ["kind": "archive", "format": "ZIP", "member_count": .int(Int64(members.count))]
        }
        if only == nil {
            answer["members"] = .array(
                members.prefix(Self.mostMembers).map {
                    .object(["name": .string($0.name), "size": .int(Int64(clamping: $0.size))])
                })
        }
        return answer
    }

    private func preview(
        _ member: LocalZipFile.Member, of zip: LocalZipFile,
        _ show: @escaping @Sendable ([UInt8], String) throws -> StructuredMapping
    ) async throws -> StructuredMapping {
        guard member.size <= Self.largestMember else {
            return ButlerRoutes.nothing("The member is too large to be shown: it has \(member.size) bytes.")
        }
        do {
            let bytes = try await zip.read(member)
            return try await POSIXObjectStore.sharedPool.run { try show(bytes, member.name) }
        } catch let error as DatastoreError {
            return ButlerRoutes.nothing("The member cannot be shown: \(error).")
        }
    }
}
