import ButlerModel
import ByteText
import Database
import ObjectStorage

/// The table of a registry database that describes the files of a datastore: one row for each dataset and component.
///
/// This type is the only one that writes the table and its entry in `opaque_meta`. The table appears with the first
/// writing client; until then the datastore is empty. Source: repository format reference, sections 2.5 and 6.2.
struct FileRecordsTable: Sendable {
    let specification: TableSpecification
    private static let registered = TableSpecification(
        "opaque_meta", columns: [ColumnSpecification("table_name", .text)], primaryKey: ["table_name"])

    init(name: String) {
        specification = TableSpecification(
            name,
            columns: [
                ColumnSpecification("dataset_id", .uuid),
                ColumnSpecification("path", .text),
                ColumnSpecification("formatter", .text),
                ColumnSpecification("storage_class", .text),
                ColumnSpecification("component", .string(length: 32)),
                ColumnSpecification("checksum", .text, isNullable: true),
                ColumnSpecification("file_size", .int, isNullable: true),
            ],
            primaryKey: ["dataset_id", "component"], indexes: [["path"]])
    }

    /// Makes the table and enters it in `opaque_meta` where that is missing.
    func create(_ connection: any DatabaseConnection) throws {
        if try !connection.tableExists(specification.name) {
            try connection.createTable(specification, temporary: false, ifNotExists: true)
        }
        try connection.execute(
            SQL.insert(
                into: Self.registered, columns: ["table_name"], values: [.text(specification.name)],
                onConflict: .ignoreOn(["table_name"])))
    }

    /// The records of many datasets, in no promised order within one. Datasets without records are left out.
    ///
    /// Cost: one indexed query, however many datasets.
    func records(of ids: [DatasetID], _ connection: any DatabaseConnection) throws -> [DatasetID: [StoredFileInfo]] {
        try records("SELECT \(columns) FROM \(table: specification) WHERE \(Self.filter(ids))", ids, connection)
    }

    /// Deletes the records of datasets, and says what they were, as ``records(of:_:)``.
    func take(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> [DatasetID: [StoredFileInfo]] {
        try records(
            "DELETE FROM \(table: specification) WHERE \(Self.filter(ids)) RETURNING \(columns)", ids, connection)
    }

    private var columns: SQL { SQL.results(specification.columns) }

    private static func filter(_ ids: [DatasetID]) -> SQL {
        SQL.isIn("\(column: "dataset_id")", ids.map { .uuid($0.uuid) })
    }

    private func records(
        _ statement: SQL, _ ids: [DatasetID], _ connection: any DatabaseConnection
    ) throws -> [DatasetID: [StoredFileInfo]] {
        guard let low = ids.min(), let high = ids.max(), try connection.tableExists(specification.name) else { return [:] }
        if ids.count > 100,
            try !connection.hasValues(
                from: low.uuid, to: high.uuid, in: "\(column: "dataset_id")", of: "\(table: specification)")
        {
            return [:]
        }
        var found: [DatasetID: [StoredFileInfo]] = [:]
        try connection.query(statement) { row in
            found[DatasetID(try row.uuid(0)), default: []].append(
                StoredFileInfo(
                    formatter: try row.text(2), path: try row.text(1), storageClass: try row.text(3),
                    component: StoredFileInfo.component(stored: try row.text(4)), checksum: try row.optionalText(5),
                    fileSize: try row.optionalInt(6) ?? -1))
        }
        return found
    }

    /// Which of the given paths, as they are recorded, some dataset has a record of.
    func recorded(_ paths: [String], _ connection: any DatabaseConnection) throws -> Set<ExactName> {
        guard !paths.isEmpty, try connection.tableExists(specification.name) else { return [] }
        let filter = SQL.isIn("\(column: "path")", paths.map { .text($0) })
        return Set(
            names: try connection.fetchAll(
                "SELECT DISTINCT \(column: "path") FROM \(table: specification) WHERE \(filter)"
            ) { try $0.text(0) })
    }

    /// Which datasets are in which members of a zip archive.
    ///
    /// - Parameter archive: the recorded path up to the `#`.
    /// - Complexity: the datasets in the archive, with the index of paths.
    func members(ofZip archive: String, _ connection: any DatabaseConnection) throws -> [ExactName: Set<DatasetID>] {
        guard try connection.tableExists(specification.name) else { return [:] }
        var prefix = ""
        for character in "\(archive)#".unicodeScalars {
            if "*?\\".unicodeScalars.contains(character) { prefix += "\\" }
            prefix.unicodeScalars.append(character)
        }
        let filter = SQL.matches("\(column: "path")", WildcardPattern(prefix + "*"))
        var members: [ExactName: Set<DatasetID>] = [:]
        try connection.query(
            "SELECT \(columns: ["dataset_id", "path"]) FROM \(table: specification) WHERE \(filter)"
        ) { row in
            guard let member = try ResourceURI(try row.text(1)).zipMember else { return }
            members[member, default: []].insert(DatasetID(try row.uuid(0)))
        }
        return members
    }

    /// - Throws: `DatabaseError.constraintViolation` when a dataset already has a record of that component.
    func insert(_ rows: [(id: DatasetID, info: StoredFileInfo)], _ connection: any DatabaseConnection) throws {
        guard !rows.isEmpty else { return }
        try create(connection)
        try connection.executeMany(
            SQL.insert(into: specification), rows: rows.lazy.map { Self.values($0.id, $0.info) })
    }

    /// The same for files on their way, of which there may be many.
    func insert(_ files: [StagedFile], _ connection: any DatabaseConnection) throws {
        guard files.contains(where: { !$0.rows.isEmpty }) else { return }
        try create(connection)
        var (file, row) = (0, 0)
        try connection.executeMany(SQL.insert(into: specification)) {
            while file < files.count, row == files[file].rows.count { (file, row) = (file + 1, 0) }
            guard file < files.count else { return nil }
            defer { row += 1 }
            return Self.values(files[file].rows[row].id, files[file].rows[row].info)
        }
    }

    private static func values(_ id: DatasetID, _ info: StoredFileInfo) -> [SQLValue] {
        [
            .uuid(id.uuid), .text(info.path), .text(info.formatter), .text(info.storageClass),
            .text(info.component ?? StoredFileInfo.noComponent), info.checksum.map { .text($0) } ?? .null,
            .int(info.fileSize),
        ]
    }

    func delete(_ id: DatasetID, component: String?, _ connection: any DatabaseConnection) throws {
        try connection.execute(
            """
            DELETE FROM \(table: specification) WHERE \(column: "dataset_id") = \(value: .uuid(id.uuid)) \
            AND \(column: "component") = \(value: component ?? StoredFileInfo.noComponent)
            """)
    }

    func delete(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        guard !ids.isEmpty, try connection.tableExists(specification.name) else { return }
        try connection.execute("DELETE FROM \(table: specification) WHERE \(Self.filter(ids))")
    }
}
