import ArgumentParser
import Database
import Felis
import FelisDatabase

struct FelisInitTapSchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init-tap-schema", abstract: "Makes the tables of TAP_SCHEMA (TAP 1.1) in a database.",
        discussion: "An address without a database gives the SQL only.")

    @ParentCommand var felis: FelisCommand

    @Option(help: ArgumentHelp("Address of the database. (default: FELIS_ENGINE_URL)", valueName: "url"))
    var engineUrl: String?

    @Option(help: ArgumentHelp("Schema of the tables. (default: TAP_SCHEMA)", valueName: "name"))
    var tapSchemaName: String?

    @Option(help: ArgumentHelp(
            "A schema file whose tables add columns. \(TapSchemaExtensions.location) is known without a file.",
            valueName: "uri"))
    var extensions: String?

    @Option(help: ArgumentHelp("Text after the names of the tables, such as 11.", valueName: "text"))
    var tapTablesPostfix: String?

    @Flag(inversion: .prefixedNo, exclusivity: .chooseLast, help: "Let the tables describe themselves.")
    var insertMetadata = true

    func run() async throws {
        guard let url = try FelisEngineOptions.givenURL(engineUrl) else {
            throw UsageFailure("Missing option '--engine-url', and FELIS_ENGINE_URL is not set")
        }
        let target = TapSchemaTarget(
            dialect: try Dialect(of: url), schemaName: tapSchemaName ?? TapSchemaTarget.defaultSchemaName,
            postfix: tapTablesPostfix ?? "")
        var creation = TapSchemaCreation(target, describesItself: insertMetadata)
        if let extensions {
            let isOwn = extensions == TapSchemaExtensions.location
            creation.extensions = isOwn ? TapSchemaExtensions.schema : try await felis.schema(extensions)
        }
        let statements = try creation.statements()
        guard !FelisEngineOptions.isDialectOnly(url) else {
            return try FelisOutput.write(statements.map(\.scriptText).joined(), to: nil)
        }
        let database = try await url.openForSchemas()
        try await database.run(statements)
        try await database.close()
    }
}

struct FelisLoadTapSchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load-tap-schema", abstract: "Writes what TAP_SCHEMA says about a schema into a database.",
        discussion: """
            With --update, rows of the file's tables that are there already are changed in place, in one \
            transaction: the place of the schema (unless --tap-schema-index gives one) and what columns of extensions \
            have stay. Tables of the same schema that the file does not have may be another file's, and stay; \
            --previous says which may go. Without --update, a schema that is there is an error. An address without a \
            database gives the SQL only.
            """)

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("Path or address of a schema file.", valueName: "uri"))
    var location: String

    @Option(help: ArgumentHelp("Address of the database. (default: FELIS_ENGINE_URL)", valueName: "url"))
    var engineUrl: String?

    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("Schema of the tables. (default: TAP_SCHEMA)", valueName: "name"))
    var tapSchemaName: String?

    @Option(
        name: [.customShort("p"), .long],
        help: ArgumentHelp("Text after the names of the tables, such as 11.", valueName: "text"))
    var tapTablesPostfix: String?

    @Option(
        name: [.customShort("i"), .long],
        help: ArgumentHelp("Place of the schema among all of a service.", valueName: "n"))
    var tapSchemaIndex: Int?

    @Flag(name: [.customShort("D"), .long], help: "Write the SQL only.")
    var dryRun = false

    @Flag(name: [.customShort("e"), .long], help: "Show the statements.")
    var echo = false

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("File for the SQL.", valueName: "file"))
    var outputFile: String?

    @Flag(help: "Write '*' for every variable length.")
    var forceUnboundedArraysize = false

    @Flag(name: [.customShort("u"), .long], help: "Put the name of the schema before the names of keys.")
    var uniqueKeys = false

    @Flag(help: "Change the rows that are there in place.")
    var update = false

    @Option(
        help: ArgumentHelp(
            "With --update: the version of the file that is loaded; tables that it had and the new one lacks go.",
            valueName: "uri"))
    var previous: String?

    func run() async throws {
        guard let url = try FelisEngineOptions.givenURL(engineUrl) else {
            throw CommandFailure.refused("load-tap-schema needs --engine-url, or FELIS_ENGINE_URL.")
        }
        let target = TapSchemaTarget(
            dialect: try Dialect(of: url), schemaName: tapSchemaName ?? TapSchemaTarget.defaultSchemaName,
            postfix: tapTablesPostfix ?? "")
        var options = try felis.schemaOptions()
        options.isUnbounded = forceUnboundedArraysize
        let schema = try await felis.schema(location, options: options)
        let rows = TapSchemaRows(schemaIndex: tapSchemaIndex, hasUniqueKeys: uniqueKeys)
        var before: Schema?
        if let previous {
            guard update else { throw UsageFailure("--previous needs --update") }
            before = try await felis.schema(previous, options: options)
        }
        let change = update ? try TapSchemaUpdate(schema, rows: rows, previous: before, target: target) : nil
        let statements = try change?.statements() ?? target.inserts(rows.rows(of: schema))
        let isDryRun = dryRun || FelisEngineOptions.isDialectOnly(url)
        if echo || outputFile != nil || isDryRun {
            let lines = statements.map(\.scriptText).joined()
            let script = update ? "BEGIN;\n\(lines)COMMIT;\n" : lines
            if let outputFile { try FelisOutput.write(script, to: outputFile) }
            if echo || (isDryRun && outputFile == nil) { try FelisOutput.write(script, to: nil) }
        }
        guard !isDryRun else { return }
        let database = try await url.openForSchemas()
        try await database.run(statements)
        if let change { try await tellOfOthers(change, schema: schema.name, in: database) }
        try await database.close()
    }

    /// Tables of the schema that stay although the file does not have them.
    private func tellOfOthers(
        _ update: TapSchemaUpdate, schema: String, in database: any SchemaDatabase
    ) async throws {
        let own = Set(update.tables)
        let names = try await database.rows(update.tablesQuery(ofSchema: schema)).compactMap { $0.first ?? nil }
        let others = names.filter { !own.contains($0) }.sorted()
        guard !others.isEmpty else { return }
        try FelisLog(felis).write(
            .info,
            "The schema '\(schema)' also has \(others.joined(separator: ", ")), which the file does not; "
                + "if they were of an earlier version of it, give that with --previous.")
    }
}
