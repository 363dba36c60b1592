import ArgumentParser
import Felis

/// `steward felis`: the commands of the Python tool `felis`, with its names and options, and some more.
struct FelisCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "felis",
        abstract: "Checks science data models, makes databases of them and tells data services about them.",
        discussion: "The options below come before the name of the command and hold for all of them.",
        version: "felis, version \(Version.current)",
        subcommands: [
            FelisCreateCommand.self,
            FelisCreateIndexesCommand.self,
            FelisDataLinkCommand.self,
            FelisDiffCommand.self,
            FelisDropIndexesCommand.self,
            FelisDumpCommand.self,
            FelisExtractCommand.self,
            FelisInitTapSchemaCommand.self,
            FelisJSONSchemaCommand.self,
            FelisLoadTapSchemaCommand.self,
            FelisMergeCommand.self,
            FelisMigrateCommand.self,
            FelisSiteCommand.self,
            FelisVOTableCommand.self,
            FelisValidateCommand.self,
        ])

    @Option(
        name: .customLong("log-level"),
        help: "Least level to log: CRITICAL, FATAL, ERROR, WARNING, INFO or DEBUG. (default: FELIS_LOGLEVEL, else INFO)"
    )
    var logLevel: String?

    @Option(
        name: .customLong("log-file"),
        help: ArgumentHelp("Write log messages to a file instead. (default: FELIS_LOGFILE)", valueName: "file"))
    var logFile: String?

    @Flag(
        name: .customLong("id-generation"), inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Give objects without '@id' one made of names.")
    var generatesIDs = true

    @Option(
        name: .customLong("column-ref-index-increment"),
        help: ArgumentHelp(
            "Number columns that come from other schemas N, 2N, 3N, … in TAP_SCHEMA.", valueName: "n"))
    var referenceIndexIncrement: Int?

    mutating func validate() throws {
        _ = try FelisLog(self)
    }

    func run() throws { throw MissingSubcommand(of: Self.self) }

    /// How schemas are read by all commands.
    ///
    /// - Throws: `CommandFailure` for an increment that is none.
    func schemaOptions() throws -> SchemaOptions {
        if let increment = referenceIndexIncrement, increment < 1 {
            throw CommandFailure.refused("--column-ref-index-increment should be at least 1, found \(increment).")
        }
        var options = SchemaOptions()
        options.generatesIDs = generatesIDs
        options.referenceIndexIncrement = referenceIndexIncrement
        return options
    }

    func loader(_ options: SchemaOptions? = nil) throws -> SchemaLoader {
        SchemaLoader(files: RemoteSchemaFiles(), options: try options ?? schemaOptions())
    }

    /// A schema without errors; if there are any, they are logged and the program ends.
    func schema(_ location: String, options: SchemaOptions? = nil) async throws -> Schema {
        let log = try FelisLog(self)
        let loaded = try await loader(options).load(SchemaLocation(location))
        for problem in loaded.problems {
            try log.write(problem.severity == .error ? .error : .warning, problem.description)
        }
        guard let schema = loaded.schema else {
            throw CommandFailure.refused(
                "'\(location)' has \(loaded.errorCount) \(loaded.errorCount == 1 ? "error" : "errors").")
        }
        return schema
    }
}
