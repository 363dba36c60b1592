import ArgumentParser
import Felis
import FelisDatabase

struct FelisMigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Writes the SQL that brings a database from one version of a schema to the next.",
        discussion: """
            Steps that would lose data make the command fail, unless --allow-data-loss says that this is meant; steps \
            that the data may not allow are marked. Nothing is executed.
            """)

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("The version that the database has.", valueName: "old"))
    var old: String

    @Argument(help: ArgumentHelp("The version that it should have.", valueName: "new"))
    var new: String

    @Option(help: ArgumentHelp("sqlite, postgresql or mysql.", valueName: "dialect"))
    var dialect: Dialect

    @Option(help: ArgumentHelp("Name of the schema in the database, instead of the file's.", valueName: "name"))
    var schemaName: String?

    @Flag(help: "Write steps that lose data, too.")
    var allowDataLoss = false

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("File for the SQL.", valueName: "file"))
    var outputFile: String?

    func run() async throws {
        let migration = SchemaMigration(
            from: try await felis.schema(old), to: try await felis.schema(new), dialect: dialect, schemaName: schemaName
        )
        let steps = try migration.steps()
        let losses = steps.compactMap { step in
            if case .losesData(let reason) = step.risk { "\(step.purpose): \(reason)" } else { nil }
        }
        guard losses.isEmpty || allowDataLoss else {
            throw CommandFailure.refused(
                "The migration would lose data (\(losses.joined(separator: "; "))); "
                    + "give --allow-data-loss if that is meant.")
        }
        try FelisOutput.write(steps.map(\.scriptText).joined(), to: outputFile)
    }
}

struct FelisExtractCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract", abstract: "Writes the tables of a database as a schema file.",
        discussion: "SQLite keeps no descriptions, and no database knows units and UCDs, so these are for you to add.")

    @ParentCommand var felis: FelisCommand

    @Option(help: ArgumentHelp("Address of the database. (default: FELIS_ENGINE_URL)", valueName: "url"))
    var engineUrl: String?

    @Option(help: ArgumentHelp("Name of the schema.", valueName: "name"))
    var name: String

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("File to write. (default: standard output)", valueName: "file"))
    var outputFile: String?

    func run() async throws {
        let database = try await FelisEngineOptions.url(engineUrl).openForSchemas(readOnly: true)
        var extraction = SchemaExtraction(name: name)
        let schema = try await extraction.schema(of: database)
        try await database.close()
        let log = try FelisLog(felis)
        for remark in extraction.remarks { try log.write(.warning, remark) }
        try FelisOutput.write(SchemaDump().yaml(schema), to: outputFile)
    }
}
