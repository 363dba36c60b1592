import ButlerModel
import ByteText
import Database
import ObjectStorage
import RepositoryConfiguration

/// Files of other machines that come into a datastore.
extension FileDatastore {
    /// A file of another machine, as far as it was brought here.
    struct Arrival {
        /// What messages call it.
        let name: String
        let size: Int64
        /// Its copy among the staged files.
        var staged: ObjectPath?
        /// What is to go when it is moved.
        let source: JournalIntent.MovedSource
    }

    /// The transfer that `auto` means for a file, given the one for files and roots of this machine.
    func possible(_ transfer: ArtifactTransfer, _ location: ResourceURI) -> ArtifactTransfer {
        transfer == .link && (!isLocal || (location.isAbsolute && location.localPath == nil)) ? .copy : transfer
    }

    /// The absolute location of a file that is to be, as messages and comparisons have it.
    func nameOfTarget(_ path: ObjectPath) throws -> String { isLocal ? try localPath(path) : nameOfObject(path) }

    /// Brings a file of another machine to where its records say. Blocks.
    func stage(
        remote location: ResourceURI, _ place: Place, _ rows: [StagedFile.Row], transfer: ArtifactTransfer,
        attributes: Attributes, removesSource: Bool
    ) throws -> StagedFile {
        let target = transfer.mode == nil ? nil : try target(of: rows, from: place)
        let arrival = try arrival(of: location, transfer, isMoving: target != nil)
        do {
            let described = try described(rows, attributes, size: arrival.size, named: arrival.name) {
                if let staged = arrival.staged {
                    return try LocalFile.checksum(try stagingRoot() + "/" + staged.description)
                }
                let (store, path) = try remoteFile(location)
                return try Self.checksum(of: path, in: store)
            }
            KillPoint.pass()
            return StagedFile(
                datastore: self, rows: described,
                placement: target.flatMap { target in
                    arrival.staged.map { .init(staged: .made($0), target: target) }
                }, source: target != nil && transfer == .move && removesSource ? arrival.source : nil)
        } catch {
            if let staged = arrival.staged { try JournalFiles.remove(try stagingRoot() + "/" + staged.description) }
            throw error
        }
    }

    /// Looks at a file of another machine, and brings it here if it is to be moved or copied. Blocks.
    ///
    /// - Throws: `ObjectStorageError.notFound`; ``DatastoreError/notIngestible(location:reason:)`` for links.
    func arrival(
        of location: ResourceURI, _ transfer: ArtifactTransfer, isMoving: Bool
    ) throws -> Arrival {
        let status = try remoteStatus(location)
        let name = location.description
        var arrival = Arrival(
            name: name, size: status.size,
            source: .init(
                path: name,
                identity: FileIdentity(inode: 0, size: status.size, modified: status.modificationTime)))
        let (store, path) = try remoteFile(location)
        if isMoving {
            guard transfer == .copy || transfer == .move else {
                throw DatastoreError.notIngestible(
                    location: name,
                    reason: "no link can lead to a file of another machine; ask for the transfer copy, move or direct")
            }
            let staged = try session().newPath()
            let local = try stagingRoot() + "/" + staged.description
            try BlockingCall.wait { try await store.fetch(path, toLocalFile: local) }
            arrival.staged = staged
            guard try LocalFile.size(local) == status.size else {
                throw ObjectStorageError.changedWhileReading(path: name)
            }
        }
        return arrival
    }

    /// - Throws: `ObjectStorageError.notFound`.
    func remoteStatus(_ location: ResourceURI) throws -> ObjectStatus {
        let (store, path) = try remoteFile(location)
        guard let status = try BlockingCall.wait({ try await store.stat(path) }) else {
            throw ObjectStorageError.notFound(path: location.description)
        }
        return status
    }

    private func remoteFile(_ location: ResourceURI) throws -> (any ObjectStore, ObjectPath) {
        if let remote, let inside = location.relativePath(to: root), inside != ".", location == location.normalized,
            location.query.isEmpty
        {
            return (remote, try ObjectPath(inside))
        }
        return try RemoteStores.process.place(of: location)
    }

    /// BLAKE2b-512 of an object in hexadecimal digits. Memory: a mebibyte.
    private static func checksum(of path: ObjectPath, in store: any ObjectStore) throws -> String {
        try BlockingCall.wait {
            var digest = BLAKE2b()
            for try await piece in try await store.chunks(of: path) { piece.withUnsafeBytes { digest.update($0) } }
            return digest.hexadecimalDigest()
        }
    }

    /// Whether an object below the root has the content of a file, where at least one is on another machine.
    func hasRemoteCopy(of source: ResourceURI, at object: ObjectPath) throws -> Bool {
        let own = try root.join(untrusted: object.description)
        if own == source { return true }
        func look(_ location: ResourceURI) throws -> (any ObjectStore, ObjectPath) {
            if let local = location.localPath {
                let root = try POSIXObjectStore(root: try ResourceURI(localPath: "/"))
                return (root, try ObjectPath(local.withoutFirstSlashes))
            }
            return try remoteFile(location)
        }
        let (theirs, ours) = (try look(source), try look(own))
        let (first, second) = try BlockingCall.wait {
            (try await theirs.0.stat(theirs.1), try await ours.0.stat(ours.1))
        }
        guard let first, let second, first.size == second.size else { return false }
        if let one = first.checksums[.md5], let other = second.checksums[.md5] { return one == other }
        return try Self.checksum(of: theirs.1, in: theirs.0) == Self.checksum(of: ours.1, in: ours.0)
    }
}
