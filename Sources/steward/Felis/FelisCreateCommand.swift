import ArgumentParser
import Database
import Felis
import FelisDatabase
import Foundation

/// Which database, and which schema in it.
struct FelisEngineOptions: ParsableArguments {
    @Option(
        name: .customLong("engine-url"),
        help: ArgumentHelp(
            "sqlite:///path, postgresql://… or mysql://… (default: FELIS_ENGINE_URL, else sqlite://)",
            valueName: "url"))
    var text: String?

    @Option(help: ArgumentHelp("Name of the schema in the database, instead of the file's.", valueName: "name"))
    var schemaName: String?

    func url() throws -> DatabaseURL { try Self.url(text) }

    static func url(_ text: String?) throws -> DatabaseURL {
        try givenURL(text) ?? DatabaseURL(parsing: "sqlite://")
    }

    /// `nil` if neither the command line nor the environment gives one.
    static func givenURL(_ text: String?) throws -> DatabaseURL? {
        try (text ?? ProcessInfo.processInfo.environment["FELIS_ENGINE_URL"]).map { try DatabaseURL(parsing: $0) }
    }

    /// A database that nothing is to change. PostgreSQL is opened for writing if it can be, as it is asked what it
    /// would make of definitions.
    static func databaseToLookAt(_ text: String?) async throws -> any SchemaDatabase {
        let url = try url(text)
        guard try Dialect(of: url) == .postgresql else { return try await url.openForSchemas(readOnly: true) }
        do {
            return try await url.openForSchemas()
        } catch DatabaseError.readOnly {
            return try await url.openForSchemas(readOnly: true)
        }
    }

    /// Whether an address names no database, only a dialect.
    static func isDialectOnly(_ url: DatabaseURL) -> Bool {
        url.dialect == "sqlite" ? url.database == nil : url.host == nil
    }
}

struct FelisCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Makes the tables of a schema in a database, or writes the SQL for it.",
        discussion: """
            An address without a database ('sqlite://', 'postgresql://', 'mysql://') gives the SQL only, as --dry-run \
            does. Tables that are there already are left alone.
            """)

    @ParentCommand var felis: FelisCommand
    @OptionGroup var engine: FelisEngineOptions

    @Argument(help: ArgumentHelp("Path or address of a schema file.", valueName: "uri"))
    var location: String

    @Flag(help: "Make the schema in the database unless it is there.")
    var initialize = false

    @Flag(help: "Remove what is there first, with its data.")
    var drop = false

    @Flag(help: "Show statements as they are executed.")
    var echo = false

    @Flag(help: "Write the SQL only.")
    var dryRun = false

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("File for the SQL.", valueName: "file"))
    var outputFile: String?

    @Flag(help: "Leave out all constraints but primary keys.")
    var ignoreConstraints = false

    @Flag(help: "Make no indexes.")
    var skipIndexes = false

    func run() async throws {
        if initialize, drop { throw CommandFailure.refused("--initialize and --drop exclude each other.") }
        let url = try engine.url()
        let dialect = try Dialect(of: url)
        let schema = try await felis.schema(location)
        let definitions = SchemaDefinitions(
            schema, dialect: dialect,
            options: .init(
                schemaName: engine.schemaName, ignoresConstraints: ignoreConstraints, skipsIndexes: skipIndexes))
        let creation = SchemaCreation(definitions)
        let preparation: SchemaCreation.Preparation = drop ? .drop : initialize ? .initialize : .none
        guard !dryRun, !FelisEngineOptions.isDialectOnly(url) else {
            let statements = creation.preparation(preparation) + (try definitions.statements())
            return try FelisOutput.write(statements.map(\.scriptText).joined(), to: outputFile)
        }
        let database = try await url.openForSchemas()
        let statements = try await creation.create(in: database, preparation: preparation)
        try await database.close()
        let script = statements.map(\.scriptText).joined()
        if echo { try FelisOutput.write(script, to: nil) }
        if let outputFile { try FelisOutput.write(script, to: outputFile) }
    }
}

struct FelisCreateIndexesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create-indexes", abstract: "Makes the indexes of a schema that its database lacks.")

    @ParentCommand var felis: FelisCommand
    @OptionGroup var engine: FelisEngineOptions

    @Argument(help: ArgumentHelp("Path or address of a schema file.", valueName: "uri"))
    var location: String

    func run() async throws {
        let url = try engine.url()
        let schema = try await felis.schema(location)
        let definitions = SchemaDefinitions(
            schema, dialect: try Dialect(of: url), options: .init(schemaName: engine.schemaName))
        guard !FelisEngineOptions.isDialectOnly(url) else {
            return try FelisOutput.write(try definitions.indexStatements().map(\.scriptText).joined(), to: nil)
        }
        let database = try await url.openForSchemas()
        let result = try await SchemaCreation(definitions).createIndexes(in: database)
        try await database.close()
        let log = try FelisLog(felis)
        for name in result.kept { try log.write(.warning, "The index '\(name)' exists already.") }
        for name in result.made { try log.write(.info, "Made the index '\(name)'.") }
    }
}

struct FelisDropIndexesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop-indexes", abstract: "Removes the indexes of a schema from its database.")

    @ParentCommand var felis: FelisCommand
    @OptionGroup var engine: FelisEngineOptions

    @Argument(help: ArgumentHelp("Path or address of a schema file.", valueName: "uri"))
    var location: String

    func run() async throws {
        let url = try engine.url()
        let schema = try await felis.schema(location)
        let definitions = SchemaDefinitions(
            schema, dialect: try Dialect(of: url), options: .init(schemaName: engine.schemaName))
        let creation = SchemaCreation(definitions)
        guard !FelisEngineOptions.isDialectOnly(url) else {
            return try FelisOutput.write(creation.indexRemovals().map(\.scriptText).joined(), to: nil)
        }
        let database = try await url.openForSchemas()
        let result = try await creation.dropIndexes(in: database)
        try await database.close()
        let log = try FelisLog(felis)
        for name in result.missing { try log.write(.warning, "There is no index '\(name)'.") }
        for name in result.dropped { try log.write(.info, "Removed the index '\(name)'.") }
    }
}
