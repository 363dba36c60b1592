import Foundation
import TestSupport
import Testing

@testable import Database

/// A kind of database on which the behaviour suite runs. Each use opens a fresh, empty database.
struct Implementation: Sendable, CustomTestStringConvertible {
    let name: String
    private let open: @Sendable (DatabaseOptions, TemporaryDirectory) async throws -> any DatabaseClient

    var testDescription: String { name }

    static let all = [
        Implementation(name: "SQLite file") { options, directory in
            try await SQLiteClient.open(.file(directory.file("test.sqlite3")), options)
        },
        Implementation(name: "SQLite in memory") { options, _ in try await SQLiteClient.open(.memory, options) },
    ] + (PostgreSQLCluster.isAvailable ? [postgresql] : [])

    /// A schema of its own in the database of the throwaway server.
    private static let postgresql = Implementation(name: "PostgreSQL") { options, _ in
        let cluster = try PostgreSQLCluster.shared.get()
        let schema = PostgreSQLCluster.freshName("database_tests")
        try cluster.administer("CREATE SCHEMA \(schema)")
        return try await PostgreSQLClient.open(
            try DatabaseURL(parsing: cluster.url + "/postgres"), schema: schema, options)
    }

    /// Gives `body` a client of an empty database.
    func withClient<T>(
        _ options: DatabaseOptions = DatabaseOptions(access: .create, busyTimeout: .seconds(10)),
        _ body: (any DatabaseClient) async throws -> T
    ) async throws -> T {
        let directory = try TemporaryDirectory()
        let client = try await open(options, directory)
        do {
            let result = try await body(client)
            try await client.close()
            return result
        } catch {
            try await client.close()
            throw error
        }
    }
}

/// A directory that goes with its last reference.
final class TemporaryDirectory: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "database-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String) -> String { url.appending(path: name).path }
}

extension TableSpecification {
    /// A table with every type of column.
    static let samples = TableSpecification(
        "samples",
        columns: [
            ColumnSpecification("id", .autoincrement),
            ColumnSpecification("guid", .uuid, isNullable: true),
            ColumnSpecification("small", .smallInt, isNullable: true),
            ColumnSpecification("large", .int, isNullable: true),
            ColumnSpecification("ratio", .double, isNullable: true),
            ColumnSpecification("flag", .bool, isNullable: true),
            ColumnSpecification("code", .string(length: 8), isNullable: true),
            ColumnSpecification("note", .text, isNullable: true),
            ColumnSpecification("timespan", .timespan, isNullable: true),
            ColumnSpecification("hash", .bytes, isNullable: true),
            ColumnSpecification("raw", .blob, isNullable: true),
        ],
        primaryKey: ["id"])

    static let group = TableSpecification(
        "group",
        columns: [
            ColumnSpecification("id", .int), ColumnSpecification("name", .string(length: 16)),
            ColumnSpecification("rank", .int, isNullable: true),
        ],
        primaryKey: ["id"], unique: [["name"]])

    static let member = TableSpecification(
        "member",
        columns: [ColumnSpecification("group", .int), ColumnSpecification("name", .text)],
        primaryKey: ["group", "name"],
        foreignKeys: [ForeignKeySpecification(["group"], references: "group", ["id"], deletesCascade: true)])

    static let badge = TableSpecification(
        "badge", columns: [ColumnSpecification("group", .int)], primaryKey: ["group"],
        foreignKeys: [ForeignKeySpecification(["group"], references: "group", ["id"])])
}
