import ButlerModel
import Database
import ObjectStorage

/// Comparing what is recorded with what is there.
extension FileDatastore {
    /// A record with what the database says of its dataset.
    public struct CheckedRecord: Sendable {
        public let id: DatasetID
        public let info: StoredFileInfo
        /// Whether the datastore has the dataset, by its location.
        public let isLocated: Bool
        public let isTrashed: Bool
    }

    /// What is wrong with a recorded file.
    public enum FileFault: Sendable, Hashable {
        case missing
        case size(found: Int64)
        case checksum
        /// The zip archive that it is in, or the member, cannot be read.
        case archive(reason: String)
    }

    /// Some records, in the order of datasets and components, from those after a dataset; no identifiers at the end.
    ///
    /// All records of a dataset are in one answer. Cost: one query over an index.
    /// - Parameter all: the datastores of the repository, of which some may share a records table.
    public func checkedRecords(
        after last: DatasetID?, limit: Int, among all: [FileDatastore], _ connection: any DatabaseConnection
    ) throws -> (ids: [DatasetID], records: [CheckedRecord]) {
        guard try connection.tableExists(table.specification.name) else { return ([], []) }
        let start: SQL = last.map { "\(column: "dataset_id") > \(value: .uuid($0.uuid))" } ?? "1 = 1"
        let ids = try connection.fetchAll(
            """
            SELECT DISTINCT \(column: "dataset_id") FROM \(table: table.specification) WHERE \(start) \
            ORDER BY \(column: "dataset_id") LIMIT \(value: limit)
            """
        ) { DatasetID(try $0.uuid(0)) }
        return (ids, try checkedRecords(of: ids, among: all, connection))
    }

    /// The records of datasets, as far as they are this datastore's: in a table that several share, each dataset belongs to
    /// the one that its location or its row in the trash names, else to the one that has the files, else to the first.
    public func checkedRecords(
        of ids: [DatasetID], among all: [FileDatastore], _ connection: any DatabaseConnection
    ) throws -> [CheckedRecord] {
        let infos = try table.records(of: ids, connection)
        let located = Set(try locations.held(ids, connection))
        let trashed = Set(try trash.ids(among: ids, connection))
        let group = all.filter { $0.table.specification.name == table.specification.name }
        let siblings = group.filter { $0 !== self }
        var foreign: Set<DatasetID> = []
        for sibling in siblings {
            foreign.formUnion(try sibling.locations.held(ids, connection))
            foreign.formUnion(try sibling.trash.ids(among: ids, connection))
        }
        return try ids.flatMap { id -> [CheckedRecord] in
            let records = infos[id] ?? []
            if !located.contains(id), !trashed.contains(id), !siblings.isEmpty {
                if foreign.contains(id) { return [] }
                let isOurs = try records.contains { try isThere($0) == true }
                let isTheirs = try siblings.contains { sibling in
                    try records.contains { try sibling.isThere($0) == true }
                }
                guard isOurs || (!isTheirs && group.first === self) else { return [] }
            }
            return records.sorted { ($0.component ?? "") < ($1.component ?? "") }.map {
                CheckedRecord(id: id, info: $0, isLocated: located.contains(id), isTrashed: trashed.contains(id))
            }
        }
    }

    /// The number of datasets in this datastore. Cost: a scan of an index.
    public func locatedCount(_ connection: any DatabaseConnection) throws -> Int { try locations.count(connection) }

    /// Whether the file of a record is there; `nil` when it is on another machine. Blocks.
    /// - Throws: `ObjectStorageError` when the system does not say, as on a mount that has vanished.
    public func isThere(_ info: StoredFileInfo) throws -> Bool? {
        let place: (store: POSIXObjectStore, path: ObjectPath, member: String?)
        do {
            place = try self.place(of: info)
        } catch DatastoreError.unsupportedLocation { return nil }
        guard let local = place.store.localPath(place.path) else { return nil }
        do {
            _ = try LocalFile.size(local)
            return true
        } catch ObjectStorageError.notFound { return false } catch ObjectStorageError.notAFile { return false }
    }

    /// Those of the datasets that the table has records of.
    public func recorded(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> Set<DatasetID> {
        Set(try table.records(of: ids, connection).keys)
    }

    /// Those of the datasets that the datastore has by their locations.
    public func located(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> [DatasetID] {
        try locations.held(ids, connection)
    }

    /// Datasets that the datastore has by their locations, but without any record.
    public func locationsWithoutRecord(_ connection: any DatabaseConnection) throws -> [DatasetID] {
        try locations.withoutRecord(in: table, connection)
    }

    /// Rows of the trash that mean nothing, because there is no record.
    public func trashWithoutRecord(_ connection: any DatabaseConnection) throws -> [DatasetID] {
        var found: [DatasetID] = []
        var last: DatasetID?
        while true {
            let ids = try trash.ids(after: last, limit: 1000, connection)
            guard let latest = ids.last else { return found }
            last = latest
            let known = try table.records(of: ids, connection)
            found += ids.filter { known[$0] == nil }
        }
    }

    /// What is wrong with the file of a record; `nil` when nothing is. Files on other machines are not looked at.
    ///
    /// - Parameters:
    ///   - checksums: whether content is compared where a checksum is recorded, and members of archives are unpacked.
    ///   - archives: remembers archives that were looked into.
    public func fault(
        of info: StoredFileInfo, checksums: Bool, _ archives: inout CheckedArchives
    ) async throws -> FileFault? {
        let place: (store: POSIXObjectStore, path: ObjectPath, member: String?)
        do {
            place = try self.place(of: info)
        } catch DatastoreError.unsupportedLocation { return nil }
        guard let size = try await place.store.stat(place.path)?.size else { return .missing }
        if let member = place.member {
            guard let local = place.store.localPath(place.path) else { return nil }
            return try await archives.fault(ofMember: member, recordedSize: info.fileSize, archive: local, checksums)
        }
        guard info.fileSize < 0 || info.fileSize == size else { return .size(found: size) }
        if checksums, let wanted = info.checksum, let local = place.store.localPath(place.path) {
            let found = try await POSIXObjectStore.sharedPool.run { try LocalFile.checksum(local) }
            guard found == wanted else { return .checksum }
        }
        return nil
    }

    /// Whether the file of a record is missing because a folder above it is a symbolic link to what is not there.
    public func isBehindBrokenLink(_ info: StoredFileInfo) throws -> Bool {
        switch try ArtifactLocation(recorded: info.path) {
        case .inside(let path, _):
            return LocalFile.isBehindBrokenLink(try localPath(path), below: try rootPath())
        case .outside(let uri, _):
            guard let local = uri.localPath else { return true }
            // A whole folder that is gone looks like a disk that is.
            return !LocalFile.isFolder(JournalFiles.folder(of: local))
        }
    }

    /// Bytes of the file of a record below the root; 0 when it is not there.
    public func sizeBelowRoot(_ info: StoredFileInfo) throws -> Int64 {
        guard case .inside(let path, _) = try ArtifactLocation(recorded: info.path), isLocal else { return 0 }
        do { return try LocalFile.size(try localPath(path)) } catch is ObjectStorageError { return 0 }
    }

    /// Seconds since 1970 of the latest change of the file of a record; `nil` when it is not there or elsewhere.
    public func latestChange(_ info: StoredFileInfo) throws -> Int64? {
        guard case .inside(let path, _) = try ArtifactLocation(recorded: info.path), isLocal else { return nil }
        return FileTimes(try localPath(path))?.latestChange
    }

    /// Whether a table other than this datastore's names the file of a record, for a datastore with the same root.
    public func isRecordedElsewhere(
        _ info: StoredFileInfo, among all: [FileDatastore], _ connection: any DatabaseConnection
    ) throws -> Bool {
        try !recordedElsewhere([info.path], among: all, connection).isEmpty
    }

    /// Removes rows of the trash.
    public func forgetTrash(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        for chunk in ids.pieces(of: 10_000) { try trash.delete(chunk, connection) }
    }

    /// Deletes the files and records of datasets that have no location: those that are in the trash, and those that
    /// nothing knows any more.
    public func deleteUnlocated(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        let held = Set(try locations.held(ids, connection))
        for chunk in ids.filter({ !held.contains($0) }).pieces(of: Self.trashChunk) {
            try trash.insertUnlocated(chunk, connection)
            _ = try emptyTrash(chunk, connection)
        }
    }

    /// Says of datasets with records that they are in this datastore.
    public func locate(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        let held = Set(try locations.held(ids, connection))
        try locations.insert(ids.filter { !held.contains($0) }, connection)
    }

    /// Forgets records of files that are not there; datasets without any record are not in the datastore any more.
    public func forgetLost(_ records: [CheckedRecord], _ connection: any DatabaseConnection) throws {
        for record in records { try table.delete(record.id, component: record.info.component, connection) }
        let ids = Array(Set(records.map(\.id)))
        let left = try table.records(of: ids, connection)
        try locations.delete(ids.filter { left[$0] == nil }, connection)
    }

    /// Enters what can be found out about datasets that have a location and no record: their files, where they would be
    /// written.
    /// - Parameters:
    ///   - ref: with an expanded data ID.
    ///   - isRehearsal: whether nothing is entered.
    /// - Returns: whether all of its files are there, and no other dataset's.
    public func recordFound(
        _ ref: DatasetRef, isRehearsal: Bool, _ connection: any DatabaseConnection
    ) throws -> Bool {
        var infos = try expectedFiles(of: ref)
        guard !infos.isEmpty else { return false }
        for index in infos.indices {
            guard try isThere(infos[index]) == true,
                case .inside(let path, _) = try ArtifactLocation(recorded: infos[index].path)
            else { return false }
            infos[index].fileSize = try LocalFile.size(try localPath(path))
        }
        guard try table.recorded(infos.map(\.path), connection).isEmpty else { return false }
        if isRehearsal { return true }
        try table.insert(infos.map { (ref.id, $0) }, connection)
        return true
    }
}

extension DatasetTrashTable {
    func insertUnlocated(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        try connection.executeMany(
            SQL.insert(into: Self.specification, onConflict: .ignore),
            rows: ids.map { [.uuid($0.uuid), .text(datastore)] })
    }
}

extension DatasetLocationTable {
    func withoutRecord(in records: FileRecordsTable, _ connection: any DatabaseConnection) throws -> [DatasetID] {
        let exists: SQL =
            try connection.tableExists(records.specification.name)
            ? """
            EXISTS (SELECT 1 FROM \(table: records.specification) AS \(alias: "r") \
            WHERE \(column: "dataset_id", of: "r") = \(column: "dataset_id", of: "l"))
            """ : "1 = 0"
        return try connection.fetchAll(
            """
            SELECT \(column: "dataset_id", of: "l") FROM \(table: "dataset_location") AS \(alias: "l") \
            WHERE \(column: "datastore_name", of: "l") = \(value: datastore) AND NOT \(exists)
            """
        ) { DatasetID(try $0.uuid(0)) }
    }
}
