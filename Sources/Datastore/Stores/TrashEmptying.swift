import ButlerModel
import Database
import Foundation
import ObjectStorage

/// Deleting datasets: first into the trash, in the transaction that forgets them, then their files.
extension FileDatastore {
    var trash: DatasetTrashTable { DatasetTrashTable(datastore: name, records: table) }

    /// The number of datasets whose files are deleted in one transaction, and so how long it lasts.
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

    /// Lets the registry forget datasets of this datastore. Until their files are deleted an intent alone tells of them.
    func letGo(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        for chunk in ids.pieces(of: 10_000) {
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
    /// transaction lasts no other client gives a file the name of one that is being deleted.
    ///
    /// - Parameters:
    ///   - ids: at most ``trashChunk`` of them.
    ///   - isForgotten: whether they were to be unknown to the registry. Those that it knows again are stored again.
    /// - Throws: ``DatastoreError/absent(datastore:reason:)`` when the root is not there.
    public func emptyTrash(
        _ ids: [DatasetID], isForgotten: Bool = false, _ connection: any DatabaseConnection
    ) throws -> Emptied {
        var result = Emptied()
        try lockNames(connection, forRemoval: true)
        if isForgotten { try restoreReturned(ids, connection) }
        let (entries, trashed) = try doomed(ids, connection)
        guard !entries.isEmpty else { return result }
        var blocked: Set<DatasetID> = []
        let kept = try shared(Set(entries.compactMap(\.path)), apartFrom: Set(entries.map(\.id)), connection)
        result.shared = kept.count
        var seen: Set<String> = []
        var objects: [ObjectPath: DatasetID] = [:]
        try whileRootStays(connection) {
            var isMissing = false
            for entry in entries {
                guard let path = entry.path, !kept.contains(path) else { continue }
                guard case .inside(let object, _) = try ArtifactLocation(recorded: path) else { continue }
                guard seen.insert(object.description).inserted else { continue }
                if !isLocal {
                    objects[object] = entry.id
                    continue
                }
                do {
                    if try JournalFiles.remove(try localPath(object)) { result.files += 1 } else { isMissing = true }
                } catch {
                    blocked.insert(entry.id)
                    result.failures.append("\(error)")
                }
                KillPoint.pass()
            }
            return isMissing
        }
        if !objects.isEmpty {
            let (store, paths) = (try requireRemote(), objects.keys.sorted())
            let failures = try BlockingCall.wait { try await store.delete(paths) }
            result.files += paths.count - failures.count
            for (path, failure) in failures {
                if let id = objects[path] { blocked.insert(id) }
                result.failures.append("\(failure)")
            }
            KillPoint.pass()
        }
        let done = Array(Set(entries.map(\.id)).subtracting(blocked))
        // Copies of what is gone; they would grow old otherwise.
        if !done.isEmpty { try? cache?.remove(done) }
        try table.delete(done, connection)
        KillPoint.pass()
        try trash.delete(done.filter(trashed.contains), connection)
        // Whoever empties the trash tries again.
        try trash.insertUnlocated(blocked.filter { !trashed.contains($0) }, connection)
        KillPoint.pass()
        result.datasets = done.count
        return result
    }
}

extension FileDatastore {
    /// A file that is to go, as one dataset records it.
    struct Doomed {
        let id: DatasetID
        /// Unquoted, as recorded; `nil` for a row of the trash without record.
        let path: String?
    }

    /// The files of those of the datasets that are in the trash or, with records here, unknown to the registry, which forgets
    /// none that is stored; and which of them are in the trash.
    func doomed(
        _ ids: [DatasetID], _ connection: any DatabaseConnection
    ) throws -> (entries: [Doomed], trashed: Set<DatasetID>) {
        let trashed = Set(try trash.ids(among: ids, connection))
        let infos = try table.records(of: ids, connection)
        let known = try DatasetLocationTable.registered(infos.keys.filter { !trashed.contains($0) }, connection)
        var entries: [Doomed] = []
        for id in ids where trashed.contains(id) || infos[id] != nil && !known.contains(id) {
            guard let found = infos[id] else {
                entries.append(Doomed(id: id, path: nil))
                continue
            }
            for info in found { entries.append(Doomed(id: id, path: info.path)) }
        }
        return (entries, trashed)
    }

    /// Which recorded paths lead to files of which another datastore has a record, in another table and for a root above or
    /// equal to this one's.
    func recordedElsewhere(
        _ paths: some Sequence<String>, among others: [FileDatastore], _ connection: any DatabaseConnection
    ) throws -> Set<String> {
        let others = others.filter { $0 !== self && $0.table.specification.name != table.specification.name }
        guard !others.isEmpty, let root = try searchedRoot() else { return [] }
        var found: Set<String> = []
        for other in others {
            guard let theirs = try other.searchedRoot() else { continue }
            var own: [String: [String]] = [:]
            for path in paths {
                guard case .inside(let object, _) = try ArtifactLocation(recorded: path) else { continue }
                let absolute = root + object.description
                guard absolute.hasPrefix(theirs) else { continue }
                own[String(absolute.dropFirst(theirs.count)), default: []].append(path)
            }
            for path in try other.table.recordedFiles(Array(own.keys), connection) { found.formUnion(own[path] ?? []) }
        }
        return found
    }

    /// Which of the recorded paths have to stay, because datasets other than these have records of the same files, below
    /// the root or by their absolute locations.
    func shared(
        _ paths: Set<String>, apartFrom ids: Set<DatasetID>, _ connection: any DatabaseConnection
    ) throws -> Set<String> {
        var kept = try table.shared(paths, apartFrom: ids, connection)
        kept.formUnion(try recordedElsewhere(paths, among: neighbours, connection))
        guard try table.hasAbsolutePaths(of: root.scheme, connection) else { return kept }
        var locations: [String: [String]] = [:]
        let resolved = try existingRoot().map { try ResourceURI(localPath: $0).asDirectory }
        for path in paths {
            guard case .inside(let object, let member) = try ArtifactLocation(recorded: path) else { continue }
            for root in Set([root, resolved ?? root]) {
                let file = try root.join(untrusted: object.description).description
                let location = member.map { "\(file)#zip-path=\($0)" } ?? file
                locations[location, default: []].append(path)
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
        let filter = SQL.hasPrefix("\(column: "path")", scheme + ":")
        return try !connection.fetchAll("SELECT 1 FROM \(table: specification) WHERE \(filter) LIMIT 1") { _ in true }.isEmpty
    }

    /// Which of the recorded paths have to stay, because datasets other than these have records of the same files.
    ///
    /// Members of one archive share its file.
    func shared(
        _ paths: Set<String>, apartFrom ids: Set<DatasetID>, _ connection: any DatabaseConnection
    ) throws -> Set<String> {
        guard !paths.isEmpty, try connection.tableExists(specification.name) else { return [] }
        var kept: Set<String> = []
        var archives: [String: [String]] = [:]
        var plain: [SQLValue] = []
        for path in paths {
            if path.utf8.contains(UInt8(ascii: "#")), let hash = path.range(of: "#zip-path=") {
                archives[String(path[..<hash.lowerBound]), default: []].append(path)
            } else {
                plain.append(.text(path))
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
                WHERE \(SQL.hasPrefix("\(column: "path")", archive + "#"))
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
    public func pathsShared(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> Set<String> {
        try shared(try paths(of: ids, connection), apartFrom: Set(ids), connection)
    }

    private func paths(of ids: [DatasetID], _ connection: any DatabaseConnection) throws -> Set<String> {
        var paths: Set<String> = []
        for chunk in ids.pieces(of: 10_000) {
            for infos in try table.records(of: chunk, connection).values { paths.formUnion(infos.map(\.path)) }
        }
        return paths
    }

    /// Which recorded files would go with datasets, and which would stay because others share them.
    public func foreseeDeletion(
        _ ids: [DatasetID], _ connection: any DatabaseConnection
    ) throws -> (gone: [String], shared: [String]) {
        let all = Set(ids)
        let inside = try paths(of: ids, connection).filter { path in
            if case .inside = try ArtifactLocation(recorded: path) { true } else { false }
        }
        let shared = try shared(inside, apartFrom: all, connection)
        return (inside.subtracting(shared).sorted(), shared.sorted())
    }
}
