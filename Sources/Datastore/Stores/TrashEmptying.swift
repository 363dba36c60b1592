import ButlerModel
import ByteText
import Database
import Foundation
import ObjectStorage
import Synchronization

/// Deleting datasets: first into the trash, in the transaction that forgets them, then their files.
extension FileDatastore {
    var trash: DatasetTrashTable { DatasetTrashTable(datastore: name, records: table) }

    /// The number of datasets in a piece of a deletion, which is in memory at a time.
    package static var trashChunk: Int { 5000 }

    /// What emptying the trash has done.
    public struct Emptied: Sendable {
        public var datasets = 0
        public var files = 0
        /// Files that stay, because other datasets have records of them.
        public var shared = 0
        /// Files that could not be deleted, and why; their datasets stay in the trash.
        public var failures: [String] = []

        public init() {}

        public mutating func add(_ other: Emptied) {
            datasets += other.datasets
            files += other.files
            shared += other.shared
            failures += other.failures
        }
    }

    /// Moves datasets of this datastore to the trash. Others are left alone.
    public func moveToTrash(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        for chunk in ids.pieces(of: 10_000) {
            try trash.insert(chunk, connection)
            KillPoint.pass()
            try locations.delete(chunk, connection)
            KillPoint.pass()
        }
    }

    /// Some datasets in the trash, in the order of their identifiers, from the one after `last`; none at the end.
    public func trashed(after last: DatasetID?, _ connection: any DatabaseConnection) throws -> [DatasetID] {
        try trash.ids(after: last, limit: Self.trashChunk, connection)
    }

    /// Those of the datasets that are in the trash.
    public func trashed(among ids: [DatasetID], _ connection: any DatabaseConnection) throws -> [DatasetID] {
        try ids.pieces(of: 10_000).flatMap { try trash.ids(among: $0, connection) }
    }

    /// Deletes the files of those of the datasets that are in the trash, or that the registry does not know any more; their
    /// records, and their places in the trash.
    ///
    /// A file stays as long as another dataset has a record of it, and one that was ingested in place always. While the
    /// transaction lasts no other client gives a file the name of one that is being deleted. The files of one piece go, on
    /// another thread, while the records of the next are dealt with.
    ///
    /// - Parameters:
    ///   - pieces: of at most ``trashChunk`` datasets each.
    ///   - time: after which no further piece is begun.
    /// - Returns: what was done, and with how many of the pieces, the first ones.
    /// - Throws: ``DatastoreError/absent(datastore:reason:)`` when the root is not there.
    func emptyTrash(
        _ pieces: [TrashPiece], _ connection: any DatabaseConnection, within time: Duration
    ) throws -> (emptied: Emptied, count: Int) {
        let begin = ContinuousClock.now
        var count = 0
        try lockNames(connection, forRemoval: true)
        let removal = ArtifactRemoval(self)
        let removing = StepOnThread(label: "datastore.removing")
        var settled = Emptied()
        try whileRootStays(connection) {
            var last: TakenRecords?
            func settleLast() throws {
                if let last { try settle(last, removal.blocked, &settled, connection) }
            }
            try removing.around {
                for piece in pieces where count == 0 || begin.duration(to: .now) < time {
                    count += 1
                    let records = try take(piece, connection)
                    if records.gone.isEmpty { continue }
                    try removing.next { try removal.remove(records.artifacts) }
                    try settleLast()
                    last = records
                }
            }
            try settleLast()
            return removal.missesFiles
        }
        var result = removal.result
        result.add(settled)
        return (result, count)
    }

    /// The same for at most ``trashChunk`` datasets.
    func emptyTrash(_ piece: TrashPiece, _ connection: any DatabaseConnection) throws -> Emptied {
        try emptyTrash([piece], connection, within: .zero).emptied
    }

    /// What follows when it is known which files of a piece could not be deleted.
    private func settle(
        _ records: TakenRecords, _ allBlocked: Set<DatasetID>, _ result: inout Emptied, _ connection: any DatabaseConnection
    ) throws {
        result.shared += records.kept.count
        let blocked = records.gone.intersection(allBlocked)
        let done = Array(records.gone.subtracting(blocked))
        // Copies of what is gone; they would grow old otherwise.
        if !done.isEmpty { try? cache?.remove(done) }
        try trash.delete(done.filter(records.trashed.contains), connection)
        // Whoever empties the trash tries again.
        try table.insert(blocked.flatMap { id in (records.infos[id] ?? []).map { (id, $0) } }, connection)
        try trash.insertUnlocated(blocked.subtracting(records.trashed), connection)
        KillPoint.pass()
        result.datasets += done.count
    }
}

/// Datasets whose files are to go.
struct TrashPiece {
    let ids: [DatasetID]
    /// Whether they were to be unknown to the registry. Those that it knows again are stored again.
    let isForgotten: Bool
}

/// A file or object that is to be deleted, and one of the datasets that were in it.
private typealias DoomedArtifact = (path: ObjectPath, id: DatasetID)

/// Deletes files and objects, on a thread of its own, and notes what became of them.
private final class ArtifactRemoval: Sendable {
    private struct State {
        var result = FileDatastore.Emptied()
        var blocked: Set<DatasetID> = []
        var missesFiles = false
    }

    private let datastore: FileDatastore
    private let state = Mutex(State())

    init(_ datastore: FileDatastore) { self.datastore = datastore }

    /// What has been deleted, and what could not be.
    var result: FileDatastore.Emptied { state.withLock { $0.result } }
    /// Datasets of which a file could not be deleted.
    var blocked: Set<DatasetID> { state.withLock { $0.blocked } }
    /// Whether a file was not there.
    var missesFiles: Bool { state.withLock { $0.missesFiles } }

    /// Blocks.
    func remove(_ artifacts: [DoomedArtifact]) throws {
        guard datastore.isLocal else { return try removeObjects(artifacts) }
        var folder: HeldFolder?
        for (index, (path, id)) in artifacts.enumerated() {
            do {
                let file = try datastore.localPath(path)
                // One that is moved away is soon left alone.
                if index % 64 == 0 || folder?.holds(file) != true { folder = HeldFolder(of: file) }
                let wasThere = try JournalFiles.remove(file, in: folder)
                state.withLock { state in
                    if wasThere { state.result.files += 1 } else { state.missesFiles = true }
                }
            } catch {
                note("\(error)", id)
            }
            KillPoint.pass()
        }
    }

    private func removeObjects(_ artifacts: [DoomedArtifact]) throws {
        guard !artifacts.isEmpty else { return }
        let store = try datastore.requireRemote()
        let owners = Dictionary(artifacts.map { ($0.path, $0.id) }, uniquingKeysWith: { first, _ in first })
        let failures = try BlockingCall.wait { try await store.delete(owners.keys.sorted()) }
        state.withLock { $0.result.files += artifacts.count - failures.count }
        for (path, failure) in failures { note("\(failure)", owners[path]) }
        KillPoint.pass()
    }

    private func note(_ failure: String, _ id: DatasetID?) {
        state.withLock { state in
            if let id { state.blocked.insert(id) }
            state.result.failures.append(failure)
        }
    }
}

extension FileDatastore {
    /// What was recorded of datasets that go.
    private struct TakenRecords {
        /// In their order.
        let ids: [DatasetID]
        let infos: [DatasetID: [StoredFileInfo]]
        /// The datasets that go: those that have records, and those of the trash without.
        let gone: Set<DatasetID>
        /// Those of them that are in the trash.
        let trashed: Set<DatasetID>
        /// Recorded paths of files that stay, because other datasets have records of them.
        let kept: Set<ExactName>

        /// What is to be deleted, each with a dataset that it belongs to.
        var artifacts: [DoomedArtifact] {
            var artifacts: [DoomedArtifact] = []
            var seen: Set<ObjectPath> = []
            for id in ids {
                for info in infos[id] ?? [] where !kept.contains(info.path) {
                    guard let path = ArtifactLocation.belowRoot(info.path)?.path else { continue }
                    if seen.insert(path).inserted { artifacts.append((path, id)) }
                }
            }
            return artifacts
        }
    }

    /// Deletes the records of those of the datasets that are in the trash or, with records here, unknown to the registry,
    /// which forgets none that is stored.
    private func take(_ piece: TrashPiece, _ connection: any DatabaseConnection) throws -> TakenRecords {
        let registered = try DatasetLocationTable.registered(piece.ids, connection)
        if piece.isForgotten { try restoreReturned(registered, connection) }
        let trashed = Set(try trash.ids(among: piece.ids, connection))
        let infos = try table.take(piece.ids.filter { trashed.contains($0) || !registered.contains($0) }, connection)
        KillPoint.pass()
        let gone = trashed.union(infos.keys)
        let kept = try shared(Set(names: infos.values.joined().lazy.map(\.path)), apartFrom: gone, connection)
        return TakenRecords(ids: piece.ids, infos: infos, gone: gone, trashed: trashed, kept: kept)
    }

    /// Which recorded paths lead to files of which another datastore has a record, in another table and for a root above or
    /// equal to this one's.
    func recordedElsewhere(
        _ paths: some Sequence<String>, among others: [FileDatastore], _ connection: any DatabaseConnection
    ) throws -> Set<ExactName> {
        let others = others.filter { $0 !== self && $0.table.specification.name != table.specification.name }
        guard !others.isEmpty, let root = try searchedRoot() else { return [] }
        var found: Set<ExactName> = []
        for other in others {
            guard let theirs = try other.searchedRoot() else { continue }
            var own: [ObjectPath: [ExactName]] = [:]
            for path in paths {
                guard let object = ArtifactLocation.belowRoot(path)?.path else { continue }
                guard let below = (root + object.description).after(theirs) else { continue }
                own[try ObjectPath(below), default: []].append(ExactName(path))
            }
            for path in try other.table.recordedFiles(Array(own.keys), connection) { found.formUnion(own[path] ?? []) }
        }
        return found
    }

    /// Which of the recorded paths have to stay, because datasets other than these have records of the same files, below
    /// the root or by their absolute locations.
    func shared(
        _ paths: Set<ExactName>, apartFrom ids: Set<DatasetID>, _ connection: any DatabaseConnection
    ) throws -> Set<ExactName> {
        var kept = try table.shared(paths, apartFrom: ids, connection)
        kept.formUnion(try recordedElsewhere(paths.lazy.map(\.text), among: neighbours, connection))
        guard try table.hasAbsolutePaths(of: root.scheme, connection) else { return kept }
        var locations: [ExactName: [ExactName]] = [:]
        let resolved = try existingRoot().map { try ResourceURI(localPath: $0).asDirectory }
        for path in paths {
            guard let (object, member) = ArtifactLocation.belowRoot(path.text) else { continue }
            for root in Set([root, resolved ?? root]) {
                for file in try root.join(untrusted: object.description).spellings {
                    let location = member.map { "\(file)#zip-path=\($0)" } ?? file
                    locations[location, default: []].append(path)
                }
            }
        }
        for location in try table.shared(Set(locations.keys), apartFrom: ids, connection) {
            kept.formUnion(locations[location] ?? [])
        }
        return kept
    }
}

extension FileRecordsTable {
    /// Whether there are records of files by their absolute locations. Cost: one look into the index of paths.
    func hasAbsolutePaths(of scheme: String, _ connection: any DatabaseConnection) throws -> Bool {
        guard try connection.tableExists(specification.name) else { return false }
        for start in [scheme + ":"] + (scheme == "file" ? ["/"] : []) {
            let filter = SQL.hasPrefix("\(column: "path")", start)
            let found = try connection.fetchAll("SELECT 1 FROM \(table: specification) WHERE \(filter) LIMIT 1") { _ in true }
            if !found.isEmpty { return true }
        }
        return false
    }

    /// Which of the recorded paths have to stay, because datasets other than these have records of the same files.
    ///
    /// Members of one archive share its file.
    func shared(
        _ paths: Set<ExactName>, apartFrom ids: Set<DatasetID>, _ connection: any DatabaseConnection
    ) throws -> Set<ExactName> {
        guard !paths.isEmpty, try connection.tableExists(specification.name) else { return [] }
        var kept: Set<ExactName> = []
        var archives: [ExactName: [ExactName]] = [:]
        var plain: [SQLValue] = []
        for path in paths {
            let archive = FileDatastore.file(path.text)
            if archive.utf8.count < path.text.utf8.count {
                archives[archive, default: []].append(path)
            } else {
                plain.append(.text(path.text))
                // Its members may have records of their own.
                if path.text.lowercased().hasSuffix(".zip") { archives[path, default: []].append(path) }
            }
        }
        let columns: SQL = "\(column: "path"), \(column: "dataset_id")"
        try connection.query(
            "SELECT \(columns) FROM \(table: specification) WHERE \(SQL.isIn("\(column: "path")", plain))"
        ) { row in
            if !ids.contains(DatasetID(try row.uuid(1))) { kept.insert(try row.text(0)) }
        }
        for (archive, members) in archives {
            let cursor = try connection.cursor(
                """
                SELECT \(column: "dataset_id") FROM \(table: specification) \
                WHERE \(SQL.hasPrefix("\(column: "path")", archive.text + "#")) OR \(column: "path") = \(value: archive.text)
                """)
            defer { cursor.finish() }
            while try cursor.step() {
                if !ids.contains(DatasetID(try cursor.row.uuid(0))) {
                    kept.formUnion(members)
                    break
                }
            }
        }
        return kept
    }
}

extension Array {
    /// Consecutive parts of at most `size` elements.
    package func pieces(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}

extension FileDatastore {
    /// Which recorded paths of datasets lead to files that other datasets have records of, too.
    public func pathsShared(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> Set<ExactName> {
        try shared(try paths(of: ids, connection), apartFrom: Set(ids), connection)
    }

    private func paths(of ids: [DatasetID], _ connection: any DatabaseConnection) throws -> Set<ExactName> {
        var paths: Set<ExactName> = []
        for chunk in ids.pieces(of: 10_000) {
            for infos in try table.records(of: chunk, connection).values {
                paths.formUnion(infos.lazy.map { ExactName($0.path) })
            }
        }
        return paths
    }

    /// Which recorded files would go with datasets, and which would stay because others share them.
    public func foreseeDeletion(
        _ ids: [DatasetID], _ connection: any DatabaseConnection
    ) throws -> (gone: [String], shared: [String]) {
        let all = Set(ids)
        let inside = try paths(of: ids, connection).filter { ArtifactLocation.belowRoot($0.text) != nil }
        let shared = try shared(inside, apartFrom: all, connection)
        return (inside.subtracting(shared).sortedTexts(), shared.sortedTexts())
    }
}
