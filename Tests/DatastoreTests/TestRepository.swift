import ButlerModel
import Database
import RepositoryConfiguration
import StructuredData

@testable import Datastore

/// A datastore over a temporary directory, with the registry tables that it needs.
struct TestRepository {
    let directory: TemporaryDirectory
    let database: any DatabaseClient
    let datastore: any Datastore
    let universe: DimensionUniverse

    var file: FileDatastore { datastore.files[0] }

    /// - Parameter sections: YAML of `datastore` and `storageClasses`.
    init(_ sections: String = "datastore: {}") async throws {
        directory = try TemporaryDirectory()
        universe = try TestData.universe()
        database = try await SQLiteClient.open(
            .file(directory.path + "/gen3.sqlite3"), DatabaseOptions(access: .create))
        guard case .object(var values) = try StructuredValue(yaml: sections) else {
            throw ConfigurationError.missingKey(location: "test", key: "datastore")
        }
        values["root"] = .string(directory.path)
        if var section = values["datastore"]?.objectValue, section["cls"] == nil {
            section["root"] = section["root"] ?? "<butlerRoot>"
            section["cls"] = "lsst.daf.butler.datastores.fileDatastore.FileDatastore"
            values["datastore"] = .object(section)
        }
        let configuration = try await ButlerConfiguration.make(
            from: ConfigurationDocument(values: values),
            environment: ConfigurationEnvironment(variables: [:], currentDirectory: directory.path))
        guard case .direct(let direct) = configuration else {
            throw ConfigurationError.missingKey(location: "test", key: "cls")
        }
        datastore = try Datastores.open(
            try direct.datastore(), universe: universe, storageClasses: try direct.storageClasses())
        try await database.write { connection in
            try connection.execute("CREATE TABLE dataset (id CHAR(32) NOT NULL PRIMARY KEY)")
            try connection.execute("CREATE TABLE opaque_meta (table_name TEXT NOT NULL PRIMARY KEY)")
            try connection.execute(
                """
                CREATE TABLE dataset_location (datastore_name TEXT NOT NULL, dataset_id CHAR(32) NOT NULL,
                PRIMARY KEY (datastore_name, dataset_id), FOREIGN KEY (dataset_id) REFERENCES dataset (id))
                """)
            try connection.execute(
                """
                CREATE TABLE dataset_location_trash (dataset_id CHAR(32) NOT NULL, datastore_name TEXT NOT NULL,
                PRIMARY KEY (dataset_id, datastore_name))
                """)
        }
    }

    /// Stores a dataset as a Butler does.
    func put(_ value: DatasetValue, _ ref: DatasetRef) async throws {
        let staged = try await datastore.stage(value, ref)
        do {
            try await database.write { connection in
                try connection.execute("INSERT INTO dataset (id) VALUES (\(value: .uuid(ref.id.uuid)))")
                try staged.insertRecords(connection)
                try staged.publish()
            }
        } catch {
            try await staged.discard()
            throw error
        }
    }

    func stored(_ id: DatasetID) async throws -> [StoredDataset] {
        let datastore = datastore
        return try await database.read { try datastore.stored([id], $0) }[id] ?? []
    }

    func get(_ ref: DatasetRef, _ component: String? = nil) async throws -> DatasetValue {
        try await datastore.read(ref, from: try await stored(ref.id), component: component)
    }

    /// Enters a file as another client would have recorded it.
    func record(_ info: StoredFileInfo, _ id: DatasetID) async throws {
        let file = file
        try await database.write { connection in
            try connection.execute("INSERT INTO dataset (id) VALUES (\(value: .uuid(id.uuid)))")
            try file.insertRecords([StagedFile(datastore: file, rows: [.init(id: id, info: info)], placement: nil)], connection)
        }
    }

    /// Files of datasets.
    var artifacts: [String] { directory.files().filter { !$0.hasPrefix("gen3.sqlite3") && !$0.contains(".steward/") } }
}

enum FormatterName {
    static let prefix = "lsst.daf.butler.formatters."
    static let json = prefix + "json.JsonFormatter"
    static let yaml = prefix + "yaml.YamlFormatter"
}
