import ArgumentParser
import Database
import Felis
import FelisDatabase

struct FelisDiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Shows how two schemas differ, or a schema and a database.",
        discussion: """
            Two files are compared by the names of their tables and columns, in all that they say. One file with \
            --engine-url is compared with the database, and two files with --as DIALECT with each other, in what \
            databases know: columns, types, keys, constraints, indexes and, but for SQLite, descriptions.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, html }

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("One or two schema files, the older first.", valueName: "uri"))
    var locations: [String] = []

    @Option(help: ArgumentHelp("Address of the database to compare with.", valueName: "url"))
    var engineUrl: String?

    @Option(help: ArgumentHelp("Name of the schema in the database, instead of the file's.", valueName: "name"))
    var schemaName: String?

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("Compare as databases: sqlite, postgresql, mysql.", valueName: "dialect"))
    var dialect: Dialect?

    @Option(help: "How to show differences of files: text, json or html (a page of its own).")
    var format = Format.text

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("File for the result.", valueName: "file"))
    var outputFile: String?

    @Option(
        name: [.customShort("c"), .long],
        help: ArgumentHelp("As in the real tool: deepdiff compares files, alembic as databases.", valueName: "name"))
    var comparator: String?

    @Flag(name: [.customShort("E"), .long], help: "Exit with status 1 if there are differences.")
    var errorOnChange = false

    mutating func validate() throws {
        if let comparator, comparator != "deepdiff", comparator != "alembic" {
            throw ValidationError("--comparator should be deepdiff or alembic, found '\(comparator)'.")
        }
    }

    func run() async throws {
        guard locations.count == 2 || (locations.count == 1 && engineUrl != nil) else {
            throw CommandFailure.refused("diff needs two files, or one file and --engine-url.")
        }
        let (text, isDifferent) = try await result()
        try FelisOutput.write(text, to: outputFile)
        if isDifferent, errorOnChange {
            try FelisLog(felis).write(.error, "The schemas differ.")
            throw ExitCode(1)
        }
    }

    private func result() async throws -> (text: String, isDifferent: Bool) {
        if locations.count == 1 {
            let schema = try await felis.schema(locations[0])
            return Self.lines(try await differences(of: schema))
        }
        let old = try await felis.schema(locations[0])
        let new = try await felis.schema(locations[1])
        if let dialect = dialect ?? (comparator == "alembic" ? .sqlite : nil) {
            return Self.lines(try StructureComparison(old, new, dialect: dialect).differences)
        }
        let comparison = SchemaComparison(old, new)
        let text =
            switch format {
            case .text: comparison.text
            case .json: comparison.json
            case .html: comparison.html(oldTitle: locations[0], newTitle: locations[1])
            }
        return (text, !comparison.isEmpty)
    }

    /// How a database differs from a schema.
    private func differences(of schema: Schema) async throws -> [String] {
        let database = try await FelisEngineOptions.databaseToLookAt(engineUrl)
        var extraction = SchemaExtraction(name: schema.name, schemaName: schemaName)
        let found = try await extraction.schema(of: database)
        let wanted = try await extraction.asMade(schema, in: database)
        try await database.close()
        let log = try FelisLog(felis)
        for remark in extraction.remarks { try log.write(.warning, remark) }
        return try StructureComparison(found, wanted, dialect: database.dialect).differences
    }

    private static func lines(_ differences: [String]) -> (text: String, isDifferent: Bool) {
        (differences.map { "\($0)\n" }.joined(), !differences.isEmpty)
    }
}

extension Dialect: ExpressibleByArgument {}
