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
        /// The archive that holds it, or its part there.
        case archive(reason: String)
    }

    /// The archive that was opened last, since its members follow one another.
    public struct OpenedArchive: Sendable {
        fileprivate var path = ""
        fileprivate var archive: ZipArchive?

        public init() {}
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
    /// - Parameter checksums: whether content is compared where a checksum is recorded, or in the archive.
    public func fault(
        of info: StoredFileInfo, checksums: Bool, _ opened: inout OpenedArchive
    ) async throws -> FileFault? {
        let place: (store: POSIXObjectStore, path: ObjectPath, member: String?)
        do {
            place = try self.place(of: info)
        } catch DatastoreError.unsupportedLocation { return nil }
        guard let size = try await place.store.stat(place.path)?.size else { return .missing }
        if let member = place.member {
            return try await fault(ofMember: member, place.store, place.path, info, checksums: checksums, &opened)
        }
        guard info.fileSize < 0 || info.fileSize == size else { return .size(found: size) }
        if checksums, let wanted = info.checksum, let local = place.store.localPath(place.path) {
            let found = try await POSIXObjectStore.sharedPool.run { try LocalFile.checksum(local) }
            guard found == wanted else { return .checksum }
        }
        return nil
    }

    private func fault(
        ofMember name: String, _ store: POSIXObjectStore, _ path: ObjectPath, _ info: StoredFileInfo, checksums: Bool,
        _ opened: inout OpenedArchive
    ) async throws -> FileFault? {
        do {
            let key = store.root.description + path.description
            if opened.path != key || opened.archive == nil {
                guard let source = try await ByteSource(store, path, name: path.description) else { return .missing }
                opened.archive = try await ZipArchive(source)
                opened.path = key
            }
            guard let archive = opened.archive else { return .missing }
            let size = Int64(clamping: try archive.member(name).size)
            guard info.fileSize < 0 || info.fileSize == size else { return .size(found: size) }
            if checksums { _ = try await archive.read(name) }
            return nil
        } catch DatastoreError.malformedZip(_, let reason) {
            return .archive(reason: reason)
        }
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
    /// - Parameter ref: with an expanded data ID.
    /// - Returns: whether all of its files are there.
    public func recordFound(_ ref: DatasetRef, _ connection: any DatabaseConnection) throws -> Bool {
        var infos = try expectedFiles(of: ref)
        guard !infos.isEmpty else { return false }
        for index in infos.indices {
            guard try isThere(infos[index]) == true, case .inside(let path, _) = try ArtifactLocation(recorded: infos[index].path)
            else { return false }
            infos[index].fileSize = try LocalFile.size(try localPath(path))
        }
        guard try table.recorded(infos.map(\.path), connection).isEmpty else { return false }
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
