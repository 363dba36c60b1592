import Database
import Foundation
import RepositoryConfiguration

/// The database of a registry: its URL, completed from the configuration and the user's credentials.
/// Source: repository format reference, section 1.4.
enum RegistryDatabase {
    static func url(
        _ section: RegistryConfiguration, environment: ConfigurationEnvironment
    ) throws -> DatabaseURL {
        try url(section.database, section, environment: environment)
    }

    /// A name by which writers know that what others of a datastore were about to do is of the same registry: the same for
    /// all users, and for all spellings of the path of a file.
    static func name(_ section: RegistryConfiguration, environment: ConfigurationEnvironment) throws -> String {
        let url = try url(section, environment: environment)
        if url.dialect == "sqlite" {
            let path = url.database ?? ""
            guard let real = realpath(path, nil) else { return "sqlite:" + path }
            defer { free(real) }
            return "sqlite:" + String(cString: real)
        }
        return "\(url.dialect):\(url.place(variables: ProcessInfo.processInfo.environment));\(section.namespace ?? "public")"
    }

    private static func url(
        _ text: String, _ section: RegistryConfiguration, environment: ConfigurationEnvironment
    ) throws -> DatabaseURL {
        var url = try DatabaseURL(parsing: text)
        let gaps = section.connection
        url.host = url.host ?? gaps.host
        url.port = url.port ?? gaps.port
        url.database = url.database ?? gaps.database
        url.user = url.user ?? gaps.username
        url.password = url.password ?? gaps.password
        if let host = url.host, let database = url.database,
            let match = try DatabaseCredentials.load(environment: environment)?.match(
                dialect: url.dialect, username: url.user, host: host, port: url.port, database: database)
        {
            url.user = match.username
            url.password = match.password
        }
        return url
    }

    /// Opens the database, together with the servers that follow it if they are to be read from.
    /// - Throws: `DatabaseError`; `ConfigurationError` for replicas of another kind of database.
    static func open(
        _ section: RegistryConfiguration, _ options: DatabaseOptions, usesReplicas: Bool,
        environment: ConfigurationEnvironment, onWarning: @escaping @Sendable (String) -> Void
    ) async throws -> any DatabaseClient {
        let url = try url(section, environment: environment)
        guard usesReplicas, let replicas = section.replicas else {
            return try await url.open(options, schema: section.namespace)
        }
        let others = try replicas.databases.map { try Self.url($0, section, environment: environment) }
        for other in [url] + others where other.dialect != "postgresql" {
            throw DatabaseError.invalidURL(
                other.description, reason: "'registry.replicas' are for PostgreSQL databases, and are such themselves")
        }
        return try await ReplicatedClient.open(
            url, replicas: others, bound: .seconds(replicas.staleness), schema: section.namespace, options,
            onWarning: onWarning)
    }
}
