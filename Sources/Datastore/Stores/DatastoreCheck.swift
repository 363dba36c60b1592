import ButlerModel
import ByteText
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

        public var key: RecordKey { RecordKey(id: id, component: info.component) }
    }

    /// What tells a record from all others of a datastore.
    public struct RecordKey: Sendable, Hashable {
        let id: DatasetID
        let component: String?
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

    /// Those of the datasets that the table has records of.
    public func recorded(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> Set<DatasetID> {
        Set(try table.records(of: ids, connection).keys)
    }

    /// Those of the datasets that the datastore has by their locations.
    public func located(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> [DatasetID] {
        try locations.held(ids, connection)
    }

    /// Which of the datasets the table has all records of, and which only those of some components.
    ///
    /// All are one for the whole, or one for each component of a composite. A component that had no value has no record
    /// either; nothing tells that from one that was lost.
    public func recordedParts(
        of refs: [DatasetRef], _ connection: any DatabaseConnection
    ) throws -> (whole: Set<DatasetID>, partly: Set<DatasetID>) {
        let records = try table.records(of: refs.map(\.id), connection)
        var (whole, partly): (Set<DatasetID>, Set<DatasetID>) = ([], [])
        for ref in refs {
            guard let own = records[ref.id] else { continue }
            if try own.contains(where: { $0.component == nil }) || hasAllComponents(own, of: ref) {
                whole.insert(ref.id)
            } else {
                partly.insert(ref.id)
            }
        }
        return (whole, partly)
    }

    private func hasAllComponents(_ records: [StoredFileInfo], of ref: DatasetRef) throws -> Bool {
        guard let definition = storageClasses[ref.datasetType.storageClass], definition.isComposite else { return false }
        let recorded = Set(names: records.compactMap(\.component))
        return try definition.components.allSatisfy {
            try recorded.contains($0.name) || componentRef($0.name, of: ref, definition) == nil
        }
    }

    /// Datasets that the datastore has by their locations, but without any record.
    public func locationsWithoutRecord(_ connection: any DatabaseConnection) throws -> [DatasetID] {
        try locations.withoutRecord(in: table, connection)
    }

    /// Rows of the trash that mean nothing, because the dataset is stored.
    public func trashOfStored(_ connection: any DatabaseConnection) throws -> [DatasetID] { try trash.stale(connection) }

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
            _ = try emptyTrash(TrashPiece(ids: chunk, isForgotten: false), connection)
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

    /// Enters files that were found for a dataset with a location and no record: see ``find(_:)``. Blocks.
    ///
    /// - Parameter isRehearsal: whether nothing is entered.
    /// - Returns: whether all of its files are what they were, and no other dataset's.
    public func recordFound(
        _ infos: [StoredFileInfo], of id: DatasetID, isRehearsal: Bool, _ connection: any DatabaseConnection
    ) throws -> Bool {
        guard try infos.allSatisfy({ try sizeNow($0) == $0.fileSize }) else { return false }
        guard try table.recorded(infos.map(\.path), connection).isEmpty else { return false }
        if isRehearsal { return true }
        try table.insert(infos.map { (id, $0) }, connection)
        return true
    }
}

extension DatasetTrashTable {
    func insertUnlocated(_ ids: some Sequence<DatasetID>, _ connection: any DatabaseConnection) throws {
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
