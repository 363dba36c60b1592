import ByteText
import ButlerModel
import Database
import Foundation
import ObjectStorage
import Registry
import RepositoryConfiguration

/// Making a new repository.
extension DirectButler {
    /// What a new repository should be like.
    public struct CreationOptions: Sendable {
        public var configuration: NewRepositoryConfiguration.Options
        /// A file with the dimension universe; `nil` for the built-in one.
        public var dimensions: String?
        /// Whether an existing `butler.yaml` may be replaced.
        public var replacesConfiguration: Bool
        /// Whether to make all checks, but nothing else.
        public var isDryRun: Bool

        public init(
            configuration: NewRepositoryConfiguration.Options = .init(), dimensions: String? = nil,
            replacesConfiguration: Bool = false, isDryRun: Bool = false
        ) {
            self.configuration = configuration
            self.dimensions = dimensions
            self.replacesConfiguration = replacesConfiguration
            self.isDryRun = isDryRun
        }
    }

    /// Makes a repository in a directory, which is made if need be.
    ///
    /// The database is made first and `butler.yaml` last, so that what fails leaves no half repository behind that
    /// others could open.
    /// - Returns: the absolute paths of the directory and of its configuration file.
    /// - Throws: `RepositoryCreationError` when there is one already, `RegistryError` when the database holds tables.
    @discardableResult
    public static func create(
        _ root: String, options: CreationOptions = .init(), environment: ConfigurationEnvironment = .process
    ) async throws -> (root: String, configuration: String) {
        let plan = try await NewRepositoryConfiguration.make(
            root: root, options: options.configuration, environment: environment)
        let dimensions = try DimensionConfiguration(
            .object(try await DefaultDimensions.configuration(path: options.dimensions, environment: environment)))
        let path = try localPath(plan.file)
        if FileManager.default.fileExists(atPath: path), !options.replacesConfiguration {
            throw RepositoryCreationError.exists(path)
        }
        let directory = try localPath(plan.root)
        let outcome = (
            root: directory.withoutFinalSlash,
            configuration: path
        )
        if options.isDryRun { try requireRoom(directory) } else { try makeDirectory(directory) }
        let section = try plan.configuration.registry()
        let obsCore = try section.managers["obscore"].map {
            try ObsCoreConfiguration(manager: $0.className, $0.configuration)
        }
        let url = try RegistryDatabase.url(section, environment: environment)
        let isFile = url.dialect == "sqlite"
        let isNewFile = isFile && url.database.map { !FileManager.default.fileExists(atPath: $0) } ?? false
        if options.isDryRun {
            let database = isNewFile ? nil
                : try await url.open(DatabaseOptions(access: isFile ? .readOnly : .create), schema: section.namespace)
            do {
                try await Registry.rehearseCreation(database: database, dimensions: dimensions, obsCore: obsCore)
            } catch {
                try? await database?.close()
                throw error
            }
            try await database?.close()
            return outcome
        }
        let database = try await url.open(DatabaseOptions(access: .create), schema: section.namespace)
        var hasTables = false
        do {
            try await Registry.create(database: database, dimensions: dimensions, obsCore: obsCore)
            hasTables = true
            if isFile { try await database.close() }
            let store = try POSIXObjectStore(root: try ResourceURI(localPath: "/"))
            try await store.write(
                try ObjectPath(String(path.drop { $0 == "/" })), bytes: Array(plan.text.utf8), mode: .overwrite)
        } catch {
            // What this call made in the database is of no use to anyone else.
            if isNewFile, hasTables || !isOthers(error), let file = url.database {
                try? FileManager.default.removeItem(atPath: file)
            }
            if hasTables, !isFile {
                try? await Registry.remove(database: database, dimensions: dimensions, obsCore: obsCore)
            }
            try? await database.close()
            throw error
        }
        try await database.close()
        return outcome
    }

    /// Whether an error says that another client makes, or has just made, a repository in the same database.
    private static func isOthers(_ error: any Error) -> Bool {
        switch error {
        case RegistryError.databaseNotEmpty, DatabaseError.locked: true
        default: false
        }
    }

    private static func makeDirectory(_ directory: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw RepositoryCreationError.cannotMake(directory, reason: reason(error))
        }
    }

    /// Whether a directory is there or could be made, and files in it.
    private static func requireRoom(_ directory: String) throws {
        var path = URL(filePath: directory).standardizedFileURL
        var isDirectory: ObjCBool = false
        while !FileManager.default.fileExists(atPath: path.path, isDirectory: &isDirectory), path.path != "/" {
            path.deleteLastPathComponent()
        }
        guard isDirectory.boolValue else {
            throw RepositoryCreationError.cannotMake(directory, reason: "\(path.path) is not a directory")
        }
        guard FileManager.default.isWritableFile(atPath: path.path) else {
            throw RepositoryCreationError.cannotMake(directory, reason: "\(path.path) may not be written to")
        }
    }

    private static func localPath(_ location: ConfigurationLocation) throws -> String {
        guard case .local(let path) = location else {
            throw RepositoryCreationError.notLocal(location.description)
        }
        return path
    }

    private static func reason(_ error: any Error) -> String {
        let nested = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        return (nested ?? (error as NSError)).localizedDescription
    }
}

/// Why a repository cannot be made.
public enum RepositoryCreationError: Error, Hashable, Sendable, CustomStringConvertible {
    case exists(String)
    case notLocal(String)
    case cannotMake(String, reason: String)

    public var description: String {
        switch self {
        case .exists(let path): "\(path) exists already; choose another directory for the new repository."
        case .notLocal(let location): "\(location) is not on this machine; repositories are made in local directories."
        case .cannotMake(let path, let reason): "Cannot make the directory \(path): \(reason)"
        }
    }
}
