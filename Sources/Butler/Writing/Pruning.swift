import ButlerModel
import Database
import Datastore
import Foundation
import ObjectStorage
import Registry

/// What a deletion has done, or would do.
public struct Deletion: Sendable {
    /// Datasets that lost their files, their place in the registry, or both.
    public var datasets = 0
    /// Artifacts that are gone, or would go.
    public var files = 0
    /// Recorded paths of files that stay, because datasets share them that are not deleted. Only in dry runs.
    public var shared: [String] = []
    /// Number of files that stay for that reason.
    public var sharedCount = 0
    /// Files that could not be deleted, and why. Their datasets are in the trash; emptying it tries again.
    public var failures: [String] = []

    public init() {}
}

/// A deletion that the registry has carried out, and the datastore only in part.
public struct UnfinishedDeletion: Error, CustomStringConvertible {
    public let cause: any Error

    public var description: String {
        let reason =
            if case DatabaseError.connectionLost(let database, let reason, _) = cause {
                "the connection to database \(database) broke: \(reason)"
            } else { "\(cause)" }
        return "The datasets are removed, but not all of their files are deleted yet: \(reason). The next writer of the "
            + "repository deletes the others; nothing needs to be repeated."
    }
}

/// Removal of datasets and their files. Source: repository format reference, section 7.7.
extension DirectButler {
    /// Removes files of datasets, memberships in tags, or the datasets altogether.
    ///
    /// What the registry holds changes in one transaction for all of the datasets; then their files go, in transactions
    /// of some seconds. A process that dies in between leaves the rest to the next writer. Files that other datasets share
    /// stay, and so do files that were ingested in place.
    ///
    /// - Parameters:
    ///   - unstore: whether their files go.
    ///   - purge: whether the datasets go; takes `unstore` and `disassociate`.
    ///   - disassociate: whether they leave collections: those of `tags`, or all with `purge`.
    ///   - tags: TAGGED collections.
    ///   - keepsFiles: whether files wait in the trash until it is emptied.
    ///   - isDryRun: whether nothing is changed, only looked at.
    ///   - progress: is told of how many more datasets the files are deleted, as are those of the next functions.
    /// - Throws: `ButlerError` of kind `invalidQuery` for options that contradict each other; `missingCollection` and
    ///   `collectionType` for bad tags; `orphanedRecord` for datasets in datastores that are not configured.
    @discardableResult
    public func pruneDatasets(
        _ refs: [DatasetRef], unstore: Bool = false, purge: Bool = false, disassociate: Bool = true,
        tags: [String] = [], keepsFiles: Bool = false, isDryRun: Bool = false,
        progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> Deletion {
        try Self.check(refs, unstore: unstore, purge: purge, disassociate: disassociate, tags: tags)
        return try await prune(
            refs.map(\.id), unstore: unstore, purge: purge, keepsFiles: keepsFiles, isDryRun: isDryRun, progress
        ) { writer in
            guard disassociate else { return }
            for tag in tags { try writer.disassociate(refs, from: tag) }
        }
    }

    /// Removes files of datasets, and with `purge` the datasets. As the other one, for very many of them: memory is their
    /// identifiers, and two pieces.
    @discardableResult
    public func pruneDatasets(
        ids: [DatasetID], purge: Bool, keepsFiles: Bool = false, isDryRun: Bool = false,
        progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> Deletion {
        try await prune(ids, unstore: true, purge: purge, keepsFiles: keepsFiles, isDryRun: isDryRun, progress) { _ in }
    }

    private func prune(
        _ ids: [DatasetID], unstore: Bool, purge: Bool, keepsFiles: Bool, isDryRun: Bool,
        _ progress: @escaping @Sendable (Int) -> Void, _ leaveTags: @escaping @Sendable (RegistryWriter) throws -> Void
    ) async throws -> Deletion {
        let datastore = try await presentDatastore()
        if isDryRun { return try await foresee(ids, unstore: unstore) }
        try requireWriteable(to: "prune datasets")
        return try await carryOut(in: datastore, keepsFiles: keepsFiles, progress) { writer, deletion in
            try writer.prune(ids, unstore: unstore, purge: purge, deletion)
            if !purge { try leaveTags(writer) }
            return ids.count
        }
    }

    static func check(
        _ refs: [DatasetRef], unstore: Bool, purge: Bool, disassociate: Bool, tags: [String]
    ) throws {
        if purge, !unstore || !disassociate {
            throw ButlerError(
                .invalidQuery, "Purging datasets removes their files and memberships: ask for unstore and disassociate.")
        }
        if purge, !tags.isEmpty {
            throw ButlerError(.invalidQuery, "Purging takes datasets out of all tags; name none.")
        }
        if disassociate, !purge, tags.isEmpty {
            throw ButlerError(.invalidQuery, "No tags are given that the datasets should be disassociated from.")
        }
        if let component = refs.first(where: \.datasetType.isComponent) {
            throw ButlerError(.invalidQuery, "\(component) is a component, which cannot be pruned without its parent.")
        }
    }

    /// Removes runs with all of their datasets: the registry's part in one transaction, then the files.
    ///
    /// - Parameter unlinkFromChains: whether the runs are taken out of the chains that they are in.
    /// - Throws: `ButlerError` of kind `orphanedRecord` for a run in a chain, before anything is changed; of kind
    ///   `missingCollection` or `collectionType`.
    @discardableResult
    public func removeRuns(
        _ names: [String], unlinkFromChains: Bool = false, keepsFiles: Bool = false, isDryRun: Bool = false,
        progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> Deletion {
        let datastore = try await presentDatastore()
        if isDryRun {
            let ids = try await registry.read { snapshot in
                var ids: [DatasetID] = []
                try snapshot.datasetIDs(inRuns: names, piecesOf: 10_000) { ids += $0 }
                return ids
            }
            return try await foresee(ids, unstore: true)
        }
        try requireWriteable(to: "remove runs")
        return try await carryOut(in: datastore, keepsFiles: keepsFiles, progress) { writer, deletion in
            try writer.removeRuns(names, unlinkFromChains: unlinkFromChains, deletion)
        }
    }

    /// Deletes the files of datasets in the trash.
    ///
    /// - Parameter age: only of those that were put there to wait (`keepsFiles`) at least so long ago; `nil` for all.
    @discardableResult
    public func emptyTrash(
        olderThan age: Duration? = nil, isDryRun: Bool = false, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> Deletion {
        let datastore = try await presentDatastore()
        if !isDryRun {
            try requireWriteable(to: "empty the trash")
            try await recoverRemoteWork()
        }
        var result = Deletion()
        let limit = age.map { Date().addingTimeInterval(-($0 / .seconds(1))) }
        for files in datastore.files {
            if isDryRun, let limit {
                let ids = try await StagedArtifacts.pool.run {
                    try files.keptInTrash().filter { $0.value <= limit }.map(\.key)
                }
                result.datasets += try await registry.read { try files.trashed(among: ids, $0.connection) }.count
                continue
            }
            if !isDryRun {
                try await StagedDeletion.visitWaiting(
                    in: files, until: limit ?? .distantFuture, onDamage: { warnOfDamage($0) }
                ) { ids, isForgotten in
                    let deletion = try StagedDeletion(in: datastore)
                    for piece in ids.pieces(of: FileDatastore.trashChunk) {
                        try await StagedArtifacts.pool.run {
                            try deletion.declare(piece, isForgotten: isForgotten, in: files)
                        }
                    }
                    try await empty(deletion, &result, progress)
                }
            }
            if limit != nil { continue }
            var last: DatasetID?
            while true {
                let after = last
                let ids = try await registry.read { try files.trashed(after: after, $0.connection) }
                guard let latest = ids.last else { break }
                last = latest
                if isDryRun {
                    result.datasets += ids.count
                    continue
                }
                let deletion = try StagedDeletion(in: datastore)
                try await StagedArtifacts.pool.run { try deletion.declare(ids, in: files) }
                try await empty(deletion, &result, progress)
            }
        }
        return result
    }

    /// Forgets that datastores hold datasets, without touching the files.
    public func forget(_ refs: [DatasetRef]) async throws {
        try requireWriteable(to: "forget datasets")
        let datastore = try datastore()
        let ids = refs.map(\.id)
        try await registry.write { writer in
            for chunk in ids.pieces(of: 10_000) { try datastore.forget(chunk, writer.connection) }
        }
    }

    // MARK: Parts

    /// Runs the transaction of a deletion, then deletes files.
    private func carryOut(
        in datastore: any Datastore, keepsFiles: Bool, _ progress: @escaping @Sendable (Int) -> Void,
        _ body: @escaping @Sendable (RegistryWriter, StagedDeletion) throws -> Int
    ) async throws -> Deletion {
        try await recoverRemoteWork()
        let (deletion, count) = try await Registry.repeating {
            let deletion = try StagedDeletion(in: datastore, keepsFiles: keepsFiles)
            return (deletion, try await decide(deletion, body))
        }
        KillPoint.pass()
        deletion.clearMemory()
        var result = Deletion()
        do {
            try await empty(deletion, &result, progress)
        } catch {
            throw UnfinishedDeletion(cause: error)
        }
        result.datasets = count
        return result
    }

    /// Runs the transaction of a deletion; when it fails, nothing is decided.
    private func decide(
        _ deletion: StagedDeletion, _ body: @escaping @Sendable (RegistryWriter, StagedDeletion) throws -> Int
    ) async throws -> Int {
        let registry = registry
        do {
            return try await registry.write { writer in
                let count = try body(writer.endingWithErrors, deletion)
                KillPoint.pass()
                return count
            }
        } catch {
            // Whatever a piece names is in the trash, or unknown, or nothing happens; the task may be cancelled.
            let tidying = Task {
                try await Self.carryOut(deletion) { pieces in
                    try await registry.write { try deletion.empty(pieces, $0.connection) }
                }
            }
            if case .failure(let obstacle) = await tidying.result {
                warnOfLeftovers(obstacle)
            }
            throw error
        }
    }

    /// Deletes the files of what a transaction has put into the trash.
    func empty(
        _ deletion: StagedDeletion, _ result: inout Deletion, _ progress: (Int) -> Void = { _ in }
    ) async throws {
        try await Self.carryOut(deletion) { pieces in
            // What was deleted before the connection broke is passed over the second time.
            let (emptied, count) = try await Registry.repeating(afterLoss: true) {
                try await registry.write { writer in
                    KillPoint.pass()
                    return try deletion.empty(pieces, writer.connection)
                }
            }
            KillPoint.pass()
            progress(emptied.datasets)
            result.datasets += emptied.datasets
            result.files += emptied.files
            result.sharedCount += emptied.shared
            result.failures += emptied.failures
            for failure in emptied.failures { warn("a file stays in the trash: \(failure)") }
            return (emptied, count)
        }
    }

    /// Has the pieces of a deletion carried out, as many at a time as a transaction takes, and forgets their intents.
    private static func carryOut(
        _ deletion: StagedDeletion,
        _ empty: ([StagedDeletion.Piece]) async throws -> (emptied: FileDatastore.Emptied, count: Int)
    ) async throws {
        for group in deletion.groups {
            var rest = group[...]
            while !rest.isEmpty {
                let pieces = Array(rest)
                let count = try await empty(pieces).count
                try await StagedArtifacts.pool.run { for piece in pieces[..<count] { try deletion.finish(piece) } }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// What would happen to the files of datasets.
    private func foresee(_ ids: [DatasetID], unstore: Bool) async throws -> Deletion {
        let datastore = try await presentDatastore()
        var result = Deletion()
        result.datasets = ids.count
        guard unstore else { return result }
        for files in datastore.files {
            let (gone, shared) = try await registry.read { try files.foreseeDeletion(ids, $0.connection) }
            result.files += gone.count
            result.shared += shared
            result.sharedCount += shared.count
        }
        return result
    }
}

extension RegistryWriter {
    /// Decides that the files of datasets go, and forgets the datasets.
    func prune(_ ids: [DatasetID], unstore: Bool, purge: Bool, _ deletion: StagedDeletion) throws {
        // In the order of the indexes, of which a piece then touches a part.
        let ids = ids.sorted()
        if unstore { try deletion.remove(ids, isForgotten: purge, connection) }
        KillPoint.pass()
        if purge { try removing(ids, deletion) { try removeDatasets(ids) } }
    }

    /// Runs `body`, which removes datasets that `deletion` has taken out of the datastores.
    /// - Throws: `UnclearViolation` when a datastore has one of them, which may be one that another client has stored meanwhile.
    private func removing(_ ids: [DatasetID], _ deletion: StagedDeletion, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as ButlerError where error.kind == .orphanedRecord {
            throw UnclearViolation(error) { [databaseName] snapshot in
                guard try deletion.isAddedTo(ids, snapshot.connection) else { return }
                throw DatabaseError.transactionConflict(
                    databaseName, reason: "a dataset that is to be removed got files meanwhile")
            }
        }
    }

    /// Removes runs, and decides that the files of their datasets go.
    /// - Returns: the number of their datasets.
    func removeRuns(_ names: [String], unlinkFromChains: Bool, _ deletion: StagedDeletion) throws -> Int {
        try checkRemoval(ofRuns: names, unlinksFromChains: unlinkFromChains)
        try lockRuns(names)
        var ids: [DatasetID] = []
        try snapshot.datasetIDs(inRuns: names, piecesOf: 10_000) { ids += $0 }
        ids.sort()
        try deletion.remove(ids, isForgotten: true, connection)
        KillPoint.pass()
        try removing(ids, deletion) { try removeRuns(names, unlinksFromChains: unlinkFromChains) }
        return ids.count
    }
}
