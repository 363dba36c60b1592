import Foundation
import RepositoryConfiguration

extension ConfigurationEnvironment {
    /// The environment of this process.
    public static var process: ConfigurationEnvironment {
        ConfigurationEnvironment(variables: ProcessInfo.processInfo.environment)
    }
}
