public import ButlerModel
public import Datastore
import ObjectStorage
public import Registry

/// What can be done in the closure of ``DirectButler/transaction(isRehearsal:_:)``.
///
/// Each of its methods does all that it says or, when it throws, nothing; so a closure may catch the error of one and go on.
/// All of them block the thread of the database. The value is of no use after the closure.
public struct ButlerTransaction {
    /// Changes collections, dataset types, records and memberships.
    public let registry: RegistryWriter
    let butler: DirectButler
    let files: TransactionFiles

    init(registry: RegistryWriter, butler: DirectButler, files: TransactionFiles) {
        self.registry = registry
        self.butler = butler
        self.files = files
    }

    /// Runs `body`; when it throws, all is as it was before, and the rest of the transaction can go on.
    public func nested<T>(_ body: (ButlerTransaction) throws -> T) throws -> T {
        let mark = files.mark
        do {
            return try registry.atomically { try body(self) }
        } catch {
            files.withdraw(to: mark, registry.connection)
            throw error
        }
    }

    // MARK: Reading

    /// Reads a dataset or a part of it, also one that this transaction has put.
    /// - Throws: as ``LimitedButler/read(_:_:)``.
    public func read(_ ref: DatasetRef, _ request: ReadRequest = ReadRequest()) throws -> DatasetValue {
        let datastore = try butler.datastore()
        let snapshot = registry.snapshot
        let stored = try datastore.stored([ref.id], snapshot.connection)[ref.id] ?? []
        let isGuessed = stored.isEmpty && !ref.dataID.isExpanded && datastore.trustsGetRequests
        let findable = isGuessed ? ref.with(dataID: try snapshot.expand(ref.dataID)) : ref
        return try BlockingCall.wait { try await datastore.read(findable, from: stored, request) }
    }

    // MARK: Writing

    /// Keeps a new dataset. Its file has its name from now on.
    /// - Throws: as ``DirectButler/put(_:run:ids:jobs:)``.
    public func put(
        _ value: DatasetValue, _ datasetType: String, dataID: [String: DataIDValue], run: String
    ) throws -> DatasetRef {
        try put([DirectButler.NewDataset(value, datasetType, dataID)], run: run)[0]
    }

    /// Keeps several datasets: all of them or none.
    /// - Throws: as ``DirectButler/put(_:run:ids:jobs:)``.
    public func put(
        _ datasets: [DirectButler.NewDataset], run: String, ids: DatasetIDChoice = .unique, jobs: Int = 4
    ) throws -> [DatasetRef] {
        let datastore = try presentDatastore()
        let refs = try registry.snapshot.newReferences(
            datasets.map { ($0.datasetType, $0.dataID) }, run: run, ids: ids)
        let staged = try BlockingCall.wait {
            try await datastore.stage(datasets.count, jobs: jobs) { number in
                (datasets[number].value, refs[number], datasets[number].provenance)
            }
        }
        try record(staged) { try registry.insert(refs) }
        return refs
    }

    /// Keeps a dataset whose reference is known.
    /// - Throws: as ``DirectButler/put(_:_:provenance:)``.
    public func put(_ value: DatasetValue, _ ref: DatasetRef, provenance: DatasetProvenance? = nil) throws {
        let datastore = try presentDatastore()
        let snapshot = registry.snapshot
        try snapshot.refuseStored([ref], in: datastore)
        let expanded = ref.with(dataID: try snapshot.expand(ref.dataID))
        let staged = try BlockingCall.wait {
            try await datastore.stage(1, jobs: 1) { _ in (value, expanded, provenance) }
        }
        try record(staged) { try registry.importDatasets([expanded]) }
    }

    /// Makes datasets out of files: all of them or none. A source that is moved goes when the transaction is complete.
    /// - Throws: as ``DirectButler/ingest(_:transfer:recordsAttributes:jobs:skipsExisting:isDryRun:progress:)``.
    public func ingest(
        _ given: [FileIngest], transfer: ArtifactTransfer = .auto, recordsAttributes: Bool = true, jobs: Int = 4
    ) throws {
        try DirectButler.refuseRepetitions(given.lazy.flatMap(\.datasets))
        let datastore = try presentDatastore()
        let transfers =
            transfer == .auto
            ? try datastore.automaticTransfer(of: given.lazy.map { ($0.location, $0.datasets) }) : .all(transfer)
        try nested { _ in
            for batch in given.pieces(of: BatchSpool.batchSize) {
                let prepared = try PreparedFiles(
                    batch, registry.snapshot, for: datastore, transfers, butler.repositoryFiles)
                let staged = try BlockingCall.wait {
                    try await datastore.stage(
                        prepared.files, transfers: transfers, recordsAttributes: recordsAttributes, jobs: jobs)
                }
                try record(staged) { try registry.makeRoom(for: prepared.refs) }
            }
        }
    }

    // MARK: Removing

    /// Removes files of datasets, memberships in tags, or the datasets altogether. Files go when the transaction is
    /// complete, so their names are not free within it: what is put in their place is kept under others.
    /// - Throws: as ``DirectButler/pruneDatasets(_:unstore:purge:disassociate:tags:keepsFiles:isDryRun:)``.
    public func pruneDatasets(
        _ refs: [DatasetRef], unstore: Bool = false, purge: Bool = false, disassociate: Bool = true,
        tags: [String] = [], keepsFiles: Bool = false
    ) throws {
        try DirectButler.check(refs, unstore: unstore, purge: purge, disassociate: disassociate, tags: tags)
        try delete(keepsFiles: keepsFiles) { deletion in
            try registry.prune(refs.map(\.id), unstore: unstore, purge: purge, deletion)
            guard !purge, disassociate else { return }
            for tag in tags { try registry.disassociate(refs, from: tag) }
        }
    }

    /// Removes runs with all of their datasets. Files go when the transaction is complete.
    /// - Throws: as ``DirectButler/removeRuns(_:unlinkFromChains:keepsFiles:isDryRun:)``.
    public func removeRuns(_ names: [String], unlinkFromChains: Bool = false, keepsFiles: Bool = false) throws {
        try delete(keepsFiles: keepsFiles) { deletion in
            _ = try registry.removeRuns(names, unlinkFromChains: unlinkFromChains, deletion)
        }
    }

    // MARK: Parts

    /// - Throws: `DatastoreError.absent(datastore:reason:)`.
    private func presentDatastore() throws -> any Datastore {
        let datastore = try butler.datastore()
        for files in datastore.files { try files.requirePresence(registry.connection) }
        return datastore
    }

    /// Records staged files and gives them their names, with the rows that `body` makes. Where a name is taken by a file that
    /// waits for its deletion, as those do that this transaction prunes, the new file gets another.
    private func record(_ artifacts: StagedArtifacts, _ body: () throws -> Void) throws {
        try nested { _ in
            let connection = registry.connection
            var artifacts = artifacts
            // What undoes or finishes goes by what is declared, whatever the names.
            files.add(artifacts)
            do {
                try artifacts.declare()
            } catch ObjectStorageError.alreadyExists {
                try artifacts.retract(connection)
                artifacts = try artifacts.besideWaiting(connection)
                try artifacts.declare()
            }
            try files.superseded.take(artifacts, connection)
            try body()
            KillPoint.pass()
            try registry.insertRecords(artifacts)
            KillPoint.pass()
            try artifacts.publish()
        }
        files.settleLast()
    }

    private func delete(keepsFiles: Bool, _ body: (StagedDeletion) throws -> Void) throws {
        let deletion = try StagedDeletion(in: try butler.datastore(), keepsFiles: keepsFiles)
        try nested { _ in
            files.add(deletion)
            try body(deletion)
            KillPoint.pass()
        }
    }
}
