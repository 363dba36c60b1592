import Datastore
import ObjectStorage
import Registry

/// Files that the repository itself needs where they are.
extension DirectButler {
    /// Paths of its configuration and its database, where these are files of this machine.
    var repositoryFiles: [String] {
        var files: [String] = []
        if let root = configuration.root?.localPath { files.append(root + "/butler.yaml") }
        let database = registry.database.displayName
        // What its software keeps beside it.
        if database.hasPrefix("/") { files += ["", "-journal", "-wal", "-shm"].map { database + $0 } }
        return files
    }
}

extension RegistrySnapshot {
    /// Refuses sources that the repository needs where they are, if the transfer takes them away, and links to such as it
    /// takes away itself.
    ///
    /// - Parameter ownFiles: as ``DirectButler/repositoryFiles``.
    /// - Throws: `DatastoreError.notIngestible(location:reason:)`.
    func refuseOwnFiles(
        _ sources: [ResourceURI], _ transfers: FileTransfers, in datastore: any Datastore, _ ownFiles: [String]
    ) throws {
        guard case .all(let transfer) = transfers else { return }
        try datastore.refuseOwnFiles(sources, transfer, alsoNeeded: ownFiles, connection)
    }
}
