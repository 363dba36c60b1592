import Database
import RepositoryConfiguration

/// The database of a registry: its URL, completed from the configuration and the user's credentials.
/// Source: repository format reference, section 1.4.
enum RegistryDatabase {
    static func url(
        _ section: RegistryConfiguration, environment: ConfigurationEnvironment
    ) throws -> DatabaseURL {
        var url = try DatabaseURL(parsing: section.database)
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
}
