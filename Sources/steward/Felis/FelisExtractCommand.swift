import ArgumentParser
import Database
import Felis
import FelisDatabase

struct FelisExtractCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract", abstract: "Writes the tables of a database, or of Parquet files, as a schema file.",
        discussion: """
            SQLite keeps no descriptions, and no database knows units and UCDs: --tap-schema takes them from the \
            TAP_SCHEMA of the same database, else they are for you to add. What the language has no name for is \
            said in warnings.
            """)

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("Parquet files, a table each, instead of a database.", valueName: "file"))
    var files: [String] = []

    @Option(help: ArgumentHelp("Address of the database. (default: FELIS_ENGINE_URL)", valueName: "url"))
    var engineUrl: String?

    @Option(help: ArgumentHelp("Name of the schema.", valueName: "name"))
    var name: String

    @Option(help: ArgumentHelp("Name of the schema in the database. (default: that of --name)", valueName: "name"))
    var schemaName: String?

    @Flag(help: "Take from TAP_SCHEMA what the tables do not say.")
    var tapSchema = false

    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("Schema of TAP_SCHEMA's tables. (default: TAP_SCHEMA)", valueName: "name"))
    var tapSchemaName: String?

    @Option(
        name: [.customShort("p"), .long],
        help: ArgumentHelp("Text after the names of TAP_SCHEMA's tables, such as 11.", valueName: "text"))
    var tapTablesPostfix: String?

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("File to write. (default: standard output)", valueName: "file"))
    var outputFile: String?

    mutating func validate() throws {
        guard files.isEmpty || (engineUrl == nil && !tapSchema) else {
            throw ValidationError("extract reads either Parquet files or a database.")
        }
    }

    func run() async throws {
        let (schema, remarks) = files.isEmpty ? try await fromDatabase() : try fromFiles()
        let log = try FelisLog(felis)
        for remark in remarks { try log.write(.warning, remark) }
        try FelisOutput.write(SchemaDump().yaml(schema), to: outputFile)
    }

    private func fromFiles() throws -> (Schema, remarks: [String]) {
        var extraction = ParquetExtraction(name: name)
        let schema = try extraction.schema(of: files)
        return (schema, extraction.remarks)
    }

    private func fromDatabase() async throws -> (Schema, remarks: [String]) {
        let database = try await FelisEngineOptions.url(engineUrl).openForSchemas(readOnly: true)
        let target = TapSchemaTarget(
            dialect: database.dialect, schemaName: tapSchemaName ?? TapSchemaTarget.defaultSchemaName,
            postfix: tapTablesPostfix ?? "")
        var extraction = SchemaExtraction(name: name, schemaName: schemaName)
        var schema = try await extraction.schema(of: database)
        if tapSchema {
            if database.dialect == .sqlite {
                // All tables of the file are in one place, those of TAP_SCHEMA too.
                let own = Set(TapTable.allCases.map { $0.rawValue + target.postfix })
                schema.tables.removeAll { own.contains($0.name) }
            }
            schema = try await TapSchemaReader(target).complete(schema, in: database)
        }
        try await database.close()
        return (schema, extraction.remarks)
    }
}
