import ButlerModel
import Datastore
import ObjectStorage
import Registry

/// Bringing the files of datasets out of a repository. Source: repository format reference, section 6.7.
extension DirectButler {
    /// A file that was brought, or would be.
    public struct RetrievedArtifact: Sendable {
        public let location: ResourceURI
        /// Bytes, if they are recorded.
        public let size: Int64?
    }

    /// Brings the files of datasets to a folder of this machine, each file once, with an index that says which datasets
    /// are in which.
    ///
    /// - Parameters:
    ///   - refs: data IDs need not be expanded.
    ///   - transfer: whether files are copied or linked; linked ones must not be changed.
    ///   - preservesPath: whether files keep their folders below the root of the datastore.
    ///   - overwrites: whether files are replaced that are there already.
    ///   - jobs: the most files that are brought at the same time.
    ///   - isDryRun: whether it is only looked for what would keep it from succeeding.
    ///   - begin: is told the number of files.
    ///   - progress: is told of each file its bytes, if they are recorded.
    /// - Returns: in the order of the datasets.
    /// - Throws: `ButlerError` of kind `datasetNotFound` for datasets without files; `DatastoreError` for damaged files, and
    ///   for files that would get one name; `ObjectStorageError.alreadyExists`.
    @discardableResult
    public func retrieveArtifacts(
        _ refs: [DatasetRef], to folder: ResourceURI, transfer: ArtifactRetrieval.Transfer = .copy,
        preservesPath: Bool = true, overwrites: Bool = false, jobs: Int = 4, isDryRun: Bool = false,
        begin: (Int) -> Void = { _ in }, progress: (Int64?) -> Void = { _ in }
    ) async throws -> [RetrievedArtifact] {
        let refs = try await expanded(refs)
        let retrieval = try ArtifactRetrieval(
            try await storedDatasets(refs), naming: preservesPath ? .path : .basename)
        begin(retrieval.steps.count)
        let index = RetrievalIndex(refs, retrieval)
        try await index.check(in: folder, replaces: overwrites)
        let locations: [ResourceURI]
        if isDryRun {
            try await retrieval.check(to: folder, overwrites: overwrites, jobs: jobs) { progress($0.size) }
            locations = try retrieval.locations(in: folder)
        } else {
            locations = try await retrieval.run(to: folder, transfer: transfer, overwrites: overwrites, jobs: jobs) {
                progress($0.size)
            }
            try await index.write(to: folder, replaces: overwrites)
        }
        return zip(retrieval.steps, locations).map { RetrievedArtifact(location: $1, size: $0.size) }
    }

    /// Brings the files of datasets into a new zip archive in a folder of this machine, which ``ingestZip(_:transfer:)`` takes
    /// in, here or in Python.
    ///
    /// - Returns: the location of the archive, whose name follows from the datasets.
    /// - Throws: as ``retrieveArtifacts(_:to:transfer:preservesPath:overwrites:jobs:isDryRun:begin:progress:)``.
    @discardableResult
    public func retrieveArtifactsZip(
        _ refs: [DatasetRef], to folder: ResourceURI, overwrites: Bool = false, isDryRun: Bool = false
    ) async throws -> ResourceURI {
        let refs = try await expanded(refs)
        // Of datasets in one file the first gives the member its name; Rubin's software takes them in this order.
        let inOrder = try await storedDatasets(refs).sorted {
            $0.ref.datasetType.name == $1.ref.datasetType.name
                ? $0.ref.dataID < $1.ref.dataID : $0.ref.datasetType.name < $1.ref.datasetType.name
        }
        let retrieval = try ArtifactRetrieval(inOrder, naming: .prefixedBasename)
        return try ResourceURI(
            localPath: isDryRun
                ? try await retrieval.checkArchive(in: folder, refs: refs, overwrites: overwrites)
                : try await retrieval.archive(in: folder, refs: refs, overwrites: overwrites))
    }

    /// Not by the query that found them: it would leave out datasets that lack the record of a relation.
    private func expanded(_ refs: [DatasetRef]) async throws -> [DatasetRef] {
        try await registry.read { snapshot in
            try refs.map { $0.with(dataID: try snapshot.expand($0.dataID)) }
        }
    }

    /// What is recorded about the files of datasets, in the first datastore that has any. In the order of `refs`.
    /// - Throws: `ButlerError` of kind `datasetNotFound` when some have none.
    public func storedDatasets(_ refs: [DatasetRef]) async throws -> [(ref: DatasetRef, stored: StoredDataset)] {
        let datastore = try datastore()
        let ids = refs.map(\.id)
        let found = try await registry.read { try datastore.stored(ids, $0.connection) }
        var result: [(ref: DatasetRef, stored: StoredDataset)] = []
        var missing: [DatasetRef] = []
        for ref in refs {
            if let first = found[ref.id]?.first { result.append((ref, first)) } else { missing.append(ref) }
        }
        if let first = missing.first {
            throw ButlerError(
                .datasetNotFound,
                "\(missing.count) of \(refs.count) datasets have no files in datastore '\(datastore.name)', among them "
                    + "\(first).")
        }
        return result
    }
}
