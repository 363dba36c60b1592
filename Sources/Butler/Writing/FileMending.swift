import ButlerModel
import ByteText
import Datastore
import Registry
import Synchronization

/// What to do about files that no record leads to.
extension RepositoryCheck {
    /// - Parameter isSound: whether nothing else is wrong. If something is, no file goes: it could be what is missing.
    func files(
        _ unrecorded: UnrecordedFiles, isSound: Bool, _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        let known = KnownRuns(all)
        var links: LinkTargets?
        var recorded: UnrecordedFiles.DirectlyRecorded?
        var repositories: [ExactName: Bool] = [:]
        try await unrecorded.visit { candidates in
            let found = try await registry.read { try unrecorded.unrecorded(candidates, $0.connection) }
            let chosen = try await unrecorded.outsideRepositories(candidates.with(found), &repositories)
            guard !chosen.files.isEmpty else { return }
            let targets = try links ?? unrecorded.linked()
            links = targets
            // Once for the look at all files, and anew for each repair.
            if recorded == nil { recorded = try await registry.read { try unrecorded.directlyRecorded($0.connection) } }
            let direct = recorded
            var faults = try await registry.read {
                try self.mend(chosen, unrecorded, targets, direct, known, isSound, $0, isRemoving: false)
            }
            if repairs, faults.contains(where: { $0.remedy != .none }) {
                faults = try await registry.write {
                    try self.mend(chosen, unrecorded, targets, nil, known, isSound, $0.snapshot, isRemoving: true)
                }
            }
            for fault in faults { try await body(fault) }
        } unnamed: { problem in
            guard case .invalidPath(let path, let reason) = problem else { throw problem }
            try await body(
                RepositoryFault(.fileWithoutRecord, path, "left alone: \(reason)", .none, repairs: repairs))
        }
    }

    private func mend(
        _ candidates: UnrecordedFiles.Candidates, _ unrecorded: UnrecordedFiles, _ links: LinkTargets,
        _ direct: UnrecordedFiles.DirectlyRecorded?, _ known: KnownRuns, _ isSound: Bool, _ snapshot: RegistrySnapshot,
        isRemoving: Bool
    ) throws -> [RepositoryFault] {
        if isRemoving { try unrecorded.lock(snapshot.connection) }
        let direct = try direct ?? unrecorded.directlyRecorded(snapshot.connection)
        let runs = RunNames(try snapshot.collectionInfo(CollectionSearch(["*"], types: [.run])).map(\.name))
        var faults: [RepositoryFault] = []
        for file in try unrecorded.unrecorded(candidates, snapshot.connection)
        where !unrecorded.isRecorded(file, directly: direct) {
            var reason = try unrecorded.reasonToKeep(file, links, now: Self.now)
            if reason == nil {
                reason = try reasonToKeep(file, unrecorded, runs, known, snapshot)
            }
            if reason == nil, !isSound {
                reason = "something else is wrong here, and this could be what is missing; mend that first"
            }
            if reason == nil, !options.deletesUnrecorded {
                reason = "no dataset of the repository seems to lack it; --delete-unrecorded takes such files away"
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
        _ known: KnownRuns, _ snapshot: RegistrySnapshot
    ) throws -> String? {
        var isInRun = false
        for (datastore, path) in unrecorded.owners(of: file) {
            let stem = FileDatastore.stem(of: path)
            for run in datastore.runs(of: path, among: runs).sortedTexts() {
                isInRun = true
                if try known.datasets(of: run, in: datastore, snapshot).stems.contains(stem.hashValue) {
                    return "a dataset of run '\(run)' could have a file of this name"
                }
            }
            // Templates may have been others when it was written.
            for run in runs.mentioned(in: path).sortedTexts() {
                guard let lack = try known.datasets(of: run, in: datastore, snapshot).lack else { continue }
                return "run '\(run)' has datasets \(lack), and it could be a file of theirs"
            }
        }
        return isInRun ? nil : "it is not where datasets of a known run would be"
    }
}

/// What is asked of runs for each file that could be theirs.
private final class KnownRuns: Sendable {
    struct Datasets {
        /// Paths, without extension, that files of the datasets could have. Kept as hash values, eight bytes each: one
        /// that is like another by chance saves a file.
        var stems: Set<Int> = []
        /// Which have no record in any datastore, or not of all their components in one; `nil` if none are like that.
        var lack: String?
    }

    private struct Key: Hashable {
        let run: ExactName
        /// Two of a chain may have one name.
        let datastore: ObjectIdentifier
    }

    private let all: [FileDatastore]
    private let known = Mutex<[Key: Datasets]>([:])

    init(_ all: [FileDatastore]) { self.all = all }

    func datasets(
        of run: String, in datastore: FileDatastore, _ snapshot: RegistrySnapshot
    ) throws -> Datasets {
        let key = Key(run: ExactName(run), datastore: ObjectIdentifier(datastore))
        if let datasets = known.withLock({ $0[key] }) { return datasets }
        var ids: [[DatasetID]] = []
        try snapshot.datasetIDs(inRuns: [run], piecesOf: 1000) { ids.append($0) }
        var found = Datasets()
        let memory = RecordMemory()
        for piece in ids {
            let refs = try snapshot.datasets(piece)
            let recorded = try all.map { try $0.recordedParts(of: refs, snapshot.connection) }
            let whole = recorded.reduce(into: Set()) { $0.formUnion($1.whole) }
            if recorded.contains(where: { !$0.partly.isEmpty }) {
                found.lack = "of which components have no record"
            } else if whole.count < piece.count, found.lack == nil {
                found.lack = "that are registered and not stored"
            }
            for ref in refs {
                let expanded = ref.with(
                    dataID: try snapshot.expand(ref.dataID, remembering: memory, trustingImplied: true))
                for possible in try datastore.possibleStems(of: expanded) { found.stems.insert(possible.hashValue) }
            }
        }
        let datasets = found
        known.withLock { $0[key] = datasets }
        return datasets
    }
}
