import ButlerModel
import ObjectStorage
import RepositoryConfiguration

/// Datasets in members of zip archives that stay where they are, as an export that names its files directly gives them.
extension FileDatastore {
    /// - Returns: `nil` when the location names no member. Sizes are not recorded: the archive is not looked into.
    /// - Throws: `ObjectStorageError.notFound` when the archive is not there.
    func stageMember(_ file: IncomingFile) throws -> StagedFile? {
        guard let member = file.location.zipMember, let first = file.refs.first
        else { return nil }
        let archive = file.location.withoutFragment
        if let local = archive.localPath { _ = try LocalFile.size(local) } else { _ = try remoteStatus(archive) }
        let path = archive.description + "#zip-path=" + member
        let formatter = try file.formatter ?? formatter(for: first).className
        let rows = try file.refs.map { ref in
            let definition = try storageClasses.definition(
                named: ref.datasetType.storageClass, usedBy: "dataset type '\(ref.datasetType.name)'")
            return StagedFile.Row(
                id: ref.id, info: StoredFileInfo(formatter: formatter, path: path, storageClass: definition.name))
        }
        return StagedFile(datastore: self, rows: rows, placement: nil)
    }
}

extension Datastore {
    /// Stages an archive, with the records of its members, for all parts of the datastore that accept all of its datasets.
    ///
    /// Whoever calls this must end it as ``StagedArtifacts`` says.
    /// - Parameter transfer: with `inPlace` only for those below whose root the archive is.
    /// - Throws: ``DatastoreError/rejected(dataset:datastore:)`` when there is no such part.
    public func stage(
        archive: ResourceURI, _ rows: [(ref: DatasetRef, info: StoredFileInfo)], transfer: ArtifactTransfer
    ) async throws -> StagedArtifacts {
        var parts: [StagedArtifacts] = []
        do {
            for receiver in try receivers(ofArchive: archive, rows, transfer: transfer) {
                parts.append(try await receiver.stage(recorded: [(archive, rows)], transfer: transfer, jobs: 1))
            }
        } catch {
            // The first error matters; a file that cannot be removed stays hidden.
            for part in parts { try? await part.discard() }
            throw error
        }
        return StagedArtifacts(joining: parts)
    }

    /// The parts of the datastore that take an archive: those that accept all of its datasets.
    ///
    /// - Throws: ``DatastoreError/rejected(dataset:datastore:)`` when there is none.
    public func receivers(
        ofArchive archive: ResourceURI, _ rows: [(ref: DatasetRef, info: StoredFileInfo)], transfer: ArtifactTransfer
    ) throws -> [FileDatastore] {
        guard let first = rows.first else { return [] }
        var receivers = try accepting(LookupSubject(first.ref)).filter {
            try transfer != .inPlace || $0.contains(archive)
        }
        for row in rows {
            let accepting = accepting(LookupSubject(row.ref))
            receivers.removeAll { receiver in !accepting.contains { $0 === receiver } }
            guard !receivers.isEmpty else {
                throw DatastoreError.rejected(dataset: row.ref.description, datastore: name)
            }
        }
        return receivers
    }
}
