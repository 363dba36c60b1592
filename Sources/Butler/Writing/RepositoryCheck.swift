import ButlerModel
import Database
import Datastore
import ObjectStorage
import Registry

/// Something in a repository that is not as it should be.
public struct RepositoryFault: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case fileWithoutRecord = "file without record"
        case recordWithoutFile = "record without file"
        case wrongSize = "wrong size"
        case wrongChecksum = "wrong checksum"
        case damagedArchive = "damaged archive"
        case recordWithoutLocation = "record without location"
        case locationWithoutRecord = "location without record"
        case unfinishedDeletion = "unfinished deletion"
        case emptyTrashRow = "empty trash row"
        case missingSummary = "missing summary"
        case missingOverlap = "missing overlap"

        /// Whether ``DirectButler/check(repairs:checksums:_:)`` mends it. What is in a damaged file only a copy of it
        /// can tell.
        public var isRepairable: Bool { ![.wrongSize, .wrongChecksum, .damagedArchive].contains(self) }
    }

    public let kind: Kind
    /// A path, the identifier of a dataset, or the name of a collection or record.
    public let subject: String
    public let detail: String
    public let isRepaired: Bool
}

extension DirectButler {
    /// Looks for what older software, or a power failure, has left behind, and mends it if asked to.
    ///
    /// Repairs never take away what could be all that is left of a dataset: a record without location gets one if its
    /// file is there and the registry knows the dataset, and a location without record gets one if the files are where
    /// they would be written. Records of files that are gone are forgotten, while the datasets stay known; deletions are
    /// finished; rows that searches rely on are added. Files that no record of any datastore leads to are removed if they
    /// are below the folder of a run or beside a recorded file. Each fault is looked at again in the transaction that mends
    /// it, since others may be at work.
    ///
    /// Memory: flat, but for an entry for each file that is recorded by an absolute location. Cost: a listing of all
    /// files, a look at each recorded one, and scans of the tables.
    /// - Parameters:
    ///   - checksums: whether files are read whole where a checksum is recorded.
    ///   - body: is told of each fault as it is found.
    /// - Throws: `DatastoreError.missingRoot` when a datastore's folder is not there; the repository is not changed then.
    public func check(
        repairs: Bool = false, checksums: Bool = false, _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        if repairs { try requireWriteable(to: "repair the repository") }
        let all = try datastore().files
        let database = registry.database.displayName
        let unrecorded = try await registry.read { try UnrecordedFiles(of: all, database: database, $0.connection) }
        for files in all {
            let waiting = Set(try await POSIXObjectStore.sharedPool.run { try files.keptInTrash() }.keys)
            let forgets = repairs ? try await hasMostFiles(files, among: all) : false
            try await checkRecords(files, among: all, waiting, repairs, forgetsLost: forgets, checksums, body)
            try await checkTables(files, repairs, body)
        }
        try await checkFiles(unrecorded, repairs, body)
        try await checkDerivedRows(repairs, body)
    }

    /// Whether at least half of the recorded files are there. Else something else is the matter, such as a disk that is
    /// not mounted, and records must not be forgotten.
    private func hasMostFiles(_ files: FileDatastore, among all: [FileDatastore]) async throws -> Bool {
        var (present, missing) = (0, 0)
        var last: DatasetID?
        while true {
            let after = last
            let (ids, there) = try await registry.read { snapshot in
                let (ids, records) = try files.checkedRecords(
                    after: after, limit: 1000, among: all, snapshot.connection)
                return (ids, try records.filter(\.isLocated).compactMap { try files.isThere($0.info) })
            }
            guard let latest = ids.last else { return missing <= present }
            last = latest
            present += there.count { $0 }
            missing += there.count { !$0 }
        }
    }

    private func checkRecords(
        _ files: FileDatastore, among all: [FileDatastore], _ waiting: Set<DatasetID>, _ repairs: Bool,
        forgetsLost: Bool, _ checksums: Bool, _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        var last: DatasetID?
        var archive = FileDatastore.OpenedArchive()
        while true {
            let after = last
            let (ids, page) = try await registry.read {
                try files.checkedRecords(after: after, limit: 1000, among: all, $0.connection)
            }
            guard let latest = ids.last else { return }
            last = latest
            var faulty: Set<DatasetID> = []
            for record in page {
                func report(_ kind: RepositoryFault.Kind, _ detail: String) async throws {
                    let isKept = kind == .recordWithoutFile && !forgetsLost
                    faulty.insert(record.id)
                    try await body(
                        RepositoryFault(
                            kind: kind, subject: kind == .recordWithoutLocation || kind == .unfinishedDeletion
                                ? record.id.description : record.info.path,
                            detail: repairs && isKept
                                ? detail + "; kept, since most files are missing: is a disk not mounted?" : detail,
                            isRepaired: repairs && kind.isRepairable && !isKept))
                }
                guard record.isLocated else {
                    if record.isTrashed, waiting.contains(record.id) { continue }
                    try await report(
                        record.isTrashed ? .unfinishedDeletion : .recordWithoutLocation, "of '\(record.info.path)'")
                    continue
                }
                switch try await files.fault(of: record.info, checksums: checksums, &archive) {
                case nil: continue
                case .missing: try await report(.recordWithoutFile, "of dataset \(record.id)")
                case .size(let found):
                    try await report(.wrongSize, "\(found) bytes instead of \(record.info.fileSize)")
                case .checksum: try await report(.wrongChecksum, "of dataset \(record.id)")
                case .archive(let reason): try await report(.damagedArchive, reason)
                }
            }
            guard repairs, !faulty.isEmpty else { continue }
            let wanted = Array(faulty)
            try await registry.write { writer in
                try writer.repair(
                    try files.checkedRecords(of: wanted, among: all, writer.connection), in: files,
                    forgetsLost: forgetsLost)
            }
        }
    }

    private func checkTables(
        _ files: FileDatastore, _ repairs: Bool, _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        let (locations, trash) = try await registry.read {
            (try files.locationsWithoutRecord($0.connection), try files.trashWithoutRecord($0.connection))
        }
        for (ids, kind) in [(locations, RepositoryFault.Kind.locationWithoutRecord), (trash, .emptyTrashRow)] {
            for id in ids {
                try await body(
                    RepositoryFault(
                        kind: kind, subject: id.description, detail: "in datastore '\(files.name)'", isRepaired: repairs))
            }
        }
        guard repairs, !locations.isEmpty || !trash.isEmpty else { return }
        try await registry.write { writer in
            let still = Set(try files.locationsWithoutRecord(writer.connection))
            for chunk in locations.filter({ still.contains($0) }).pieces(of: 10_000) {
                try writer.repairLocations(chunk, in: files)
            }
            let empty = Set(try files.trashWithoutRecord(writer.connection))
            try files.forgetTrash(trash.filter { empty.contains($0) }, writer.connection)
        }
    }

    private func checkFiles(
        _ unrecorded: UnrecordedFiles, _ repairs: Bool, _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        let registry = registry
        let runs = try await registry.read { snapshot in
            try snapshot.collectionInfo(CollectionSearch(["*"], types: [.run])).map(\.name)
        }
        try await unrecorded.visit(read: { query in try await registry.read { try query($0.connection) } }) { file in
            let isGone =
                repairs
                ? try await registry.write { try unrecorded.remove(file, runs: runs, $0.connection) } : false
            try await body(
                RepositoryFault(
                    kind: .fileWithoutRecord, subject: file.path,
                    detail: "\(file.size) bytes"
                        + (repairs && !isGone ? "; kept, since it is neither below a run nor beside a recorded file" : ""),
                    isRepaired: isGone))
        }
    }

    private func checkDerivedRows(_ repairs: Bool, _ body: (RepositoryFault) async throws -> Void) async throws {
        let missing = try await registry.read { try $0.missingSummaries() }
        for summary in missing {
            try await body(
                RepositoryFault(
                    kind: .missingSummary, subject: summary.collection, detail: summary.subject, isRepaired: repairs))
        }
        if repairs, !missing.isEmpty { try await registry.write { try $0.addSummaries(missing) } }
        for element in universe.elements where element.isSpatial && element.hasOwnTable {
            while true {
                let found = try await registry.read { try $0.unplacedRecords(of: element, limit: repairs ? 1000 : 100_000) }
                for values in found {
                    let text = values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.quotedDescription)" }
                    try await body(
                        RepositoryFault(
                            kind: .missingOverlap, subject: element.name, detail: text.joined(separator: ", "),
                            isRepaired: repairs))
                }
                guard repairs, !found.isEmpty else { break }
                try await registry.write { try $0.placeRecords(of: element, found) }
            }
        }
    }
}

extension RegistryWriter {
    /// Mends what is wrong with the records of datasets, as this transaction sees it.
    fileprivate func repair(
        _ records: [FileDatastore.CheckedRecord], in files: FileDatastore, forgetsLost: Bool
    ) throws {
        let known = Set(try snapshot.datasets(Array(Set(records.map(\.id)))).map(\.id))
        var lost: [FileDatastore.CheckedRecord] = []
        var deleted: Set<DatasetID> = []
        var located: Set<DatasetID> = []
        for record in records {
            if !record.isLocated, record.isTrashed || !known.contains(record.id) {
                deleted.insert(record.id)
            } else if try files.isThere(record.info) == false {
                if forgetsLost { lost.append(record) }
            } else if !record.isLocated {
                located.insert(record.id)
            }
        }
        try files.locate(Array(located), connection)
        try files.forgetLost(lost, connection)
        try files.deleteUnlocated(Array(deleted), connection)
    }

    /// Finds the records of datasets that have a location only, or forgets the location.
    fileprivate func repairLocations(_ ids: [DatasetID], in files: FileDatastore) throws {
        var lost = Set(ids)
        for ref in try snapshot.datasets(ids) {
            do {
                let expanded = ref.with(dataID: try snapshot.expand(ref.dataID))
                if try files.recordFound(expanded, connection) { lost.remove(ref.id) }
            } catch is DatastoreError { continue }
        }
        try files.deleteRecords(Array(lost), connection)
    }
}
