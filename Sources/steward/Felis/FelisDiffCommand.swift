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

    @Option(help: "How to show differences: text, json or html (a page of its own).")
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
            let url = try FelisEngineOptions.url(engineUrl)
            return shown(try await differences(of: schema), old: url.description, new: locations[0])
        }
        let old = try await felis.schema(locations[0])
        let new = try await felis.schema(locations[1])
        if let dialect = dialect ?? (comparator == "alembic" ? .sqlite : nil) {
            return shown(try StructureComparison(old, new, dialect: dialect), old: locations[0], new: locations[1])
        }
        let comparison = SchemaComparison(old, new)
        return (shown(comparison, comparison.text, old: locations[0], new: locations[1]), !comparison.isEmpty)
    }

    /// How a database differs from a schema. One without tables lacks all of them.
    private func differences(of schema: Schema) async throws -> StructureComparison {
        let database = try await FelisEngineOptions.databaseToLookAt(engineUrl)
        var extraction = SchemaExtraction(name: schema.name, schemaName: schemaName)
        let found = try await extraction.schema(of: database, allowsNone: true)
        let wanted = try await extraction.asMade(schema, in: database)
        try await database.close()
        let log = try FelisLog(felis)
        for remark in extraction.remarks { try log.write(.warning, remark) }
        return try StructureComparison(found, wanted, dialect: database.dialect)
    }

    private func shown(
        _ structure: StructureComparison, old: String, new: String
    ) -> (text: String, isDifferent: Bool) {
        let lines = structure.differences.map { "\($0)\n" }.joined()
        return (shown(structure.comparison, lines, old: old, new: new), !structure.differences.isEmpty)
    }

    private func shown(_ comparison: SchemaComparison, _ text: String, old: String, new: String) -> String {
        switch format {
        case .text: text
        case .json: comparison.json
        case .html: comparison.html(oldTitle: old, newTitle: new)
        }
    }
}

extension Dialect: ExpressibleByArgument {}
