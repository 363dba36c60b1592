import ButlerModel
import Database

/// The registry table of datasets whose files are to be deleted from a datastore.
///
/// A dataset with a record and a location is stored; one with a record and a row here awaits deletion; a row here
/// without a record means nothing, and so does one of a dataset that has a location: it was stored again after a client
/// had died before it took the row away. Datastores write the table, through this type alone. Source: repository format
/// reference, section 7.7.
struct DatasetTrashTable: Sendable {
    static let specification = TableSpecification(
        "dataset_location_trash",
        columns: [ColumnSpecification("dataset_id", .uuid), ColumnSpecification("datastore_name", .text)],
        primaryKey: ["dataset_id", "datastore_name"])

    let datastore: String
    let records: FileRecordsTable

    /// Enters datasets that are in the datastore.
    func insert(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        guard !ids.isEmpty else { return }
        let columns = Self.specification.columns.map(\.name)
        try connection.execute(
            SQL.insert(
                into: Self.specification, columns: columns,
                select: """
                    SELECT \(columns: columns) FROM \(table: "dataset_location") \
                    WHERE \(column: "datastore_name") = \(value: datastore) AND \(Self.filter(ids))
                    """, onConflict: .ignore))
    }

    /// Those of the datasets that are in the trash.
    func ids(among ids: [DatasetID], _ connection: any DatabaseConnection) throws -> [DatasetID] {
        try fetch(Self.filter(ids), limit: ids.count, connection)
    }

    /// At most `limit` datasets in the trash, in the order of their identifiers, from the one after `last`.
    func ids(
        after last: DatasetID?, limit: Int, _ connection: any DatabaseConnection
    ) throws -> [DatasetID] {
        try fetch(
            last.map { "\(column: "dataset_id") > \(value: .uuid($0.uuid))" } ?? "1 = 1", limit: limit, connection)
    }

    /// Those that are stored all the same.
    func stale(_ connection: any DatabaseConnection) throws -> [DatasetID] {
        try fetch("1 = 1", limit: .max, areStored: true, connection)
    }

    func isEmpty(_ connection: any DatabaseConnection) throws -> Bool {
        try connection.fetchAll("SELECT 1 FROM \(table: Self.specification) LIMIT 1") { _ in true }.isEmpty
    }

    private func fetch(
        _ filter: SQL, limit: Int, areStored: Bool = false, _ connection: any DatabaseConnection
    ) throws -> [DatasetID] {
        let isStored: SQL = """
            EXISTS (SELECT 1 FROM \(table: "dataset_location") AS \(alias: "l") \
            WHERE \(column: "datastore_name", of: "l") = \(value: datastore) \
            AND \(column: "dataset_id", of: "l") = \(column: "dataset_id", of: "t"))
            """
        return try connection.fetchAll(
            """
            SELECT \(column: "dataset_id") FROM \(table: Self.specification) AS \(alias: "t") \
            WHERE \(column: "datastore_name") = \(value: datastore) AND \(filter) \
            AND \(areStored ? isStored : "NOT \(isStored)") \
            ORDER BY \(column: "dataset_id") LIMIT \(value: limit)
            """
        ) { DatasetID(try $0.uuid(0)) }
    }

    func delete(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        guard !ids.isEmpty else { return }
        try connection.execute(
            """
            DELETE FROM \(table: Self.specification) WHERE \(column: "datastore_name") = \(value: datastore) \
            AND \(Self.filter(ids))
            """)
    }

    private static func filter(_ ids: [DatasetID]) -> SQL {
        SQL.isIn("\(column: "dataset_id")", ids.map { .uuid($0.uuid) })
    }
}
