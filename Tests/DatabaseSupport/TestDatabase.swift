import Database
import Foundation
import TestSupport

/// The kind of database that tests of repositories run on: SQLite, or PostgreSQL where `STEWARD_TEST_DATABASE` is
/// `postgresql`. The suites are the same; `./test` runs them on both.
public enum TestDatabase {
    public static let isPostgreSQL = ProcessInfo.processInfo.environment["STEWARD_TEST_DATABASE"] == "postgresql"

    /// A new, empty database: a file in the directory, or a schema of the throwaway server.
    public static func open(in directory: URL) async throws -> any DatabaseClient {
        let options = DatabaseOptions(access: .create, busyTimeout: .seconds(20))
        guard isPostgreSQL else {
            return try await SQLiteClient.open(.file(directory.appendingPathComponent("gen3.sqlite3").path), options)
        }
        let place = try freshSchema()
        return try await PostgreSQLClient.open(try DatabaseURL(parsing: place.url), schema: place.schema, options)
    }

    /// The same database again, with other rights.
    public static func reopen(
        _ database: any DatabaseClient, in directory: URL, access: DatabaseAccess, allowsTemporaryTables: Bool = true
    ) async throws -> any DatabaseClient {
        let options = DatabaseOptions(
            access: access, busyTimeout: .seconds(20), allowsTemporaryTables: allowsTemporaryTables)
        guard isPostgreSQL else {
            return try await SQLiteClient.open(.file(directory.appendingPathComponent("gen3.sqlite3").path), options)
        }
        return try await PostgreSQLClient.open(
            try DatabaseURL(parsing: try PostgreSQLCluster.shared.get().url + "/postgres"),
            schema: database.dialect.schema, options)
    }

    /// An empty schema of the throwaway server, and the address of its database.
    public static func freshSchema() throws -> (url: String, schema: String) {
        let cluster = try PostgreSQLCluster.shared.get()
        let schema = PostgreSQLCluster.freshName("steward")
        try cluster.administer("CREATE SCHEMA \(schema)")
        return (cluster.url + "/postgres", schema)
    }

    /// YAML of a configuration to create repositories with; empty for SQLite.
    public static func seed() throws -> String {
        guard isPostgreSQL else { return "" }
        let place = try freshSchema()
        return "registry: {db: \"\(place.url)\", namespace: \(place.schema)}\n"
    }
}
