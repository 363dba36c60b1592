import Butler
import Database
import Foundation
import Registry
import RepositoryConfiguration

/// A small simulated survey in a repository of its own, to try things with.
///
/// A camera of eight detectors takes pictures of an invented sky in three filters on two nights. Raws, biases and flats
/// are simulated with the noise that real ones have; everything else is measured from them. The same seed gives the
/// same dataset identifiers and the same files.
public enum DemoSurvey {
    /// An empty schema of a database server.
    public struct ServerDatabase: Sendable {
        /// `postgresql://user@host:port/name`.
        public var url: String
        /// `nil` for the user's first one.
        public var schema: String?

        public init(url: String, schema: String? = nil) {
            self.url = url
            self.schema = schema
        }

        /// For messages, without a password.
        var name: String { (try? DatabaseURL(parsing: url))?.description ?? "the database" }

        /// How to get rid of what is in it, in words.
        var removal: String {
            if let schema { return "run DROP SCHEMA \"\(schema)\" CASCADE there, and CREATE SCHEMA \"\(schema)\"" }
            let database = (try? DatabaseURL(parsing: url))?.database.map { " \"\($0)\"" } ?? ""
            return "run DROP DATABASE\(database), and make it anew"
        }
    }

    /// What was made.
    public struct Report: Sendable {
        /// Absolute path of the repository.
        public let path: String
        public let visits: Int
        public let datasets: Int
        /// Of all files, the database included.
        public let bytes: Int64
    }

    public static let defaultSeed: UInt64 = 20_260_101

    /// Makes a repository with a survey.
    ///
    /// It appears under its name when it is complete. When something fails or the task is cancelled, nothing is left.
    /// The full survey takes some seconds of two processors and 50 MB.
    /// - Parameter directory: a new or an empty directory; missing parents are made.
    /// - Parameter database: where the registry goes, if not into a file of the directory. What a failed attempt leaves
    ///   there has to be dropped by its owner.
    /// - Throws: ``DemoSurveyError`` for an unusable directory, and the errors of the layers below.
    public static func make(
        at directory: String, seed: UInt64 = defaultSeed, scale: SurveyScale = .full, database: ServerDatabase? = nil
    ) async throws -> Report {
        let target = try NewDirectory(directory)
        // The environment could bring in other defaults, and with them other files.
        let environment = ConfigurationEnvironment(variables: [:])
        var hasTables = false
        do {
            try await DirectButler.create(
                target.draft, options: .init(configuration: .init(seed: SurveyLayout.configuration(database))),
                environment: environment)
            hasTables = true
            let butler = try await DirectButler.open(target.draft, writeable: true, environment: environment)
            let made: (visits: Int, datasets: Int)
            do {
                let maker = try SurveyMaker(butler, seed: seed, scale: scale)
                made = (maker.schedule.visits.count, try await maker.run())
                try await butler.close()
            } catch {
                // The files are about to be removed; what made the survey fail matters more.
                try? await butler.close()
                throw error
            }
            try Task.checkCancellation()
            let bytes = try size(of: target.draft)
            try target.publish()
            return Report(path: target.path, visits: made.visits, datasets: made.datasets, bytes: bytes)
        } catch {
            // As above: the first error is the one to tell.
            try? target.discard()
            guard let database else { throw error }
            if case .databaseNotEmpty(_, "butler_attributes")? = error as? RegistryError {
                throw DemoSurveyError.leftover(
                    database: database.name, removal: database.removal, drafts: target.abandonedDrafts())
            }
            guard hasTables else { throw error }
            let reason = error is CancellationError ? "it was interrupted." : "\(error)"
            throw DemoSurveyError.unfinished(database: database.name, reason: reason, removal: database.removal)
        }
    }

    private static func size(of directory: String) throws -> Int64 {
        try FileManager.default.subpathsOfDirectory(atPath: directory).reduce(0) { total, name in
            let attributes = try FileManager.default.attributesOfItem(atPath: directory + "/" + name)
            guard attributes[.type] as? FileAttributeType == .typeRegular else { return total }
            return total + ((attributes[.size] as? NSNumber)?.int64Value ?? 0)
        }
    }
}
