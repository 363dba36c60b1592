import Datastore

extension DirectButler {
    /// The datastore, once it is sure that the disks of its parts are mounted.
    ///
    /// Cost: a look at a folder for each part; a query for one whose folder is missing or empty.
    /// - Throws: `DatastoreError.absent(datastore:reason:)`.
    func presentDatastore() async throws -> any Datastore {
        let datastore = try datastore()
        for files in datastore.files where files.isLocal {
            guard try await StagedArtifacts.pool.run({ try files.reasonForAbsence() != nil }) else { continue }
            try await registry.read { try files.requirePresence($0.connection) }
        }
        return datastore
    }
}
