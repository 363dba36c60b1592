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
    }

    /// Some records, in the order of datasets and components, from those after a dataset; none at the end.
    ///
    /// All records of a dataset are in one answer. Cost: one query over an index.
    public func checkedRecords(
        after last: DatasetID?, limit: Int, _ connection: any DatabaseConnection
    ) throws -> [CheckedRecord] {
        guard try connection.tableExists(table.specification.name) else { return [] }
        let start: SQL = last.map { "\(column: "dataset_id") > \(value: .uuid($0.uuid))" } ?? "1 = 1"
        let ids = try connection.fetchAll(
            """
            SELECT DISTINCT \(column: "dataset_id") FROM \(table: table.specification) WHERE \(start) \
            ORDER BY \(column: "dataset_id") LIMIT \(value: limit)
            """
        ) { DatasetID(try $0.uuid(0)) }
        let infos = try table.records(of: ids, connection)
        let located = Set(try locations.held(ids, connection))
        let trashed = Set(try trash.ids(among: ids, connection))
        return ids.flatMap { id in
            (infos[id] ?? []).sorted { ($0.component ?? "") < ($1.component ?? "") }.map {
                CheckedRecord(id: id, info: $0, isLocated: located.contains(id), isTrashed: trashed.contains(id))
            }
        }
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
    /// - Parameter checksums: whether content is compared where a checksum is recorded.
    public func fault(of info: StoredFileInfo, checksums: Bool) async throws -> FileFault? {
        let place: (store: POSIXObjectStore, path: ObjectPath, member: String?)
        do {
            place = try self.place(of: info)
        } catch DatastoreError.unsupportedLocation { return nil }
        guard let size = try await place.store.stat(place.path)?.size else { return .missing }
        guard place.member == nil else { return nil }
        guard info.fileSize < 0 || info.fileSize == size else { return .size(found: size) }
        if checksums, let wanted = info.checksum, let local = place.store.localPath(place.path) {
            let found = try await POSIXObjectStore.sharedPool.run { try LocalFile.checksum(local) }
            guard found == wanted else { return .checksum }
        }
        return nil
    }

    /// Files below the root that no record names, in pages. Those of Steward's journal are left out.
    ///
    /// - Parameter isForeign: tells files that belong to others, by absolute path.
    public func filesWithoutRecord(
        isForeign: @Sendable (String) -> Bool,
        read: @Sendable (@escaping @Sendable (any DatabaseConnection) throws -> Set<String>) async throws -> Set<String>,
        _ body: (String, Int64) async throws -> Void
    ) async throws {
        let store = try requireStore()
        let table = table
        for try await page in try await store.list(nil) {
            let candidates = page.filter { entry in
                !entry.path.description.hasPrefix(JournalSession.folderName + "/")
                    && !isForeign(store.localPath(entry.path) ?? "")
            }
            guard !candidates.isEmpty else { continue }
            let paths = candidates.map(\.path.description)
            let recorded = try await read { try table.recordedFiles(paths, $0) }
            for entry in candidates where !recorded.contains(entry.path.description) {
                try await body(entry.path.description, entry.status.size)
            }
        }
    }

    /// Removes a file unless a record names it by now; the transaction must be one that writes.
    public func removeWithoutRecord(_ path: String, _ connection: any DatabaseConnection) throws {
        try lockNames(connection, forRemoval: true)
        guard try table.recordedFiles([path], connection).isEmpty else { return }
        try JournalFiles.remove(try localPath(try ObjectPath(path)))
    }

    /// Removes rows of the trash.
    public func forgetTrash(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        for chunk in ids.pieces(of: 10_000) { try trash.delete(chunk, connection) }
    }

    /// Enters datasets that have records but no location into the trash.
    public func trashUnlocated(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        for chunk in ids.pieces(of: 10_000) { try trash.insertUnlocated(chunk, connection) }
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
