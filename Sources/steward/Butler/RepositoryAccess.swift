import RepositoryConfiguration
import Database
import Foundation
import Registry

/// Opens what commands work on.
enum RepositoryAccess {
    static var environment: ConfigurationEnvironment {
        ConfigurationEnvironment(variables: ProcessInfo.processInfo.environment)
    }

    /// The registry of the repository that an argument names, for reading.
    static func registry(_ argument: String) async throws -> Registry {
        switch try await ButlerConfiguration.load(argument, environment: environment) {
        case .remote(let remote):
            throw CommandFailure.unsupported("Repositories behind a server (\(remote.server)) are not supported yet.")
        case .direct(let configuration):
            let settings = try configuration.registry()
            let database = try await DatabaseURL(parsing: settings.database).open(
                DatabaseOptions(access: .readOnly, readerCount: 1))
            return try await Registry.open(database: database, managers: settings.managers.mapValues(\.className))
        }
    }
}
