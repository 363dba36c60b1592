import ButlerModel
import Datastore
import Registry
import Synchronization

/// What to do about files that no record leads to.
extension RepositoryCheck {
    func files(absent: [FileDatastore], _ body: (RepositoryFault) async throws -> Void) async throws {
        let unrecorded = try UnrecordedFiles(
            of: all, absent: absent, database: registry.database.displayName, minimumAge: minimumAge)
        let stems = DatasetStems()
        var links: LinkTargets?
        var repositories: [String: Bool] = [:]
        try await unrecorded.visit { candidates in
            let found = try await registry.read { try unrecorded.unrecorded(candidates, $0.connection) }
            let chosen = try await unrecorded.outsideRepositories(candidates.with(found), &repositories)
            guard !chosen.files.isEmpty else { return }
            let known = try links ?? unrecorded.linked()
            links = known
            var faults = try await registry.read {
                try self.mend(chosen, unrecorded, known, stems, $0, isRemoving: false)
            }
            if repairs, faults.contains(where: { $0.remedy != .none }) {
                faults = try await registry.write {
                    try self.mend(chosen, unrecorded, known, stems, $0.snapshot, isRemoving: true)
                }
            }
            for fault in faults { try await body(fault) }
        }
    }

    private func mend(
        _ candidates: UnrecordedFiles.Candidates, _ unrecorded: UnrecordedFiles, _ links: LinkTargets,
        _ stems: DatasetStems, _ snapshot: RegistrySnapshot, isRemoving: Bool
    ) throws -> [RepositoryFault] {
        if isRemoving { try unrecorded.lock(snapshot.connection) }
        let direct = try unrecorded.directlyRecorded(snapshot.connection)
        let runs = RunNames(try snapshot.collectionInfo(CollectionSearch(["*"], types: [.run])).map(\.name))
        var faults: [RepositoryFault] = []
        for file in try unrecorded.unrecorded(candidates, snapshot.connection)
        where !unrecorded.isRecorded(file, directly: direct) {
            var reason = try unrecorded.reasonToKeep(file, links, now: Self.now)
            if reason == nil {
                reason = try reasonToKeep(file, unrecorded, runs, stems, snapshot)
            }
            if reason == nil, isRemoving { try unrecorded.remove(file) }
            faults.append(
                RepositoryFault(
                    .fileWithoutRecord, file.path,
                    "\(file.size) bytes" + (reason.map { "; left alone: \($0)" } ?? ""),
                    reason == nil ? .deletion(bytes: file.size) : .none, repairs: repairs))
        }
        return faults
    }

    /// Why a file may be somebody's, as far as the registry tells.
    private func reasonToKeep(
        _ file: UnrecordedFiles.File, _ unrecorded: UnrecordedFiles, _ runs: RunNames,
        _ stems: DatasetStems, _ snapshot: RegistrySnapshot
    ) throws -> String? {
        var isInRun = false
        for (datastore, path) in unrecorded.owners(of: file) {
            let stem = FileDatastore.stem(of: path)
            for run in datastore.runs(of: path, among: runs).sorted() {
                isInRun = true
                if try stems.contain(stem, of: run, in: datastore, snapshot) {
                    return "a dataset of run '\(run)' could have a file of this name"
                }
            }
        }
        return isInRun ? nil : "it is not where datasets of a known run would be"
    }
}

/// Paths, without extension, that registered datasets could have, by run and datastore. Kept as hash values, eight bytes
/// each: one that is like another by chance saves a file.
private final class DatasetStems: Sendable {
    private struct Key: Hashable {
        let run: String
        let datastore: String
    }

    private let known = Mutex<[Key: Set<Int>]>([:])

    func contain(
        _ stem: String, of run: String, in datastore: FileDatastore, _ snapshot: RegistrySnapshot
    ) throws -> Bool {
        let key = Key(run: run, datastore: datastore.name)
        if let stems = known.withLock({ $0[key] }) { return stems.contains(stem.hashValue) }
        var ids: [[DatasetID]] = []
        try snapshot.datasetIDs(inRuns: [run], piecesOf: 1000) { ids.append($0) }
        var stems: Set<Int> = []
        let memory = RecordMemory()
        for piece in ids {
            for ref in try snapshot.datasets(piece) {
                let expanded = ref.with(dataID: try snapshot.expand(ref.dataID, remembering: memory))
                for possible in try datastore.possibleStems(of: expanded) { stems.insert(possible.hashValue) }
            }
        }
        let found = stems
        known.withLock { $0[key] = found }
        return found.contains(stem.hashValue)
    }
}
