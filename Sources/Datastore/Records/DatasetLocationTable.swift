import ButlerModel
import Database

/// The registry table that says which datastore holds which dataset. Datastores write it, through this type alone.
struct DatasetLocationTable: Sendable {
    private static let specification = TableSpecification(
        "dataset_location",
        columns: [ColumnSpecification("datastore_name", .text), ColumnSpecification("dataset_id", .uuid)],
        primaryKey: ["datastore_name", "dataset_id"],
        foreignKeys: [ForeignKeySpecification(["dataset_id"], references: "dataset", ["id"])])

    let datastore: String

    /// - Throws: `DatabaseError.constraintViolation` when the registry does not know a dataset, or the datastore has it.
    func insert(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        guard !ids.isEmpty else { return }
        try connection.executeMany(
            SQL.insert(into: Self.specification), rows: ids.lazy.map { [.text(datastore), .uuid($0.uuid)] })
    }

    /// Those of the datasets that are in the datastore.
    func held(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> [DatasetID] {
        guard !ids.isEmpty else { return [] }
        return try connection.fetchAll(
            "SELECT \(column: "dataset_id") FROM \(table: Self.specification) WHERE \(filter(ids))"
        ) { DatasetID(try $0.uuid(0)) }
    }

    /// Takes datasets out of the datastore, and says which of them it had.
    func take(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> [DatasetID] {
        guard !ids.isEmpty else { return [] }
        return try connection.fetchAll(
            "DELETE FROM \(table: Self.specification) WHERE \(filter(ids)) RETURNING \(column: "dataset_id")"
        ) { DatasetID(try $0.uuid(0)) }
    }

    private func filter(_ ids: [DatasetID]) -> SQL {
        let members = SQL.isIn("\(column: "dataset_id")", ids.map { .uuid($0.uuid) })
        return "\(column: "datastore_name") = \(value: datastore) AND \(members)"
    }

    /// Those of the datasets that the registry knows.
    static func registered(
        _ ids: some Collection<DatasetID>, _ connection: any DatabaseConnection
    ) throws -> Set<DatasetID> {
        guard !ids.isEmpty else { return [] }
        let filter = SQL.isIn("\(column: "id")", ids.map { .uuid($0.uuid) })
        return Set(
            try connection.fetchAll("SELECT \(column: "id") FROM \(table: "dataset") WHERE \(filter)") {
                DatasetID(try $0.uuid(0))
            })
    }

    /// The number of datasets in the datastore.
    func count(_ connection: any DatabaseConnection) throws -> Int {
        Int(
            try connection.fetchOne(
                """
                SELECT COUNT(*) FROM \(table: Self.specification) WHERE \(column: "datastore_name") = \(value: datastore)
                """
            ) { try $0.int(0) } ?? 0)
    }

    func delete(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        guard !ids.isEmpty else { return }
        try connection.execute("DELETE FROM \(table: Self.specification) WHERE \(filter(ids))")
    }
}
