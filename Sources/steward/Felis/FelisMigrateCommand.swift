import ArgumentParser
import Database
import Felis
import FelisDatabase

struct FelisMigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Proposes the SQL that brings a database from one version of a schema to the next.",
        discussion: """
            The old version is a file, or with --engine-url what the database has now. Steps that would lose data make \
            the command fail, unless --allow-data-loss says that this is meant; steps that the data may not allow, and \
            columns that are taken to have got another name, are marked. Nothing is executed, unless --execute is \
            given: then all steps are run in one transaction. The SQL for SQLite and PostgreSQL changes all or \
            nothing, even if its client goes on after an error.
            """)

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("The version that the database has, unless --engine-url tells, and the new one."))
    var locations: [String]

    @Option(help: ArgumentHelp("Address of the database that is to change.", valueName: "url"))
    var engineUrl: String?

    @Option(help: ArgumentHelp("sqlite, postgresql or mysql. (default: that of --engine-url)", valueName: "dialect"))
    var dialect: Dialect?

    @Option(help: ArgumentHelp("Name of the schema in the database, instead of the file's.", valueName: "name"))
    var schemaName: String?

    @Flag(help: "Also steps that lose data.")
    var allowDataLoss = false

    @Flag(help: "Run the steps on the database, which has to be PostgreSQL.")
    var execute = false

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("File for the SQL.", valueName: "file"))
    var outputFile: String?

    mutating func validate() throws {
        guard locations.count == 2 || (locations.count == 1 && engineUrl != nil) else {
            throw ValidationError("migrate needs two files, or --engine-url and the new one.")
        }
        guard dialect != nil || engineUrl != nil else {
            throw ValidationError("migrate needs --dialect, or --engine-url.")
        }
        guard engineUrl != nil || !execute else { throw ValidationError("--execute needs --engine-url.") }
    }

    func run() async throws {
        let url = try engineUrl.map { try DatabaseURL(parsing: $0) }
        let dialect = try url.map { try Dialect(of: $0) } ?? dialect ?? .sqlite
        guard !execute || dialect == .postgresql else {
            throw CommandFailure.refused(
                "--execute works on PostgreSQL only; run the SQL with the client of \(dialect.rawValue).")
        }
        let (old, new, extraction) = try await versions()
        let databaseSchema = schemaName ?? (url == nil ? nil : old.name)
        let migration = SchemaMigration(
            from: old, to: new, dialect: dialect, schemaName: databaseSchema,
            unsaid: extraction?.unsaid ?? UnsaidParts(), makesSchema: !(extraction?.isThere ?? true))
        let steps = try migration.steps()
        for step in steps {
            guard case .assumes(let guess) = step.risk else { continue }
            try FelisLog(felis).write(.warning, "\(step.purpose): a guess, \(guess).")
        }
        let losses = steps.compactMap { step in
            if case .losesData(let reason) = step.risk { "\(step.purpose): \(reason)" } else { nil }
        }
        guard losses.isEmpty || allowDataLoss else {
            throw CommandFailure.refused(
                "The migration would lose data (\(losses.joined(separator: "; "))); "
                    + "give --allow-data-loss if that is meant.")
        }
        if !execute || outputFile != nil { try FelisOutput.write(migration.script(steps), to: outputFile) }
        guard execute, let url else { return }
        let database = try await url.openForSchemas()
        try await database.run(steps.flatMap(\.statements))
        try await database.close()
        try FelisLog(felis).write(.info, "Ran \(steps.count) steps.")
    }

    /// What there is, and what there should be; and how a database was read.
    private func versions() async throws -> (old: Schema, new: Schema, extraction: SchemaExtraction?) {
        let last = try await felis.schema(locations[locations.count - 1])
        if locations.count == 2 { return (try await felis.schema(locations[0]), last, nil) }
        let database = try await FelisEngineOptions.databaseToLookAt(engineUrl)
        var extraction = SchemaExtraction(name: last.name, schemaName: schemaName)
        let found = try await extraction.schema(of: database, allowsNone: true)
        let wanted = try await extraction.asMade(last, in: database)
        try await database.close()
        let log = try FelisLog(felis)
        for remark in extraction.remarks { try log.write(.warning, remark) }
        return (found, wanted, extraction)
    }
}
